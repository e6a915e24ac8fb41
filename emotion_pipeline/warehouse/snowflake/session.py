"""Opening a connection to Snowflake: who logs in how, and what holds for every session.

Secrets are read from the environment when a connection is opened and are part of no configuration that anybody is
shown. A session is in UTC and commits by itself unless it is told BEGIN.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

from dagster_snowflake import SnowflakeResource
from snowflake.connector import SnowflakeConnection

from emotion_pipeline.config.settings import ConfigurationError, Snowflake

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


@contextmanager
def connection(settings: Snowflake) -> Iterator[SnowflakeConnection]:
    """Give a connection that is closed in every case; a transaction that is open then is rolled back by the server.

    Raises ConfigurationError where the settings name no way to log in, and the connector's errors.
    """
    with SnowflakeResource(**login(settings)).get_connection() as opened:
        try:
            yield cast(SnowflakeConnection, opened)
        finally:
            opened.close()


def login(settings: Snowflake) -> dict[str, Any]:
    """Return the arguments of ``SnowflakeResource`` for these settings, secrets in the clear.

    There is one way in: ``SNOWFLAKE_PRIVATE_KEY_FILE`` (a key pair, with ``SNOWFLAKE_PRIVATE_KEY_FILE_PWD`` where it is
    encrypted), ``SNOWFLAKE_PASSWORD``, ``SNOWFLAKE_TOKEN`` (OAuth, unless ``SNOWFLAKE_AUTHENTICATOR`` names another
    kind of token), or ``SNOWFLAKE_AUTHENTICATOR=externalbrowser``. Raises ConfigurationError for none, and for two.
    """
    given = settings.arguments()
    missing = [name for name in ("account", "user") if name not in given]
    if missing:
        raise ConfigurationError(f"Snowflake needs {' and '.join(f'SNOWFLAKE_{name.upper()}' for name in missing)}")
    secrets = [name for name in ("private_key_file", "password", "token") if name in given]
    if len(secrets) > 1:
        both = " and ".join(f"SNOWFLAKE_{name.upper()}" for name in secrets)
        raise ConfigurationError(f"{both} are set, which are two ways to log in; unset one")
    authenticator = given.get("authenticator") or ("oauth" if "token" in given else None)
    if not secrets and authenticator is None:
        raise ConfigurationError(
            "Snowflake has no way to log in; set SNOWFLAKE_PRIVATE_KEY_FILE, SNOWFLAKE_PASSWORD, SNOWFLAKE_TOKEN or "
            "SNOWFLAKE_AUTHENTICATOR=externalbrowser"
        )
    more = {name: given[name] for name in ("host", "port", "protocol", "token") if name in given}
    arguments = {
        **{name: given.get(name) for name in ("account", "user", "password", "role", "warehouse", "database")},
        "private_key_path": str(given["private_key_file"]) if "private_key_file" in given else None,
        "private_key_password": given.get("private_key_file_pwd"),
        "authenticator": authenticator,
        "autocommit": True,
        "network_timeout": _NETWORK_TIMEOUT_S,
        "additional_snowflake_connection_args": {**more, "session_parameters": dict(_SESSION)},
    }
    return {name: value for name, value in arguments.items() if value is not None}
