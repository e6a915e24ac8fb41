"""The database of jobs: opening it, and migrating its tables before they are used."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, OperationalError

from emotion_pipeline.config.service_settings import Api, ApiSecrets
from emotion_pipeline.engine.common.errors import BackendUnavailableError

_MIGRATIONS: Final = "emotion_pipeline.api.jobs:migrations"
_ADVISORY_LOCK: Final = 0x656D6F74  # "emot": a number that other programs are unlikely to use
# How long SQLite waits for another writer.
_BUSY_S: Final = 20.0


def open_database(api: Api, secrets: ApiSecrets) -> Engine:
    """Return the engine of the configured database, by default a SQLite file in ``api.folder``.

    :raises BackendUnavailableError: the address is invalid, or its driver is not installed
    """
    api.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret = secrets.database_url
    url = secret.get_secret_value() if secret else f"sqlite:///{(api.folder / 'jobs.db').resolve()}"
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _sqlite(url)
        return create_engine(url, pool_pre_ping=True)
    except ArgumentError as error:
        raise BackendUnavailableError(
            "EMOTION_DATABASE_URL is not the address of a database, such as postgresql://user:password@host/database"
        ) from error
    except ImportError as error:
        raise BackendUnavailableError(
            f"the driver for EMOTION_DATABASE_URL is missing ({error.name}); for PostgreSQL run: "
            "pip install 'emotion-pipeline[api,postgres]'"
        ) from error


def _sqlite(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": _BUSY_S, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy begins transactions, see below, not the driver
        connection.execute("PRAGMA journal_mode=WAL")  # readers do not wait for the writer
        connection.execute("PRAGMA synchronous=FULL")  # an accepted job survives a loss of power
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA secure_delete=ON")  # what is deleted is overwritten, not only marked as free

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that reads first and writes then would fail, not wait, where another wrote in between.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def migrate(engine: Engine, folder: Path) -> None:
    """Migrate the tables to the newest revision; processes that start together wait for each other.

    :raises BackendUnavailableError: the database cannot be reached
    """
    config = Config()
    config.set_main_option("script_location", _MIGRATIONS)
    try:
        with exclusive(engine, folder) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except OperationalError as error:
        raise BackendUnavailableError("the database of jobs cannot be reached; check EMOTION_DATABASE_URL") from error


def is_current(engine: Engine) -> bool:
    """Return whether the tables have the newest revision. Raises SQLAlchemyError where the database does not answer."""
    config = Config()
    config.set_main_option("script_location", _MIGRATIONS)
    with engine.connect() as connection:
        revision = MigrationContext.configure(connection).get_current_revision()
    return revision == ScriptDirectory.from_config(config).get_current_head()


@contextmanager
def exclusive(engine: Engine, folder: Path) -> Iterator[Connection]:
    """Give a connection in a transaction that only one process has at a time."""
    if engine.dialect.name == "sqlite":
        with FileLock(folder / ".migration.lock"), engine.begin() as connection:
            yield connection
        return
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        yield connection
