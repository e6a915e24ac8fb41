"""The embedded warehouse: a lake of Parquet files, ``<table>/<day>.parquet``, read with DuckDB.

Of a table whose rows are appended a day is a folder, ``<table>/<day>/<name>.parquet``: each call adds a file of its
own, so that nobody waits for anybody or writes over what is there.

It lies on local disk or any universal-pathlib file system. A reader sees the old partition or the new one, whole, and a
crash leaves the old one (see ``atomic_files``).
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from emotion_pipeline.engine.stages.tables import TABLES, Table
from emotion_pipeline.schema.conform import as_partition
from emotion_pipeline.warehouse.atomic_files import publishing
from emotion_pipeline.warehouse.base import Chosen, Warehouse


@dataclass(frozen=True)
class Lake(Warehouse):
    """Tables below one root.

    Attributes:
        root: a local path or any URL that universal-pathlib understands (``s3://…``, ``abfs://…``, ``gs://…``).
    """

    root: str

    @property
    def name(self) -> str:
        return self.root

    def path(self, table: Table, partition: str) -> UPath:
        """Return where one partition of one table lies, whether it exists or not."""
        return UPath(self.root) / table.name / f"{partition}.parquet"

    def partitions(self, table: Table) -> list[str]:
        folder = UPath(self.root) / table.name
        if not folder.is_dir():
            return []
        if table.appended:
            return sorted(path.name for path in folder.iterdir() if any(path.glob("*.parquet")))
        return sorted(path.stem for path in folder.iterdir() if path.suffix == ".parquet")

    def read(self, table: Table, partition: str, columns: Sequence[str] | None = None) -> pd.DataFrame | None:
        parts = []
        for path in self._parts(table, partition):
            try:
                parts.append(self._read(table, path, columns))
            except FileNotFoundError:
                continue
        return pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0] if parts else None

    def _read(self, table: Table, path: UPath, columns: Sequence[str] | None = None) -> pd.DataFrame:
        schema = pa.schema([field.with_nullable(True) for field in table.schema])
        with path.open("rb") as file:
            return pq.read_table(file, columns=table.names(columns), schema=schema).to_pandas()

    def _parts(self, table: Table, partition: str) -> list[UPath]:
        path = self.path(table, partition)
        return sorted(path.with_suffix("").glob("*.parquet")) if table.appended else [path]

    def write(self, table: Table, partition: str, frame: pd.DataFrame) -> str:
        target = self.path(table, partition)
        self._put(table, partition, target, frame)
        return str(target)

    def append(self, table: Table, partition: str, frame: pd.DataFrame) -> None:
        name = f"{uuid.uuid4().hex}.parquet"
        self._put(table, partition, UPath(self.root) / table.name / partition / name, frame)

    def erase(self, table: Table, chosen: Chosen, *, dry_run: bool) -> dict[str, int]:
        erased: dict[str, int] = {}
        for day in self.partitions(table):
            for path in self._parts(table, day):
                ids = self._read(table, path, ["recording_id"])["recording_id"]
                rows = np.array([chosen.has(day, recording_id) for recording_id in ids], dtype=bool)
                if not rows.any():
                    continue
                erased[day] = erased.get(day, 0) + int(rows.sum())
                if table.appended and rows.all() and not dry_run:
                    path.unlink()
                elif not dry_run:
                    self._put(table, day, path, self._read(table, path)[~rows])
        return erased

    def _put(self, table: Table, day: str, path: UPath, frame: pd.DataFrame) -> None:
        rows = as_partition(frame, table, day)
        with publishing(path) as draft:
            pq.write_table(rows, draft, compression="zstd")

    # A string, because the class itself would outlive its module, and DuckDB would print a page of leaks at exit.
    def connect(self) -> "duckdb.DuckDBPyConnection":
        """Open an in-memory DuckDB with one view per table that has been written; the caller closes it."""
        connection = duckdb.connect()
        for table in TABLES.values():
            if self.partitions(table):
                pattern = str(UPath(self.root) / table.name / "*.parquet").replace("'", "''")
                files = f"read_parquet('{pattern}', union_by_name = true)"
                connection.execute(f"create view {table.name} as select * from {files}")
        return connection
