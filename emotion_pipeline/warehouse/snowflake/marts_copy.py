"""The marts of Snowflake as a DuckDB file, so that whoever asks the embedded marts asks those with the same SQL.

A copy is whole: it takes the old one's place by rename. What a role may not read is masked in its copy, too.
"""

from pathlib import Path
from typing import Final, cast

import duckdb
import pyarrow as pa
from snowflake.connector import SnowflakeConnection
from upath import UPath

from emotion_pipeline.warehouse.atomic_files import publishing
from emotion_pipeline.warehouse.snowflake import statements as sql
from emotion_pipeline.warehouse.snowflake.target import Target
from emotion_pipeline.warehouse.snowflake.warehouse import SnowflakeWarehouse, execute

# Those that the dashboard asks.
MARTS: Final = (
    "fct_calls",
    "fct_recordings",
    "fct_segments",
    "fct_turns",
    "fct_reviews",
    "fct_costs",
    "review_queue",
    "daily_tone_sentiment",
)


def state_of(warehouse: SnowflakeWarehouse) -> str:
    """Return what tells one build of the marts from the next: which there are, and when one was last changed."""
    [(count, changed)] = warehouse.ask(lambda session: execute(session, sql.last_change(_place(warehouse))))
    return f"{count}-{changed}"


def copy_marts(warehouse: SnowflakeWarehouse, target: Path) -> None:
    """Write the marts beside the tables of ``warehouse`` into a DuckDB file; those that are not there are left out."""
    with publishing(UPath(target)) as draft, duckdb.connect(str(draft)) as copy:
        warehouse.ask(lambda session: _copy(session, _place(warehouse), copy))


def _place(warehouse: SnowflakeWarehouse) -> sql.Schema:
    return sql.Schema(warehouse.database, Target(warehouse.database, warehouse.schema_name).marts)


def _copy(session: SnowflakeConnection, place: sql.Schema, copy: duckdb.DuckDBPyConnection) -> None:
    present = {table.lower() for table, _ in execute(session, sql.all_columns(place))}
    for mart in MARTS:
        if mart not in present:
            continue
        with session.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {place.of(mart)}")
            rows = _as_in_contract(cast(pa.Table, cursor.fetch_arrow_all(force_return_table=True)))
        copy.register("rows", rows)
        copy.execute(f"create or replace table {mart} as from rows")  # a second attempt may find it
        copy.unregister("rows")


def _as_in_contract(rows: pa.Table) -> pa.Table:
    """Return rows with names in lower case and whole numbers as BIGINT: Snowflake sends the smallest type that does."""
    fields = [pa.field(field.name.lower(), _wide(field.type)) for field in rows.schema]
    return rows.rename_columns([field.name for field in fields]).cast(pa.schema(fields))


def _wide(data_type: pa.DataType) -> pa.DataType:
    if pa.types.is_integer(data_type) or (pa.types.is_decimal(data_type) and not data_type.scale):
        return pa.int64()
    return pa.float64() if pa.types.is_decimal(data_type) else data_type
