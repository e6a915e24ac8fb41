"""A Snowflake on 127.0.0.1 whose stages can be listed and read: fakesnow's server, with LIST and GET in front of it.

fakesnow speaks Snowflake's protocol to the real connector, but knows no paths in LIST and no GET. Both are answered
here in the same protocol: GET with signed addresses under which the connector then fetches the files over HTTP, as
from Google's storage. The files themselves lie where fakesnow's PUT puts them.
"""

import asyncio
import gzip
import hashlib
import json
import logging
import re
import threading
import time
import uuid
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from pathlib import Path
from types import TracebackType
from typing import Any, Final
from urllib.parse import quote, unquote

import snowflake.connector
import uvicorn
from fakesnow.server import app as fakesnow_app
from fakesnow.server import sessions
from fakesnow.transforms.stage import internal_dir
from snowflake.connector.errors import ProgrammingError
from starlette.concurrency import run_in_threadpool

# Of the addresses under which files are handed out: a secret that nobody may show.
SIGNATURE: Final = "x-goog-signature=5ec4e7"

_STRING: Final = r"('(?:[^'\\]|\\.|'')*')"
_STATEMENT: Final = re.compile(rf"(LIST|GET) {_STRING}(?: {_STRING})?(?: PATTERN = {_STRING})?", re.DOTALL)
_LOCATION: Final = re.compile(r'@((?:[^/"]|"(?:[^"]|"")*")+)(?:/(.*))?', re.DOTALL)
_Message = dict[str, Any]


class StageServer:
    """Listens from ``with`` to the end of the block."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        """All LIST and GET that came in, as they came."""
        self.transfers: list[str] = []
        """The paths of all files that were asked for."""
        self.failures: list[str] = []
        """What the next transfers do instead of serving: a status as in ``503``, ``break`` or ``stall``."""
        self.cuts = 0
        """How many of the next LIST and GET are answered by the beginning of an answer."""
        self.urls: dict[str, str] = {}
        """Where stages lie that are no internal ones, by name."""
        self.refuses_logins = False
        self.refuses_role = False
        self.padding = 0
        """By how much files are larger in the storage than they are, as encryption makes them."""
        self._stopping = threading.Event()

    def __enter__(self) -> "StageServer":
        config = uvicorn.Config(
            self._answer, host="127.0.0.1", port=0, log_config=None, access_log=False, lifespan="off", interface="asgi3"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # a transfer that breaks off is meant to
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._server.should_exit = True
        self._thread.join()

    @property
    def port(self) -> int:
        return self._server.servers[0].sockets[0].getsockname()[1]

    def connect(self, **more: str) -> snowflake.connector.SnowflakeConnection:
        """Open a connection with the real connector; ``more`` is for it."""
        return snowflake.connector.connect(
            user="ada",
            password="l0velace",
            account="test",
            host="127.0.0.1",
            port=self.port,
            protocol="http",
            login_timeout=3,
            network_timeout=3,
            session_parameters={"CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False},
            **more,
        )

    def create_stage(self) -> str:
        """Create a database of its own with a stage in it, and return the stage's full name."""
        database = f"CALLS_{uuid.uuid4().hex}".upper()
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"create database {database}")
            cursor.execute(f"create schema {database}.RAW")
            cursor.execute(f"create stage {database}.RAW.RECORDINGS")
        return f"{database}.RAW.RECORDINGS"

    def put(self, stage: str, path: str, content: bytes) -> None:
        """Let a file lie in a stage."""
        file = Path(internal_dir(stage), path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    async def _answer(self, scope: _Message, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if path.startswith("/files/"):
            await self._hand_out(unquote(path.removeprefix("/files/")), send)
        elif path == "/session/v1/login-request" and self.refuses_logins:
            answer = {"data": {}, "code": "390100", "message": "Incorrect username or password.", "success": False}
            await _send_json(send, answer)
        elif path == "/queries/v1/query-request":
            await self._query(scope, receive, send)
        else:
            await fakesnow_app(scope, receive, send)

    async def _query(self, scope: _Message, receive: Any, send: Any) -> None:
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        text = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
        statement = json.loads(text)["sqlText"]
        if not statement.startswith(("LIST", "GET")):
            await fakesnow_app(scope, _replayed(body), send)
            return
        self.statements.append(statement)
        if self.cuts:
            self.cuts -= 1
            await send_cut(send)
            return
        connection = sessions[headers["authorization"][17:-1]]
        try:
            data = await run_in_threadpool(self._stage_statement, connection, statement, headers["host"])
        except ProgrammingError as error:
            code = f"{error.errno:06d}"
            refused = {"errorCode": code, "sqlState": error.sqlstate}
            await _send_json(send, {"data": refused, "code": code, "message": error.msg, "success": False})
            return
        await _send_json(send, {"data": data, "code": None, "message": None, "success": True})

    def _stage_statement(self, connection: Any, statement: str, host: str) -> _Message:
        match = _STATEMENT.fullmatch(statement)
        location = _LOCATION.fullmatch(_text(match[2])) if match else None
        if match is None or location is None:
            raise ProgrammingError(msg="SQL compilation error: syntax error", errno=1003, sqlstate="42000")
        if self.refuses_role:
            raise ProgrammingError(
                msg="SQL access control error: Insufficient privileges", errno=3001, sqlstate="42501"
            )
        stage, prefix = location[1], location[2] or ""
        cursor = connection.cursor()
        cursor.execute(f"LIST '@{stage}'")  # knows whether there is such a stage
        stage = stage.replace('"', "")
        base = self.urls.get(stage, stage.rpartition(".")[2].lower() + "/")
        rows = [row for row in _files(Path(internal_dir(stage))) if row[0].startswith(prefix)]
        if match[1] == "LIST":
            return _rows([(base + path, size + self.padding, md5, modified) for path, size, md5, modified in rows])
        pattern = re.compile(_text(match[4]) if match[4] else ".*", re.DOTALL)
        paths = [row[0] for row in rows if pattern.fullmatch(base + row[0])]
        files = [quote(f"{Path(internal_dir(stage), path)}") for path in paths]
        return {
            "command": "DOWNLOAD",
            "localLocation": _text(match[3]).removeprefix("file://"),
            "src_locations": paths,
            "presignedUrls": [f"http://{host}/files/{file}?{SIGNATURE}" for file in files],
            "encryptionMaterial": [None for _ in paths],
            "parallel": 10,
            "queryId": str(uuid.uuid4()),
            "statementTypeId": 24576,
            "stageInfo": {"locationType": "GCS", "location": f"{stage}/", "creds": {}, "presignedUrl": None},
        }

    async def _hand_out(self, path: str, send: Any) -> None:
        self.transfers.append(path)
        failure = self.failures.pop(0) if self.failures else "200"
        content = await run_in_threadpool(Path(path).read_bytes)
        status = int(failure) if failure.isdigit() else 200
        length = str(len(content) if status == 200 else 0).encode()
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", length)]})
        if status != 200:
            await send({"type": "http.response.body", "body": b""})
            return
        more = failure in {"break", "stall"}
        body = content[: len(content) // 3] if more else content
        await send({"type": "http.response.body", "body": body, "more_body": more})
        while failure == "stall" and not self._stopping.is_set():
            await asyncio.sleep(0.02)


def _files(folder: Path) -> list[tuple[str, int, str, str]]:
    """Return path, size, MD5 and time of all files in a stage."""
    return [
        (
            path.relative_to(folder).as_posix(),
            path.stat().st_size,
            hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest(),
            formatdate(path.stat().st_mtime, usegmt=True),
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]


def _text(literal: str) -> str:
    """Return what a string of Snowflake's SQL says."""
    return re.sub(r"\\(.)|'(')", lambda match: match[1] or match[2], literal[1:-1], flags=re.DOTALL)


def _rows(rows: list[tuple[str, int, str, str]]) -> _Message:
    columns = (("name", "text"), ("size", "fixed"), ("md5", "text"), ("last_modified", "text"))
    described = {"nullable": True, "precision": 38, "scale": 0, "length": 1_000, "byteLength": 4_000}
    return {
        "parameters": [],
        "rowtype": [{"name": name, "type": kind, **described} for name, kind in columns],
        "rowset": [[str(value) for value in row] for row in rows],
        "total": len(rows),
        "returned": len(rows),
        "queryId": str(uuid.uuid4()),
        "queryResultFormat": "json",
        "statementTypeId": 24577,
    }


async def send_cut(send: Any) -> None:
    """Begin an answer and leave it at that: the connection ends."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})


def _replayed(body: bytes) -> Callable[[], Awaitable[_Message]]:
    async def receive() -> _Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _send_json(send: Any, content: _Message) -> None:
    body = json.dumps(content).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
