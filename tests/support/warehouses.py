"""The two warehouses of the pipeline, each with its own empty place, and rows of any table to put into them."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from emotion_pipeline.engine.stages.tables import PARTITION_COLUMN, Column, Table
from emotion_pipeline.schema.conform import conform
from emotion_pipeline.warehouse.base import Warehouse
from emotion_pipeline.warehouse.lake import Lake
from emotion_pipeline.warehouse.snowflake.warehouse import SnowflakeWarehouse
from support.warehouse_server import WarehouseServer

BACK_ENDS = ("lake", "snowflake")
SCHEMA = "DEV"
_TEXTS = (
    "plain",
    "",
    "\\N",
    "it's",
    'a "quote"',
    "NULL",
    "line\nbreak\ttab",
    "Grüße, 世界 🙂",
    "; DROP TABLE x",
    "\\",
)


def snowflake(database: str, attempts: int = 5, abandoned_after_hours: float = 6.0) -> SnowflakeWarehouse:
    """Return a warehouse that waits for nothing; use it inside ``server.as_settings(database)``."""
    return SnowflakeWarehouse(
        database=database,
        schema_name=SCHEMA,
        may_create=True,
        attempts=attempts,
        first_pause_s=0.001,
        abandoned_after_hours=abandoned_after_hours,
    )


def new_database(server: WarehouseServer) -> str:
    """Create a database of its own."""
    database = f"EMOTIONS_{uuid.uuid4().hex}".upper()
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {database}")
    return database


@contextmanager
def empty_warehouse(back_end: str, server: WarehouseServer, folder: Path) -> Iterator[Warehouse]:
    """Give an empty warehouse of that kind."""
    if back_end == "lake":
        yield Lake(root=str(folder / "lake"))
        return
    database = new_database(server)
    with server.as_settings(database):
        yield snowflake(database)


def rows_of(table: Table, day: str, count: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return rows that fit the contract: every column with all kinds of values, nulls where they are allowed."""
    columns = {column.name: [_value(column, index, rng) for index in range(count)] for column in table.columns}
    columns[PARTITION_COLUMN] = [date.fromisoformat(day)] * count
    for name in table.key[1:]:
        columns[name] = [f"{name}-{index}" for index in range(count)]
    return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})


def assert_holds(warehouse: Warehouse, table: Table, day: str, frame: pd.DataFrame) -> None:
    """Assert that a partition holds exactly these rows, to the last bit, in whatever order."""
    stored = warehouse.read(table, day)
    assert stored is not None, f"{table.name} has no partition {day}"
    assert tuple(stored.columns) == table.column_names
    assert comparable(stored, table).equals(comparable(frame, table))


def comparable(frame: pd.DataFrame, table: Table) -> pa.Table:
    """Return rows in the order of their keys, with the contract's types."""
    return conform(frame, table).sort_by([(name, "ascending") for name in table.key])


def _value(column: Column, index: int, rng: np.random.Generator) -> Any:
    if column.nullable and index % 4 == 1:
        return None
    return _of_type(column.type, index, rng)


def _of_type(kind: pa.DataType, index: int, rng: np.random.Generator) -> Any:
    if isinstance(kind, pa.ListType):
        return [_of_type(kind.value_type, index + place, rng) for place in range(index % 3)]
    if isinstance(kind, pa.StructType):
        return {field.name: _of_type(field.type, index, rng) for field in kind}
    values: dict[pa.DataType, Any] = {
        pa.string(): _TEXTS[index % len(_TEXTS)],
        pa.int64(): int(rng.integers(-(2**53), 2**53)),
        pa.float64(): (float(rng.normal()), 0.0, -0.1, 1 / 3, 1e-9, 1.7e300)[index % 6],
        pa.bool_(): index % 2 == 0,
        pa.date32(): date(2026, 2, 28),
    }
    return values[kind]
