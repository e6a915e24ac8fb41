"""The one way into Snowflake: a login, what holds for every session, and how one is asked. It reads no settings.

Importing this module loads no connector. A session is in UTC and commits each statement by itself until BEGIN.
"""

import logging
import re
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

# Longest that one request is tried; without a limit the connector tries for ever where the network is gone.
NETWORK_TIMEOUT_S: Final = 300

SESSION_PARAMETERS: Final = {
    "TIMEZONE": "UTC",
    "TIMESTAMP_INPUT_FORMAT": "AUTO",
    "DATE_INPUT_FORMAT": "AUTO",
    # Longest wait for another writer, in seconds; Snowflake's own is twelve hours.
    "LOCK_TIMEOUT": 300,
    "QUERY_TAG": "emotion-pipeline",
}

_QUERY: Final = re.compile(r"\?[^\s'\"]+")


@dataclass(frozen=True, slots=True)
class Login:
    """Who logs in where, under the names of ``snowflake.connector.connect``; None leaves the connector's default."""

    account: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    authenticator: str | None = None
    private_key_file: Path | None = None
    private_key_file_pwd: str | None = field(default=None, repr=False)
    role: str | None = None
    warehouse: str | None = None
    database: str | None = None
    schema: str | None = None
    host: str | None = None
    port: int | None = None
    protocol: str | None = None

    def arguments(self) -> dict[str, Any]:
        """Return the arguments that are set, secrets in the clear."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def open_connection(login: Login) -> "SnowflakeConnection":
    """Open a connection, which the caller closes; the server then rolls back an open transaction.

    :raises snowflake.connector.errors.Error: the login is refused, or Snowflake is not reached
    """
    import snowflake.connector

    hide_signatures_in_logs()
    return snowflake.connector.connect(
        **login.arguments(),
        autocommit=True,
        network_timeout=NETWORK_TIMEOUT_S,
        # Rows that are inserted travel apart from the statement.
        paramstyle="qmark",
        session_parameters=dict(SESSION_PARAMETERS),
    )


class _SignatureFilter(logging.Filter):
    """Hides the query of signed addresses, which the connector logs when a transfer fails."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if record.exc_info and record.exc_info[0] is not None:
            message = f"{message} ({record.exc_info[0].__name__})"
        record.msg, record.args, record.exc_info = _QUERY.sub("?***", message), None, None
        return True


@cache
def hide_signatures_in_logs() -> None:
    """Add the filter to the connector's loggers, once per process."""
    for name in ("storage_client", "file_transfer_agent", "vendored.urllib3.connectionpool", "cursor", "network"):
        logging.getLogger(f"snowflake.connector.{name}").addFilter(_SignatureFilter())


def execute(session: "SnowflakeConnection", statement: str) -> list[tuple[Any, ...]]:
    """Return the rows that a statement gives."""
    with session.cursor() as cursor:
        cursor.execute(statement)
        return cast(list[tuple[Any, ...]], cursor.fetchall())


def literal(text: str) -> str:
    """Return a text as a string of Snowflake's SQL, in which backslashes escape, too."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
