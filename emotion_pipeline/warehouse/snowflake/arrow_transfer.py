"""What rows look like between the pipeline and Snowflake: to it as a Parquet file, from it as an Arrow result.

What Snowflake might read differently by release or session travels plainly: lists and structs as JSON, times to it as
ISO 8601 with their offset from UTC and from it as microseconds since 1970.
"""

import json
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from emotion_pipeline.engine.stages.tables import Table

# The one type of times that a contract may have: an instant, in UTC.
TIME: Final = pa.timestamp("us", tz="UTC")


def is_nested(data_type: pa.DataType) -> bool:
    """Tell whether values are lists or structs, which Snowflake keeps as VARIANT."""
    return pa.types.is_nested(data_type)


def pack(rows: pa.Table, path: Path) -> None:
    """Write rows to a Parquet file with the column names that Snowflake has."""
    columns = [_packed(column.combine_chunks()) for column in rows.columns]
    names = [name.upper() for name in rows.column_names]
    pq.write_table(pa.Table.from_arrays(columns, names=names), path, compression="snappy")


def unpack(result: pa.Table, table: Table, columns: list[str]) -> pa.Table:
    """Return a result of Snowflake with the contract's types; a column that it has not is null.

    The schema allows nulls everywhere, because rows may be older than a column.
    """
    fields = [pa.field(name, table.column(name).type) for name in columns]
    stored = {name.lower(): result.column(name) for name in result.column_names}
    arrays = [_unpacked(stored.get(field.name), field.type, result.num_rows) for field in fields]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _packed(column: pa.Array) -> pa.Array:
    if is_nested(column.type):
        return pa.array([_json(value) for value in column.to_pylist()], pa.string())
    if column.type == TIME:
        times = (None if value is None else value.isoformat(timespec="microseconds") for value in column.to_pylist())
        return pa.array(times, pa.string())
    return column


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _unpacked(column: pa.ChunkedArray | None, data_type: pa.DataType, length: int) -> pa.Array | pa.ChunkedArray:
    if column is None or length == 0:
        return pa.nulls(length, data_type)
    if is_nested(data_type):
        return pa.array([None if text is None else json.loads(text) for text in column.to_pylist()], data_type)
    return column.cast(pa.int64()).cast(data_type) if data_type == TIME else column.cast(data_type)
