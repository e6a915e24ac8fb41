"""The Snowflake warehouse: a partition is the old one or the new one, whole.

A write first creates what has to exist, because DDL commits an open transaction. The rows go as a Parquet file into a
temporary stage and from there into a staging table; then one short transaction deletes the day and inserts the staged
rows by column name. Staging tables that a dead writer left are dropped by a later one.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar, cast

import pandas as pd
import pyarrow as pa
import stamina
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import ProgrammingError

from emotion_pipeline.config.engine_options import connect_to_snowflake
from emotion_pipeline.config.settings import Snowflake
from emotion_pipeline.engine.common.errors import ContractError
from emotion_pipeline.engine.snowflake.connection import execute
from emotion_pipeline.engine.snowflake.failures import FAILURES, UNKNOWN_OBJECT_ERRORS, may_pass
from emotion_pipeline.engine.stages.tables import Table
from emotion_pipeline.schema.conform import as_partition
from emotion_pipeline.warehouse.base import Chosen, Warehouse
from emotion_pipeline.warehouse.snowflake import statements as sql
from emotion_pipeline.warehouse.snowflake.arrow_transfer import pack, unpack

T = TypeVar("T")

_LOG: Final = logging.getLogger(__name__)
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 30.0


@contextmanager
def _logged_in() -> Iterator[SnowflakeConnection]:
    """Give a connection as ``SNOWFLAKE_*`` says (see ``config.engine_options``)."""
    with closing(connect_to_snowflake(Snowflake())) as connection:
        yield connection


@dataclass(frozen=True)
class SnowflakeWarehouse(Warehouse):
    """Tables in one schema of Snowflake.

    Attributes:
        database, schema_name: where the tables lie.
        cloned_from: the schema that it is cloned from where it does not exist yet.
        may_create: whether the schema is created where it does not exist yet.
        attempts: how often something is tried that fails for a reason that may pass.
        abandoned_after_hours: from which age on a staging table belongs to a writer that died; no write takes so long.
        connect: gives a connection for one question.
    """

    database: str
    schema_name: str
    cloned_from: str | None = None
    may_create: bool = False
    attempts: int = 5
    first_pause_s: float = _FIRST_PAUSE_S
    abandoned_after_hours: float = 6.0
    connect: Callable[[], AbstractContextManager[SnowflakeConnection]] = _logged_in

    @property
    def name(self) -> str:
        return f"{self.database}.{self.schema_name}"

    @property
    def _place(self) -> sql.Schema:
        return sql.Schema(self.database, self.schema_name)

    def partitions(self, table: Table) -> list[str]:
        return self.ask(lambda session: self._published(session, table))

    def read(self, table: Table, partition: str, columns: Sequence[str] | None = None) -> pd.DataFrame | None:
        def rows(session: SnowflakeConnection) -> pd.DataFrame | None:
            if partition not in self._published(session, table):
                return None
            return self._rows(session, table, [partition], columns)

        return self.ask(rows)

    def read_all(self, table: Table, partitions: Sequence[str], columns: Sequence[str] | None = None) -> pd.DataFrame:
        def rows(session: SnowflakeConnection) -> pd.DataFrame:
            published = self._published(session, table)
            for partition in partitions:
                if partition not in published:
                    raise self.absent(table, partition)
            return self._rows(session, table, partitions, columns)

        return self.ask(rows)

    def write(self, table: Table, partition: str, frame: pd.DataFrame) -> str:
        self._send(table, partition, frame)
        return f"{self.name}.{table.name.upper()}/{partition}"

    def append(self, table: Table, partition: str, frame: pd.DataFrame) -> None:
        # Concurrent appends on Snowflake: not measured. fakesnow, on which tests run, has one writer at a time.
        self._send(table, partition, frame)

    def _send(self, table: Table, partition: str, frame: pd.DataFrame) -> None:
        rows = as_partition(frame, table, partition)
        left: list[str] = []
        with TemporaryDirectory() as folder:
            file = Path(folder) / "rows.parquet"
            pack(rows, file)
            self.ask(lambda session: self._publish(session, table, partition, file, rows.num_rows, left))

    def erase(self, table: Table, chosen: Chosen, *, dry_run: bool) -> dict[str, int]:
        schema = self._place

        def erased(session: SnowflakeConnection) -> dict[str, int]:
            if not self._published(session, table):
                return {}
            counts = execute(session, sql.count_chosen(schema, table, chosen))
            for day, chosen_rows, rows in counts if not dry_run else []:
                _in_transaction(
                    session,
                    sql.publish(schema, table, str(day), int(rows) - int(chosen_rows)),
                    sql.delete_chosen(schema, table, str(day), chosen),
                )
            return {str(day): int(chosen_rows) for day, chosen_rows, _ in counts}

        return self.ask(erased)

    def _publish(
        self, session: SnowflakeConnection, table: Table, day: str, file: Path, row_count: int, left: list[str]
    ) -> None:
        """Replace one day by the rows of a file, or add them to it.

        :param left: the staging tables that earlier attempts left
        """
        schema, staging = self._place, sql.staging_name(time.time())
        self._make_exist(session, table)
        self._drop_abandoned(session)
        left.append(staging)
        try:
            self._stage(session, table, staging, file, row_count)
            execute(session, sql.announce(schema, table, day))
            insert = sql.insert_from_staging(schema, table, staging)
            if table.appended:
                # Of an attempt that failed nobody knows whether its rows arrived: those that are there are left out.
                _in_transaction(session, insert, sql.publish_first(schema, table, day))
            else:
                publish, delete = sql.publish(schema, table, day, row_count), sql.delete_day(schema, table, day)
                _in_transaction(session, publish, delete, insert)
        finally:
            self._drop(session, left)

    def _stage(self, session: SnowflakeConnection, table: Table, staging: str, file: Path, row_count: int) -> None:
        schema = self._place
        execute(session, sql.create_stage(schema, staging))
        execute(session, sql.create_staging(schema, staging, table))
        execute(session, sql.put(schema, staging, file))
        execute(session, sql.copy_into_staging(schema, staging))
        [(arrived,)] = execute(session, sql.count_rows(schema, staging))
        if int(arrived) != row_count:
            raise ContractError(
                f"table {table.name}: {arrived} of {row_count} rows arrived in Snowflake; the partition stays as it was"
            )

    def _make_exist(self, session: SnowflakeConnection, table: Table) -> None:
        """Create the tables, and add columns that the contract gained; columns that it lost stay, and may be null."""
        schema = self._place
        execute(session, sql.create_published(schema))
        execute(session, sql.create_table(schema, table))
        described = execute(session, sql.described_columns(schema, table))
        present = {name: (kind, nullable) for name, kind, nullable in described}
        for column in table.columns:
            kind, _ = present.pop(column.name.upper(), (None, None))
            contracted = sql.type_name(column.type)
            if kind is None:
                execute(session, sql.add_column(schema, table, column))
            elif kind != sql.DESCRIBED_TYPES[contracted]:
                raise ContractError(
                    f"table {table.name}, column {column.name}: {self.name} has it as {kind}, the contract as "
                    f"{contracted}; rename the old column, then write again"
                )
        for name, (_, nullable) in present.items():
            if nullable == "NO":
                execute(session, sql.allow_nulls(schema, table, name))

    def _drop_abandoned(self, session: SnowflakeConnection) -> None:
        before_s = time.time() - self.abandoned_after_hours * 3600
        for (name,) in execute(session, sql.list_staging(self._place)):
            if sql.is_abandoned(name, before_s):
                execute(session, sql.drop_staging(self._place, name))

    def _drop(self, session: SnowflakeConnection, left: list[str]) -> None:
        """Drop staging tables and forget those that are gone; one that cannot be dropped now is dropped when it is old.

        The transaction is over by now, or the connection is: dropping a table would commit it.
        """
        for name in list(left):
            try:
                execute(session, sql.drop_staging(self._place, name))
                left.remove(name)
            except FAILURES as error:
                _LOG.warning("staging table %s is left to a later writer: %s", name, error)

    def _published(self, session: SnowflakeConnection, table: Table) -> list[str]:
        try:
            return sorted(str(day) for (day,) in execute(session, sql.published_days(self._place, table)))
        except ProgrammingError as error:
            if error.errno in UNKNOWN_OBJECT_ERRORS:
                return []
            raise

    def _rows(
        self, session: SnowflakeConnection, table: Table, days: Sequence[str], columns: Sequence[str] | None
    ) -> pd.DataFrame:
        requested = table.names(columns)
        present = {name for name, _, _ in execute(session, sql.described_columns(self._place, table))}
        stored = [name for name in requested if name.upper() in present]
        with session.cursor() as cursor:
            cursor.execute(sql.select_days(self._place, table, stored, days))
            result = cast(pa.Table, cursor.fetch_arrow_all(force_return_table=True))
        return unpack(result, table, requested).to_pandas()

    def ask(self, question: Callable[[SnowflakeConnection], T]) -> T:
        """Put a question on a connection of its own, again on a new one where the failure may pass."""
        for attempt in stamina.retry_context(
            on=may_pass,
            attempts=self.attempts,
            timeout=None,
            wait_initial=self.first_pause_s,
            wait_max=_LONGEST_PAUSE_S,
            wait_jitter=self.first_pause_s,
        ):
            with attempt, self.connect() as session:
                self._open_schema(session)
                return question(session)
        raise AssertionError("the last attempt returns or raises")

    def _open_schema(self, session: SnowflakeConnection) -> None:
        """Create the schema of a deployment that has one of its own, once."""
        if not self.may_create:
            return
        [(count,)] = execute(session, sql.schema_exists(self._place))
        if not int(count):
            execute(session, sql.create_schema(self._place, self.cloned_from))


def _in_transaction(session: SnowflakeConnection, *changes: str) -> None:
    """Make all changes or none. Whatever fails, no transaction is open any more when this ends.

    A connection on which rolling back fails is closed, with which Snowflake rolls back itself.
    """
    try:
        execute(session, "BEGIN")
        for change in changes:
            execute(session, change)
        execute(session, "COMMIT")
    except BaseException:
        try:
            execute(session, "ROLLBACK")
        except FAILURES:
            with suppress(*FAILURES):
                session.close()
        raise
