"""The embedded warehouse: a lake of Parquet files, ``<table>/<day>.parquet``, read with DuckDB.

It lies on local disk or any universal-pathlib file system. A reader sees the old partition or the new one, whole, and a
crash leaves the old one (see ``atomic_files``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
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
        return sorted(path.stem for path in folder.iterdir() if path.suffix == ".parquet")

    def read(self, table: Table, partition: str, columns: Sequence[str] | None = None) -> pd.DataFrame | None:
        schema = pa.schema([field.with_nullable(True) for field in table.schema])
        try:
            with self.path(table, partition).open("rb") as file:
                stored = pq.read_table(file, columns=table.names(columns), schema=schema)
        except FileNotFoundError:
            return None
        return stored.to_pandas()

    def write(self, table: Table, partition: str, frame: pd.DataFrame) -> str:
        rows = as_partition(frame, table, partition)
        target = self.path(table, partition)
        with publishing(target) as draft:
            pq.write_table(rows, draft, compression="zstd")
        return str(target)

    def erase(self, table: Table, chosen: Chosen, *, dry_run: bool) -> dict[str, int]:
        erased = {}
        for day in self.partitions(table):
            ids = self.read_all(table, [day], ["recording_id"])["recording_id"]
            rows = ids.map(lambda recording_id, day=day: chosen.has(day, recording_id)).astype(bool)
            if rows.any():
                erased[day] = int(rows.sum())
                if not dry_run:
                    self.write(table, day, self.read_all(table, [day])[~rows])
        return erased

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
