"""Holds a frame to its table's contract, on the way into storage.

Columns are matched by name, never by position; types are converted only where nothing is lost; whatever does not fit is
an error that names table, column and row. Whether plausible values are good is the gates' work (``checks``).
"""

import math
from datetime import datetime, time
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from emotion_pipeline.engine.common.errors import ContractError
from emotion_pipeline.engine.common.suggestions import did_you_mean
from emotion_pipeline.engine.stages.tables import PARTITION_COLUMN, Table


def conform(frame: pd.DataFrame, table: Table) -> pa.Table:
    """Return ``frame`` as an Arrow table with exactly the contract's columns, in its order and types.

    An empty frame gives an empty table with the full schema. Raises ContractError for missing or unknown columns, for
    values that the column's type cannot hold without loss, and for nulls where the contract forbids them.
    """
    _check_columns(frame, table)
    arrays = [_convert(frame, table, column.name) for column in table.columns]
    return pa.Table.from_arrays(arrays, schema=table.schema)


def as_partition(frame: pd.DataFrame, table: Table, partition: str) -> pa.Table:
    """Return ``frame`` as the rows of one partition: conforming, of that day alone, told apart by their key.

    Raises ContractError as ``conform`` does, for a row of another day, and for a row whose key an earlier one has.
    """
    rows = conform(frame, table)
    days = rows.column(PARTITION_COLUMN)
    strangers = np.flatnonzero(days.to_numpy() != np.datetime64(partition, "D"))
    if len(strangers):
        row = int(strangers[0])
        raise ContractError(
            f"table {table.name}, column {PARTITION_COLUMN}, row {row}: {days[row].as_py()} does not belong into "
            f"partition {partition}"
        )
    _check_keys(rows, table)
    return rows


def empty(table: Table) -> pd.DataFrame:
    """Return a frame with the contract's columns and no rows."""
    return table.schema.empty_table().to_pandas()


def _check_columns(frame: pd.DataFrame, table: Table) -> None:
    present, contracted = [str(name) for name in frame.columns], table.column_names
    repeated = sorted({name for name in present if present.count(name) > 1})
    if repeated:
        raise ContractError(f"table {table.name}: columns {repeated} stand more than once; keep one of each")
    for name in present:
        if name not in contracted:
            raise ContractError(f"table {table.name} has no column {name!r}{did_you_mean(name, contracted)}")
    missing = [name for name in contracted if name not in present]
    if missing:
        raise ContractError(f"table {table.name}: columns {missing} are missing from the frame")


def _convert(frame: pd.DataFrame, table: Table, name: str) -> pa.Array:
    column = table.column(name)
    values = frame[name]
    try:
        array = _array(values, column.type)
    except (pa.ArrowException, TypeError, ValueError) as error:
        row = _first_misfit(values, column.type)
        value = values.iloc[row]
        shown = value.item() if isinstance(value, np.generic) else value
        raise ContractError(
            f"table {table.name}, column {name}, row {row}: {shown!r} is no {column.type}: {error}"
        ) from error
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if array.null_count and not column.nullable:
        row = int(pc.index(array.is_null(), pa.scalar(True)).as_py())
        raise ContractError(f"table {table.name}, column {name}, row {row}: null, but the contract forbids nulls here")
    if _holds_infinity(array):
        row = next(row for row in range(len(array)) if _holds_infinity(array.slice(row, 1)))
        raise ContractError(f"table {table.name}, column {name}, row {row}: infinite; no measure here is")
    return array


def _array(values: pd.Series, data_type: pa.DataType) -> pa.Array | pa.ChunkedArray:
    """Convert values without loss; Arrow itself cuts fractions and times of day off where pandas holds objects."""
    if values.dtype == object and (pa.types.is_integer(data_type) or pa.types.is_date(data_type)):
        for value in values.dropna():
            _refuse_loss(value)
    return pa.array(values, type=data_type, from_pandas=True)


def _refuse_loss(value: Any) -> None:
    if isinstance(value, float) and math.isfinite(value) and value % 1:
        raise ValueError("it has a fraction")
    if isinstance(value, datetime) and value.time() != time():
        raise ValueError("it has a time of day")


def _holds_infinity(array: pa.Array) -> bool:
    """Tell whether a number in ``array``, at any depth, is infinite: JSON, as which lists may travel, has no such."""
    if isinstance(array, pa.ListArray):
        return _holds_infinity(array.flatten())
    if isinstance(array, pa.StructArray):
        return any(_holds_infinity(child) for child in array.flatten())
    return pa.types.is_floating(array.type) and bool(np.isinf(array.to_numpy(zero_copy_only=False)).any())


def _check_keys(rows: pa.Table, table: Table) -> None:
    keys = rows.select(list(table.key)).to_pandas()
    repeated = keys.duplicated().to_numpy()
    if not repeated.any():
        return
    row = int(repeated.argmax())
    first = int((keys == keys.iloc[row]).all(axis=1).to_numpy().argmax())
    raise ContractError(
        f"table {table.name}, columns {', '.join(table.key)}, row {row}: {keys.iloc[row, -1]!r} is the key of row "
        f"{first} already"
    )


def _first_misfit(values: pd.Series, data_type: pa.DataType) -> int:
    for row, value in enumerate(values):
        try:
            _array(pd.Series([value], dtype=object), data_type)
        except (pa.ArrowException, TypeError, ValueError):
            return row
    return 0
