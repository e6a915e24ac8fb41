"""The marts over the lake: built into a new DuckDB file that takes the old one's place by rename.

A BI tool that holds the old file open reads on undisturbed and sees the new one when it opens it again; while dbt
builds, nobody waits.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import dagster as dg
import duckdb
from filelock import FileLock
from upath import UPath

from emotion_pipeline.resources.marts import Marts, day_of, dbt_build, have_shape
from emotion_pipeline.warehouse.atomic_files import is_local


class LakeMarts(Marts):
    """Marts of the lake in one file.

    Attributes:
        lake_root: where the tables lie, on local disk or in an object store.
        path: the DuckDB file that BI tools open, on local disk.
    """

    kind: ClassVar[str] = "duckdb"
    lake_root: str
    path: str

    def build(self, context: dg.AssetExecutionContext) -> Iterator[Any]:
        """Build in a draft, which replaces the marts when all data tests passed.

        A run of one day begins with a copy of the marts. The draft always has the same name, because dbt's parse cache
        is only good for the same path; a lock keeps a second build waiting.
        """
        final = Path(self.path).resolve()
        final.parent.mkdir(parents=True, exist_ok=True)
        draft = final.with_name(f".{final.name}.building")
        with FileLock(f"{draft}.lock"):
            draft.unlink(missing_ok=True)
            day = day_of(context) if final.is_file() and have_shape(_columns(final)) else ""
            if day:
                shutil.copyfile(final, draft)
            yield from dbt_build(
                context,
                final.with_name(f".{final.name}.target"),
                DBT_TARGET="duckdb",
                LAKE_ROOT=_absolute(self.lake_root),
                MARTS_PATH=str(draft),
                MARTS_DAYS=day,
                FIRST_DAY=self.first_day,
            )
            draft.replace(final)


def _columns(marts: Path) -> list[tuple[str, str]]:
    with duckdb.connect(str(marts), read_only=True) as connection:
        return connection.execute(
            "select table_name, column_name from information_schema.columns order by ordinal_position"
        ).fetchall()


def _absolute(root: str) -> str:
    path = UPath(root)
    return str(path.resolve()) if is_local(path) else root
