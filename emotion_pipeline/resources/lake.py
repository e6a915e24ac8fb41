"""The embedded warehouse: a lake of Parquet files, one per table and partition, read with DuckDB.

Layout below the root, on local disk or any universal-pathlib file system: ``<table>/<day>.parquet``,
``audio/<aa>/<id>.flac`` for the normalised copy of every accepted recording, ``held/<table>/<day>.parquet`` for a batch
that its gate refused, and ``unfinished/<id>/`` for a long transcription that is under way. A reader sees the old
partition or the new one, whole, and a crash leaves the old one (see ``publish``). Nothing here knows about Dagster runs
(see ``io_manager``) or about models.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

import dagster as dg
import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from emotion_pipeline.contract import conform
from emotion_pipeline.engine.errors import ContractError
from emotion_pipeline.resources.publish import is_local, publishing
from emotion_pipeline.tables import PARTITION_COLUMN, TABLES, Table

HELD: Final = "held"
AUDIO: Final = "audio"
UNFINISHED: Final = "unfinished"


class Lake(dg.ConfigurableResource):
    """Tables and audio copies below one root.

    Attributes:
        root: a local path or any URL that universal-pathlib understands (``s3://…``, ``abfs://…``, ``gs://…``).
    """

    root: str

    def path(self, table: Table, partition: str) -> UPath:
        """Return where one partition of one table lies, whether it exists or not."""
        return UPath(self.root) / table.name / f"{partition}.parquet"

    def partitions(self, table: Table) -> list[str]:
        """Return the days that have been written, in order."""
        folder = UPath(self.root) / table.name
        if not folder.is_dir():
            return []
        return sorted(path.stem for path in folder.iterdir() if path.suffix == ".parquet")

    def read(self, table: Table, partition: str, columns: Sequence[str] | None = None) -> pd.DataFrame | None:
        """Return the rows of one partition, all columns or those named, or None if it was never written.

        A partition that was written before the contract had a column has nulls in it.
        """
        schema = pa.schema([field.with_nullable(True) for field in table.schema])
        try:
            with self.path(table, partition).open("rb") as file:
                stored = pq.read_table(file, columns=list(columns or table.column_names), schema=schema)
        except FileNotFoundError:
            return None
        return stored.to_pandas()

    def write(self, table: Table, partition: str, frame: pd.DataFrame) -> UPath:
        """Replace one partition by ``frame``, whole or not at all.

        Raises ContractError where the frame does not fit the contract or holds rows of another day.
        """
        rows = conform(frame, table)
        self._refuse_other_days(rows, table, partition)
        target = self.path(table, partition)
        with publishing(target) as draft:
            _write_parquet(rows, draft)
        return target

    def hold(self, table: Table, partition: str, frame: pd.DataFrame) -> UPath:
        """Keep a refused batch beside the tables, where people can look at it and nothing reads it."""
        target = self.held_path(table, partition)
        with publishing(target) as draft:
            _write_parquet(pa.Table.from_pandas(frame, preserve_index=False), draft)
        return target

    def held_path(self, table: Table, partition: str) -> UPath:
        """Return where a refused batch is kept, whether there is one or not."""
        return UPath(self.root) / HELD / table.name / f"{partition}.parquet"

    def release(self, table: Table, partition: str) -> None:
        """Drop the refused batch of a partition, once a good one has replaced it."""
        self.held_path(table, partition).unlink(missing_ok=True)

    def audio_uri(self, recording_id: str) -> str:
        """Return where a recording's copy belongs, relative to the root: by content, so that equal bytes share one."""
        return f"{AUDIO}/{recording_id[:2]}/{recording_id}.flac"

    def has_audio(self, audio_uri: str) -> bool:
        return (UPath(self.root) / audio_uri).is_file()

    @contextmanager
    def audio_file(self, audio_uri: str) -> Iterator[Path]:
        """Give a local path to a stored copy, fetched to a temporary file where the lake is not on local disk."""
        stored = UPath(self.root) / audio_uri
        if is_local(stored):
            yield Path(str(stored))
            return
        with NamedTemporaryFile(suffix=stored.suffix) as local:
            local.write(stored.read_bytes())
            local.flush()
            yield Path(local.name)

    @contextmanager
    def audio_draft(self, audio_uri: str) -> Iterator[Path]:
        """Give a local path to write a copy to, which is kept when the context ends without an error."""
        with publishing(UPath(self.root) / audio_uri) as draft:
            yield draft

    def checkpoints(self, recording_id: str) -> "LakeCheckpoints":
        """Return where unfinished work on a recording is kept."""
        return LakeCheckpoints(UPath(self.root) / UNFINISHED / recording_id)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Open an in-memory DuckDB with one view per table that has been written; the caller closes it."""
        connection = duckdb.connect()
        for table in TABLES.values():
            if self.partitions(table):
                pattern = str(UPath(self.root) / table.name / "*.parquet").replace("'", "''")
                files = f"read_parquet('{pattern}', union_by_name = true)"
                connection.execute(f"create view {table.name} as select * from {files}")
        return connection

    @staticmethod
    def _refuse_other_days(rows: pa.Table, table: Table, partition: str) -> None:
        days = {str(day) for day in rows.column(PARTITION_COLUMN).unique().to_pylist()}
        if strangers := sorted(days - {partition}):
            raise ContractError(f"table {table.name}: rows of {strangers} do not belong into partition {partition}")


class LakeCheckpoints:
    """Finished parts of one recording's transcription, until the whole is done; see ``transcribe.checkpoints``."""

    def __init__(self, folder: UPath) -> None:
        self._folder = folder

    def read(self, name: str) -> str | None:
        try:
            return (self._folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def write(self, name: str, text: str) -> None:
        with publishing(self._folder / name) as draft:
            draft.write_text(text, encoding="utf-8")

    def clear(self) -> None:
        if self._folder.is_dir():
            self._folder.fs.rm(self._folder.path, recursive=True)


def _write_parquet(rows: pa.Table, path: Path) -> None:
    pq.write_table(rows, path, compression="zstd")
