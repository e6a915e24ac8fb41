"""The marts in Snowflake: tables in a schema beside the pipeline's, in each of which a transaction replaces a day.

A reader sees the old day or the new one, never half. The tables follow one after the other, and a mart whose data
tests fail is kept from those that are made from it, but has its new rows already.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import dagster as dg
from filelock import FileLock

from emotion_pipeline.resources.marts import Marts, day_of, dbt_build, have_shape
from emotion_pipeline.warehouse.snowflake import statements as sql
from emotion_pipeline.warehouse.snowflake.warehouse import SnowflakeWarehouse, execute


class SnowflakeMarts(Marts):
    """Marts of one deployment; who logs in how is read from ``SNOWFLAKE_*``, as for its tables.

    Attributes:
        database: where both schemas lie.
        tables, marts: the schema of the tables and that of the marts.
        cache: the local folder in which dbt keeps what it parsed.
    """

    kind: ClassVar[str] = "snowflake"
    database: str
    tables: str
    marts: str
    cache: str

    def build(self, context: dg.AssetExecutionContext) -> Iterator[Any]:
        cache = Path(self.cache).resolve()
        cache.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{cache}.lock"):
            fitting = have_shape(self._columns())
            yield from dbt_build(
                context,
                cache,
                *([] if fitting else ["--full-refresh"]),
                DBT_TARGET="snowflake",
                SNOWFLAKE_DATABASE=self.database,
                SNOWFLAKE_SCHEMA=self.tables,
                MARTS_DAYS=day_of(context) if fitting else "",
                FIRST_DAY=self.first_day,
            )

    def _columns(self) -> list[tuple[str, str]]:
        place = sql.Schema(self.database, self.marts)
        warehouse = SnowflakeWarehouse(self.database, self.tables)
        rows = warehouse.ask(lambda session: execute(session, sql.all_columns(place)))
        return [(table.lower(), column.lower()) for table, column in rows]
