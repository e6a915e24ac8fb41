"""The one way into Snowflake: who logs in how, and what holds for every session.

The warehouse, the marts and the engine's back ends inside Snowflake all connect through here. Secrets are read from the
environment when a connection is opened and are part of no configuration that anybody is shown. A session is in UTC and
commits by itself unless it is told BEGIN.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from emotion_pipeline.config.settings import ConfigurationError, Snowflake

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

# Longest that one statement is tried; without a limit the connector goes on for ever where the network is gone.
_NETWORK_TIMEOUT_S: Final = 300
# Longest wait for another writer; Snowflake's own is twelve hours.
_LOCK_TIMEOUT_S: Final = 300

_SESSION: Final = {
    "TIMEZONE": "UTC",
    "TIMESTAMP_INPUT_FORMAT": "AUTO",
    "DATE_INPUT_FORMAT": "AUTO",
    "LOCK_TIMEOUT": _LOCK_TIMEOUT_S,
    "QUERY_TAG": "emotion-pipeline",
}


def connect(settings: Snowflake) -> "SnowflakeConnection":
    """Open a connection, which the caller closes; a transaction that is open then is rolled back by the server.

    :raises ConfigurationError: the settings name no way to log in, or two
    :raises snowflake.connector.Error: it cannot be opened
    """
    import snowflake.connector

    return snowflake.connector.connect(**login(settings))


def connector(settings: Snowflake) -> "Callable[[], SnowflakeConnection] | None":
    """Return what opens a connection, None where nothing is set up: the engine takes it, and knows no settings."""
    return partial(connect, settings) if settings.arguments() else None


def login(settings: Snowflake) -> dict[str, Any]:
    """Return the arguments of ``snowflake.connector.connect`` for these settings, secrets in the clear.

    There is one way in: ``SNOWFLAKE_PRIVATE_KEY_FILE`` (a key pair, with ``SNOWFLAKE_PRIVATE_KEY_FILE_PWD`` where it is
    encrypted), ``SNOWFLAKE_PASSWORD``, ``SNOWFLAKE_TOKEN`` (OAuth, unless ``SNOWFLAKE_AUTHENTICATOR`` names another
    kind of token), or ``SNOWFLAKE_AUTHENTICATOR=externalbrowser``. Raises ConfigurationError for none, and for two.
    """
    arguments = settings.arguments()
    missing = [name for name in ("account", "user") if name not in arguments]
    if missing:
        raise ConfigurationError(f"Snowflake needs {' and '.join(f'SNOWFLAKE_{name.upper()}' for name in missing)}")
    secrets = [name for name in ("private_key_file", "password", "token") if name in arguments]
    if len(secrets) > 1:
        both = " and ".join(f"SNOWFLAKE_{name.upper()}" for name in secrets)
        raise ConfigurationError(f"{both} are set, which are two ways to log in; unset one")
    if arguments.get("token") and not arguments.get("authenticator"):
        arguments["authenticator"] = "oauth"
    if not secrets and "authenticator" not in arguments:
        raise ConfigurationError(
            "Snowflake has no way to log in; set SNOWFLAKE_PRIVATE_KEY_FILE, SNOWFLAKE_PASSWORD, SNOWFLAKE_TOKEN or "
            "SNOWFLAKE_AUTHENTICATOR=externalbrowser"
        )
    return arguments | {
        "autocommit": True,
        "network_timeout": _NETWORK_TIMEOUT_S,
        "paramstyle": "qmark",  # rows that are inserted travel apart from the statement
        "session_parameters": dict(_SESSION),
    }
