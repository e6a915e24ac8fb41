"""A session with Snowflake in which Cortex is asked, and what its failures mean to a back end.

A statement that failed on its rows (others may pass) is told from all other failures. What Snowflake says of rows is
not passed on: it may quote them. Error 100351, "Request failed for external function", is what Cortex answers with.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

from emotion_pipeline.engine.common.errors import BackendUnavailableError, EmotionPipelineError
from emotion_pipeline.engine.snowflake.connection import hide_signatures_in_logs

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection
    from snowflake.connector.cursor import SnowflakeCursor

# Opens a connection whose ``paramstyle`` is qmark, so that rows travel apart from the statement.
Connect = Callable[[], "SnowflakeConnection"]

# Errors while a statement runs on its rows; lower numbers are those of its compilation, higher ones of the way.
_OF_ROWS: Final = range(100_000, 200_000)
_UNKNOWN_FUNCTION: Final = {2140, 2141}
_CANCELLED: Final = {604, 630}
_LONGEST_QUOTE: Final = 200


class RowsRefusedError(BackendUnavailableError):
    """A statement that failed on its rows, of which others may pass; the message quotes none of them."""


class OutOfTimeError(BackendUnavailableError):
    """A statement that was cancelled because it took too long."""


class NoAnswerError(BackendUnavailableError):
    """Snowflake was not reached, or broke off: the same may go well later."""


class Session:
    """One connection; temporary tables and stages are gone with it."""

    def __init__(self, connection: "SnowflakeConnection") -> None:
        self._connection = connection

    def execute(self, statement: str, timeout_s: int | None = None) -> list[tuple[Any, ...]]:
        """Return the rows of a statement. Raises RowsRefusedError, OutOfTimeError and BackendUnavailableError."""

        def ask(cursor: "SnowflakeCursor") -> list[tuple[Any, ...]]:
            cursor.execute(statement, timeout=timeout_s)
            return cast(list[tuple[Any, ...]], cursor.fetchall())

        return self._run(ask)

    def insert(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Execute an INSERT with one question mark per column for all ``rows`` at once. Raises as ``execute``."""
        self._run(lambda cursor: cursor.executemany(statement, rows))

    def _run(self, question: "Callable[[SnowflakeCursor], Any]") -> Any:
        with explained(), self._connection.cursor() as cursor:
            return question(cursor)


@contextmanager
def session(connect: Connect, schema: str | None) -> Iterator[Session]:
    """Give a session in ``schema``, as SQL names it; None is the one that the connection is in.

    :raises BackendUnavailableError: Snowflake cannot be reached, or there is no such schema
    """
    hide_signatures_in_logs()
    with explained():
        connection = connect()
    with closing(connection):
        opened = Session(connection)
        if schema is not None:
            opened.execute(f"USE SCHEMA {schema}")
        yield opened


@contextmanager
def explained() -> Iterator[None]:
    """Turn failures of Snowflake inside the block into the engine's own."""
    from emotion_pipeline.engine.snowflake.failures import FAILURES

    try:
        yield
    except FAILURES as error:
        # The connector's messages hold the addresses under which results lie, signatures and all.
        raise _failure(error) from None


def _failure(error: Exception) -> EmotionPipelineError:
    from snowflake.connector.errors import ProgrammingError

    from emotion_pipeline.engine.snowflake.failures import (
        ACCESS_ERRORS,
        LOGIN_ERRORS,
        UNKNOWN_OBJECT_ERRORS,
        error_number,
    )

    number = error_number(error)
    if number in _OF_ROWS:
        return RowsRefusedError(f"Snowflake fails on what it is given (error {number})")
    if number in _CANCELLED:
        return OutOfTimeError(f"Snowflake cancelled the statement (error {number}): it took too long, or was stopped")
    if number in LOGIN_ERRORS:
        return BackendUnavailableError(f"the login to Snowflake failed ({number}); check SNOWFLAKE_*")
    for numbers, advice in (
        (ACCESS_ERRORS, "grant what is missing; calling Cortex takes the database role SNOWFLAKE.CORTEX_USER"),
        (UNKNOWN_OBJECT_ERRORS, "check the name, and that the role may see it"),
        (_UNKNOWN_FUNCTION, "the region has no such function, or the role may not call it; see docs/cortex.md"),
    ):
        if number in numbers:
            return BackendUnavailableError(f"Snowflake refuses ({number}): {_quote(error)}; {advice}")
    if isinstance(error, ProgrammingError):
        return BackendUnavailableError(f"Snowflake refuses ({number}): {_quote(error)}")
    return NoAnswerError(
        f"Snowflake does not answer ({type(error).__name__} {number}); check the network and run it again"
    )


def _quote(error: Exception) -> str:
    """Return the beginning of what Snowflake says of a statement that it did not begin to run: rows are not in it."""
    message = " ".join(str(getattr(error, "raw_msg", None) or error).split())
    return message if len(message) <= _LONGEST_QUOTE else f"{message[:_LONGEST_QUOTE]}…"
