"""The SQL of the Snowflake warehouse, as text: made from the contract, told nothing of when it runs.

Names stand in double quotes and upper case, which is what Snowflake makes of plain names, so that a column may be
called like a word of SQL and people still write it plainly. Columns are always named, never counted.
"""

import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from emotion_pipeline.engine.snowflake.connection import literal
from emotion_pipeline.engine.stages.tables import PARTITION_COLUMN, Column, Table
from emotion_pipeline.warehouse.base import Chosen
from emotion_pipeline.warehouse.snowflake.arrow_transfer import TIME, is_nested

# One row per table and day that was written: tells an empty partition from an absent one, and lets writers queue.
PUBLISHED: Final = "PUBLISHED_PARTITIONS"

_STAGING: Final = "STAGING_"
_STAGING_NAME: Final = re.compile(rf"{_STAGING}(?P<seconds>\d{{10,12}})_[0-9A-F]{{32}}")
_DAY: Final = PARTITION_COLUMN.upper()


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema, and the names of what lies in it."""

    database: str
    name: str

    @property
    def path(self) -> str:
        return f'"{self.database}"."{self.name}"'

    def of(self, name: str) -> str:
        return f'{self.path}."{name.upper()}"'


def type_name(data_type: pa.DataType) -> str:
    """Return the type that a column has in Snowflake. Raises TypeError for one that no contract may have."""
    name = "VARIANT" if is_nested(data_type) else _TYPES.get(data_type)
    if name is None:
        raise TypeError(f"no column of a contract may be a {data_type}; use one of those in engine/stages/tables.py")
    return name


_TYPES: Final = {
    pa.string(): "VARCHAR",
    pa.int64(): "NUMBER(19, 0)",
    pa.float64(): "FLOAT",
    pa.bool_(): "BOOLEAN",
    pa.date32(): "DATE",
    TIME: "TIMESTAMP_TZ(6)",
}
# What INFORMATION_SCHEMA calls the types of ``type_name``.
DESCRIBED_TYPES: Final = {
    "VARCHAR": "TEXT",
    "NUMBER(19, 0)": "NUMBER",
    "FLOAT": "FLOAT",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "VARIANT": "VARIANT",
    "TIMESTAMP_TZ(6)": "TIMESTAMP_TZ",
}


# What exists, and making it so. Each of these commits an open transaction, so all of them come before one is begun.


def schema_exists(schema: Schema) -> str:
    return (
        f'SELECT COUNT(*) FROM "{schema.database}".INFORMATION_SCHEMA.SCHEMATA '
        f"WHERE SCHEMA_NAME = {literal(schema.name)}"
    )


def create_schema(schema: Schema, cloned_from: str | None) -> str:
    clone = f" CLONE {Schema(schema.database, cloned_from).path}" if cloned_from else ""
    return f"CREATE SCHEMA IF NOT EXISTS {schema.path}{clone}"


def create_published(schema: Schema) -> str:
    return (
        f"CREATE TABLE IF NOT EXISTS {schema.of(PUBLISHED)} ("
        "\"TABLE_NAME\" VARCHAR NOT NULL COMMENT 'The table.', "
        "\"PARTITION_DAY\" DATE NOT NULL COMMENT 'The day whose rows were written.', "
        "\"ROW_COUNT\" NUMBER(19, 0) COMMENT 'How many rows; null while the day has never been written whole.', "
        "\"PUBLISHED_AT\" TIMESTAMP_TZ(6) COMMENT 'When they were written, UTC.'"
        ") COMMENT = 'One row per table and day that was written, empty ones too.'"
    )


def create_table(schema: Schema, table: Table) -> str:
    columns = ", ".join(
        f"{_definition(column)}{'' if column.nullable else ' NOT NULL'} COMMENT {literal(_comment(column))}"
        for column in table.columns
    )
    return (
        f'CREATE TABLE IF NOT EXISTS {schema.of(table.name)} ({columns}) CLUSTER BY ("{_DAY}") '
        f"COMMENT = {literal(table.grain)}"
    )


def described_columns(schema: Schema, table: Table) -> str:
    return (
        f'SELECT COLUMN_NAME, DATA_TYPE, IS_NULLABLE FROM "{schema.database}".INFORMATION_SCHEMA.COLUMNS '
        f"WHERE TABLE_SCHEMA = {literal(schema.name)} AND TABLE_NAME = {literal(table.name.upper())}"
    )


def all_columns(schema: Schema) -> str:
    """Ask for table and name of every column in a schema, in order; there are none where there is no such schema."""
    return (
        f'SELECT TABLE_NAME, COLUMN_NAME FROM "{schema.database}".INFORMATION_SCHEMA.COLUMNS '
        f"WHERE TABLE_SCHEMA = {literal(schema.name)} ORDER BY ORDINAL_POSITION"
    )


def last_change(schema: Schema) -> str:
    """Ask how many tables a schema has and when one of them was last changed."""
    return (
        f'SELECT COUNT(*), MAX(LAST_ALTERED) FROM "{schema.database}".INFORMATION_SCHEMA.TABLES '
        f"WHERE TABLE_SCHEMA = {literal(schema.name)}"
    )


def add_column(schema: Schema, table: Table, column: Column) -> str:
    """Add a column that the contract gained; rows that are there have nulls in it, so it cannot forbid them."""
    return (
        f"ALTER TABLE {schema.of(table.name)} ADD COLUMN IF NOT EXISTS {_definition(column)} "
        f"COMMENT {literal(_comment(column))}"
    )


def allow_nulls(schema: Schema, table: Table, name: str) -> str:
    """Let a column be null that the contract has no more: it stays, and nothing fills it."""
    return f'ALTER TABLE {schema.of(table.name)} ALTER COLUMN "{name}" DROP NOT NULL'


# Staging.


def staging_name(now_s: float) -> str:
    """Return a new name that tells when it was given, so that one left behind can be told by its age."""
    return f"{_STAGING}{int(now_s)}_{uuid.uuid4().hex.upper()}"


def is_abandoned(name: str, before_s: float) -> bool:
    """Tell whether a table is a staging table that was named before a time, in seconds since 1970."""
    match = _STAGING_NAME.fullmatch(name)
    return match is not None and int(match["seconds"]) < before_s


def list_staging(schema: Schema) -> str:
    return (
        f'SELECT TABLE_NAME FROM "{schema.database}".INFORMATION_SCHEMA.TABLES '
        f"WHERE TABLE_SCHEMA = {literal(schema.name)} AND STARTSWITH(TABLE_NAME, {literal(_STAGING)})"
    )


def create_stage(schema: Schema, name: str) -> str:
    return f"CREATE TEMPORARY STAGE {schema.of(name)}"


def put(schema: Schema, name: str, file: Path) -> str:
    where = f"@{schema.database}.{schema.name}.{name}"
    return f"PUT {literal(file.absolute().as_uri())} {where} AUTO_COMPRESS = FALSE OVERWRITE = TRUE"


def create_staging(schema: Schema, name: str, table: Table) -> str:
    columns = ", ".join(f'"{column.name.upper()}" {_travelling_type(column.type)}' for column in table.columns)
    return f"CREATE TRANSIENT TABLE {schema.of(name)} ({columns})"


def copy_into_staging(schema: Schema, name: str) -> str:
    # NULL_IF is \N unless it is emptied: a text of these two characters would become null.
    return (
        f"COPY INTO {schema.of(name)} FROM @{schema.of(name)} "
        "FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE NULL_IF = ()) "
        "MATCH_BY_COLUMN_NAME = CASE_SENSITIVE ON_ERROR = ABORT_STATEMENT"
    )


def count_rows(schema: Schema, name: str) -> str:
    return f"SELECT COUNT(*) FROM {schema.of(name)}"


def drop_staging(schema: Schema, name: str) -> str:
    return f"DROP TABLE IF EXISTS {schema.of(name)}"


# The transaction.


def announce(schema: Schema, table: Table, day: str) -> str:
    """Make sure that the day has a row to queue at. Two writers may both add one; that harms nothing."""
    announced = f"SELECT 1 FROM {schema.of(PUBLISHED)} WHERE {_published_row(table, day)}"
    return (
        f'INSERT INTO {schema.of(PUBLISHED)} ("TABLE_NAME", "PARTITION_DAY") '
        f"SELECT {literal(table.name)}, {_date(day)} WHERE NOT EXISTS ({announced})"
    )


def publish(schema: Schema, table: Table, day: str, row_count: int) -> str:
    """Note the day as written. First in its transaction: an UPDATE holds off every other until COMMIT.

    https://docs.snowflake.com/en/sql-reference/transactions, "Resource locking": INSERTs do not wait for each other, so
    that without it two first writers of a day would both insert.
    """
    return (
        f'UPDATE {schema.of(PUBLISHED)} SET "ROW_COUNT" = {row_count}, '
        f'"PUBLISHED_AT" = CURRENT_TIMESTAMP()::TIMESTAMP_TZ WHERE {_published_row(table, day)}'
    )


def publish_first(schema: Schema, table: Table, day: str) -> str:
    """Note the day as one that has rows, where nobody has yet: who appends need not wait for each other."""
    return (
        f'UPDATE {schema.of(PUBLISHED)} SET "PUBLISHED_AT" = CURRENT_TIMESTAMP()::TIMESTAMP_TZ '
        f'WHERE {_published_row(table, day)} AND "PUBLISHED_AT" IS NULL'
    )


def delete_day(schema: Schema, table: Table, day: str) -> str:
    return f'DELETE FROM {schema.of(table.name)} WHERE "{_DAY}" = {_date(day)}'


def count_chosen(schema: Schema, table: Table, chosen: Chosen) -> str:
    """Ask for each day with chosen rows, how many these are and how many rows the day has, in order of days."""
    count = f"COUNT_IF({_is_chosen(chosen)})"
    return (
        f'SELECT "{_DAY}", {count}, COUNT(*) FROM {schema.of(table.name)} '
        f'GROUP BY "{_DAY}" HAVING {count} > 0 ORDER BY "{_DAY}"'
    )


def delete_chosen(schema: Schema, table: Table, day: str, chosen: Chosen) -> str:
    return f"{delete_day(schema, table, day)} AND {_is_chosen(chosen)}"


def insert_from_staging(schema: Schema, table: Table, name: str) -> str:
    columns = ", ".join(f'"{column.name.upper()}"' for column in table.columns)
    values = ", ".join(_arrived(column) for column in table.columns)
    there = f'SELECT "{table.key[-1].upper()}" FROM {schema.of(table.name)}'
    only_new = f' WHERE "{table.key[-1].upper()}" NOT IN ({there})' if table.appended else ""
    return f"INSERT INTO {schema.of(table.name)} ({columns}) SELECT {values} FROM {schema.of(name)}{only_new}"


# Reading.


def published_days(schema: Schema, table: Table) -> str:
    return (
        f'SELECT DISTINCT "PARTITION_DAY" FROM {schema.of(PUBLISHED)} '
        f'WHERE "TABLE_NAME" = {literal(table.name)} AND "PUBLISHED_AT" IS NOT NULL'
    )


def select_days(schema: Schema, table: Table, columns: Iterable[str], days: Sequence[str]) -> str:
    names = ", ".join(_leaving(table.column(name)) for name in columns)
    return f'SELECT {names} FROM {schema.of(table.name)} WHERE "{_DAY}" IN ({", ".join(map(_date, days))})'


def _definition(column: Column) -> str:
    return f'"{column.name.upper()}" {type_name(column.type)}'


def _comment(column: Column) -> str:
    return f"{column.meaning} [{column.unit}]" if column.unit else column.meaning


def _travelling_type(data_type: pa.DataType) -> str:
    return "VARCHAR" if is_nested(data_type) or data_type == TIME else type_name(data_type)


def _arrived(column: Column) -> str:
    name = f'"{column.name.upper()}"'
    if is_nested(column.type):
        return f"PARSE_JSON({name})"
    return f"{name}::TIMESTAMP_TZ" if column.type == TIME else name


def _leaving(column: Column) -> str:
    name = f'"{column.name.upper()}"'
    return f"DATE_PART(EPOCH_MICROSECOND, {name}) AS {name}" if column.type == TIME else name


def _is_chosen(chosen: Chosen) -> str:
    if chosen.before:
        return f'"{_DAY}" < {_date(chosen.before)}'
    return f'"RECORDING_ID" IN ({", ".join(literal(recording) for recording in sorted(chosen.recordings))})'


def _published_row(table: Table, day: str) -> str:
    return f'"TABLE_NAME" = {literal(table.name)} AND "PARTITION_DAY" = {_date(day)}'


def _date(day: str) -> str:
    return f"{literal(day)}::DATE"
