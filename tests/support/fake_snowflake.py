"""A Snowflake on 127.0.0.1: fakesnow's server, which speaks Snowflake's protocol to the real connector."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import snowflake.connector
import uvicorn
from fakesnow.server import app

from emotion_pipeline.tables import STORED, Table

DATABASE: Final = "EMOTION"
SCHEMA: Final = "PIPELINE"
_TYPES: Final = {
    pa.string(): "varchar",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.date32(): "date",
}


@contextmanager
def fake_snowflake() -> Iterator[dict[str, str]]:
    """Listen until the block ends; gives the environment variables under which it is reached."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield {
            "SNOWFLAKE_ACCOUNT": "fakesnow",
            "SNOWFLAKE_USER": "fake",
            "SNOWFLAKE_PASSWORD": "snow",
            "SNOWFLAKE_DATABASE": DATABASE,
            "SNOWFLAKE_SCHEMA": SCHEMA,
            "SNOWFLAKE_MARTS_SCHEMA": "MARTS",
            "SNOWFLAKE_WAREHOUSE": "W",
            "SNOWFLAKE_HOST": "127.0.0.1",
            "SNOWFLAKE_PORT": str(server.servers[0].sockets[0].getsockname()[1]),
            "SNOWFLAKE_PROTOCOL": "http",
        }
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def connected(variables: dict[str, str]) -> Iterator[snowflake.connector.SnowflakeConnection]:
    """Open a connection for the block."""
    given: dict[str, Any] = {
        name: variables[f"SNOWFLAKE_{name.upper()}"] for name in ("account", "user", "password", "host", "protocol")
    }
    with snowflake.connector.connect(
        **given, port=int(variables["SNOWFLAKE_PORT"]), database=DATABASE, schema=SCHEMA
    ) as connection:
        yield connection


def make_tables(connection: snowflake.connector.SnowflakeConnection) -> None:
    """Make every table of the contract, empty."""
    connection.cursor().execute(f"create database if not exists {DATABASE}")
    connection.cursor().execute(f"create schema if not exists {DATABASE}.{SCHEMA}")
    for table in STORED.values():
        columns = ", ".join(f"{column.name} {_TYPES.get(column.type, 'array')}" for column in table.columns)
        connection.cursor().execute(f"create table {DATABASE}.{SCHEMA}.{table.name} ({columns})")


def insert(connection: snowflake.connector.SnowflakeConnection, table: Table, rows: pd.DataFrame) -> None:
    """Insert rows; lists become empty arrays, which the marts only count."""
    for row in rows.to_dict("records"):
        values = ", ".join(_literal(row.get(column.name), column.type) for column in table.columns)
        connection.cursor().execute(f"insert into {DATABASE}.{SCHEMA}.{table.name} select {values}")


def _literal(value: Any, data_type: pa.DataType) -> str:
    if data_type.num_fields:
        return "array_construct()"
    if value is None or value != value:  # noqa: PLR0124  (not a number)
        return f"cast(null as {_TYPES[data_type]})"
    if isinstance(value, bool | int | float):
        return str(value)
    return f"cast('{str(value).replace(chr(39), chr(39) * 2)}' as {_TYPES[data_type]})"
