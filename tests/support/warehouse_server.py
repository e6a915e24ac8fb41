"""A Snowflake on 127.0.0.1 that tables are written to: fakesnow's server, made as strict as Snowflake where it is not.

In front of fakesnow stand four things that Snowflake does and it does not: DDL commits an open transaction, an UPDATE
or DELETE waits for a transaction of another session that holds the table, a schema can be cloned, and a client that
closes its connection ends the session, with which an open transaction is rolled back. And it fails on
demand: any statement can be refused, or the connection cut, before it is executed or after.
"""

import asyncio
import gzip
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

import pytest
from fakesnow.server import app as fakesnow_app
from fakesnow.server import sessions, shared_fs
from starlette.concurrency import run_in_threadpool

import support.fakesnow_gaps  # noqa: F401  (mends fakesnow)
from support.stage_server import StageServer, _Message, _replayed, _send_json, send_cut

_DDL: Final = re.compile(r"(CREATE|ALTER|DROP)\b", re.IGNORECASE)
_CHANGE: Final = re.compile(r"(?:UPDATE|DELETE FROM|MERGE INTO) (\S+)", re.IGNORECASE)
# What dbt says of itself behind every statement.
_REMARK: Final = re.compile(r"\s*/\*.*?\*/;?\s*$", re.DOTALL)
_CLONE: Final = re.compile(r'CREATE SCHEMA IF NOT EXISTS "(\w+)"\."(\w+)" CLONE "(\w+)"\."(\w+)"')

# A file without a folder: the connector asks once more, to learn the address to which a file goes.
_ASKED_BY_CONNECTOR: Final = re.compile("PUT 'file://[^/]")


@dataclass(frozen=True)
class Fault:
    """What goes wrong at the n-th statement, from 0, or at one that begins so."""

    statement: int | str
    when: Literal["before", "after"]
    how: Literal["refused", "cut"]


class WarehouseServer(StageServer):
    """Listens from ``with`` to the end of the block."""

    def __init__(self) -> None:
        super().__init__()
        self.executed: list[str] = []
        """All statements that came in, as they came."""
        self.watch: Callable[[str], object] | None = None
        """Is told every statement before it is executed."""
        self.fault: Fault | None = None
        self._since_armed = 0
        self._open: set[str] = set()
        """Sessions with an open transaction."""
        self._holders: dict[str, str] = {}
        """Which session holds which table."""

    def __enter__(self) -> "WarehouseServer":
        super().__enter__()
        return self

    def arm(self, fault: Fault | None) -> None:
        """Let a statement fail, counted from now on."""
        self.fault, self._since_armed = fault, 0

    def tables(self, database: str, schema: str) -> list[str]:
        """Return the names of all tables in a schema."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(
                f"SELECT TABLE_NAME FROM \"{database}\".INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = '{schema}'"
            )
            return [row[0] for row in cursor.fetchall()]

    @contextmanager
    def as_settings(self, database: str, **more: str) -> Iterator[None]:
        """Let ``SNOWFLAKE_*`` lead here."""
        values = {
            "ACCOUNT": "test",
            "USER": "ada",
            "PASSWORD": "l0velace",
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "PROTOCOL": "http",
            "DATABASE": database,
        }
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (values | more).items():
                patch.setenv(f"SNOWFLAKE_{name}", value)
            yield

    def end(self, token: str) -> None:
        """End a session as Snowflake does when its client is gone: what it had not committed is rolled back."""
        connection = sessions.pop(token, None)
        if connection is not None and token in self._open:
            connection.cursor().execute("ROLLBACK")
        self._finish(token)

    async def _answer(self, scope: _Message, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if path == "/session" and b"delete=true" in scope.get("query_string", b""):
            await run_in_threadpool(self.end, _token(scope))
            await _send_json(send, {"data": None, "code": None, "message": None, "success": True})
            return
        if path == "/session/v1/login-request" and not self.refuses_logins:
            await _log_in(scope, receive, send)
            return
        await super()._answer(scope, receive, send)

    async def _query(self, scope: _Message, receive: Any, send: Any) -> None:
        body = await _whole(receive)
        token, statement = _token(scope), _statement(scope, body)
        if token not in sessions:
            gone = {"data": {}, "code": "390111", "message": "Session no longer exists.", "success": False}
            await _send_json(send, gone)
            return
        fault = None
        if not _ASKED_BY_CONNECTOR.match(statement):
            self.executed.append(statement)
            fault = self._due(statement)
            self._since_armed += 1
            if self.watch:
                await run_in_threadpool(self.watch, statement)
        if fault and fault.when == "before":
            await self._fail(fault, token, send)
            return
        answer: list[_Message] = []

        async def keep(message: _Message) -> None:
            answer.append(message)

        await self._execute(scope, body, token, statement, keep)
        if fault:
            await self._fail(fault, token, send)
            return
        for message in answer:
            await send(message)

    def _due(self, statement: str) -> Fault | None:
        if self.fault is None:
            return None
        which = self.fault.statement
        due = statement.startswith(which) if isinstance(which, str) else which == self._since_armed
        return self.fault if due else None

    async def _execute(self, scope: _Message, body: bytes, token: str, statement: str, send: Any) -> None:
        """Execute a statement as Snowflake does where fakesnow would not."""
        if _DDL.match(statement) and token in self._open:
            await run_in_threadpool(sessions[token].cursor().execute, "COMMIT")
            self._finish(token)
        if change := _CHANGE.match(statement):
            while self._holders.setdefault(change[1], token) != token:
                await asyncio.sleep(0.002)
        if clone := _CLONE.match(statement):
            await run_in_threadpool(_clone, *clone.groups())
            body = gzip.compress(json.dumps({"sqlText": "SELECT 1"}).encode())
            scope = scope | {"headers": [*scope["headers"], (b"content-encoding", b"gzip")]}
        await fakesnow_app(scope, _replayed(body), send)
        if statement.startswith("BEGIN"):
            self._open.add(token)
        elif statement in {"COMMIT", "ROLLBACK"} or token not in self._open:
            self._finish(token)

    async def _fail(self, fault: Fault, token: str, send: Any) -> None:
        if fault.how == "refused":
            data = {"errorCode": "000603", "sqlState": "XX000"}
            message = "SQL execution internal error: Processing aborted by error 300010"
            await _send_json(send, {"data": data, "code": "000603", "message": message, "success": False})
            return
        await run_in_threadpool(self.end, token)
        await send_cut(send)

    def _finish(self, token: str) -> None:
        """A transaction is over: its session holds nothing any more."""
        self._open.discard(token)
        for table in [table for table, holder in self._holders.items() if holder == token]:
            del self._holders[table]


async def _log_in(scope: _Message, receive: Any, send: Any) -> None:
    """Let fakesnow answer, and add the token without which the connector ends no session."""
    answer: list[_Message] = []

    async def keep(message: Any) -> None:
        answer.append(message)

    await fakesnow_app(scope, receive, keep)
    data = json.loads(b"".join(message.get("body", b"") for message in answer))
    await _send_json(send, data | {"data": data["data"] | {"masterToken": data["data"]["token"]}})


def _token(scope: _Message) -> str:
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    return headers.get("authorization", "")[17:-1]


async def _whole(receive: Any) -> bytes:
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message["body"]
        if not message.get("more_body"):
            break
    return body


def _statement(scope: _Message, body: bytes) -> str:
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    text = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
    return _REMARK.sub("", json.loads(text)["sqlText"])


def _clone(database: str, schema: str, _: str, source: str) -> None:
    """Copy all tables of a schema with their rows and what they forbid."""
    with shared_fs.duck_conn.cursor() as duck:
        duck.execute(f'CREATE SCHEMA "{database}"."{schema}"')
        tables = duck.execute(
            "SELECT table_name, sql FROM duckdb_tables() WHERE database_name = ? AND schema_name = ?",
            [database, source],
        ).fetchall()
        for name, definition in tables:
            columns = definition[definition.index("(") :]
            duck.execute(f'CREATE TABLE "{database}"."{schema}"."{name}" {columns}')
            duck.execute(f'INSERT INTO "{database}"."{schema}"."{name}" FROM "{database}"."{source}"."{name}"')
