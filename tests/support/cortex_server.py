"""A Snowflake on 127.0.0.1 with Cortex in it: fakesnow's server, to whose DuckDB stand-ins for the models are told.

Only the models are stood in for, and their answers are simple enough to be foretold. All SQL around them is executed,
and whatever a model is asked is written down.
"""

import gzip
import json
import re
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import duckdb
import snowflake.connector
from fakesnow.server import sessions, shared_fs
from fakesnow.transforms.stage import LOCAL_BUCKET_PATH, internal_dir
from starlette.concurrency import run_in_threadpool

from support.failing_server import closed_port
from support.stage_server import _Message, _send_json
from support.warehouse_server import WarehouseServer

# A text with this word makes SENTIMENT fail, and with it the statement, as Cortex does.
POISON: Final = "poison"
TOKENS_OF_PROMPT: Final = 10

# Function and text of all calls; one list for all servers, because fakesnow has one DuckDB for all.
#
# A text of up to eight characters that is alone in its table is asked for twice: DuckDB takes the column for a
# constant.
_asked: list[tuple[str, str]] = []


def connect_to_nobody() -> snowflake.connector.SnowflakeConnection:
    """Ask for a session where no server listens."""
    where = {"host": "127.0.0.1", "port": closed_port(), "protocol": "http"}
    return snowflake.connector.connect(user="ada", password="x", account="test", login_timeout=1, **where)


# Name, content and options of all files that AI_TRANSCRIBE was given.
transcribed: list[tuple[str, bytes, dict[str, str]]] = []
# What AI_TRANSCRIBE says of a file, by its name; it fails on all others.
answers: dict[str, str] = {}


class CortexServer(WarehouseServer):
    """Listens from ``with`` to the end of the block."""

    def __enter__(self) -> "CortexServer":
        super().__enter__()
        _register(shared_fs.duck_conn)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        _remove(shared_fs.duck_conn)

    @property
    def asked(self) -> list[tuple[str, str]]:
        return _asked

    @property
    def scoring(self) -> list[str]:
        """The statements that came in and ask a model for sentiments."""
        return [sql for sql in self.executed if "SENTIMENT(" in sql and not sql.startswith("CREATE")]

    def forget(self) -> None:
        """Forget what was asked until now."""
        self.executed.clear()
        _asked.clear()
        transcribed.clear()
        answers.clear()

    def stored(self, schema: str, stage: str) -> list[str]:
        """Return the names of the files that lie in a stage."""
        return [path.name for path in Path(internal_dir(f"{schema}.{stage}")).iterdir()]

    def connect_in(self, schema: str) -> snowflake.connector.SnowflakeConnection:
        """Open a connection as the pipeline does, in ``DATABASE.SCHEMA``."""
        database, _, name = schema.partition(".")
        return self.connect(paramstyle="qmark", database=database, schema=name)

    def create_schema(self) -> str:
        """Create a schema in a database of its own and return its full name."""
        name = f"CALLS_{uuid.uuid4().hex}".upper()
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"create database {name}")
            cursor.execute(f"create schema {name}.ADA")
        return f"{name}.ADA"

    async def _execute(self, scope: _Message, body: bytes, token: str, statement: str, send: Any) -> None:
        """Execute a statement; what a model cannot answer fails with the number that Snowflake gives."""
        if statement.startswith("REMOVE"):
            removed = await run_in_threadpool(_remove_files, token, statement)
            body = gzip.compress(json.dumps({"sqlText": f"SELECT {removed} AS removed"}).encode())
            scope = scope | {"headers": [*scope["headers"], (b"content-encoding", b"gzip")]}
        answer: list[_Message] = []

        async def keep(message: _Message) -> None:
            answer.append(message)

        await super()._execute(scope, body, token, statement, keep)
        if b"while executing the UDF" in b"".join(message.get("body", b"") for message in answer):
            details = {"errorCode": "100351", "sqlState": "P0000"}
            message = f"Request failed for external function with remote service error: 400 '{POISON}'"
            await _send_json(send, {"data": details, "code": "100351", "message": message, "success": False})
            return
        for message in answer:
            await send(message)


def _remove_files(token: str, statement: str) -> int:
    """Empty a stage as REMOVE does, which fakesnow does not know; return how many files there were."""
    stage = re.fullmatch(r'REMOVE @"(\w+)"', statement)
    assert stage, f"the stand-in understands no such statement: {statement}"
    folder = _folder(sessions[token], stage[1])
    files = list(folder.iterdir())
    for file in files:
        file.unlink()
    return len(files)


def _folder(connection: Any, stage: str) -> Path:
    return Path(internal_dir(f"{connection.database}.{connection.schema}.{stage}"))


def _sentiment(text: str) -> float:
    _asked.append(("SENTIMENT", text))
    if POISON in text:
        raise ValueError(POISON)
    return 0.75 if "good" in text else -0.5 if "bad" in text else 0.0


def _ai_sentiment(text: str) -> str:
    """Answer as documented; where Cortex gives null, which DuckDB has to be told of, with no record."""
    _asked.append(("AI_SENTIMENT", text))
    labels = [label for label in ("positive", "negative", "neutral", "mixed", "unknown") if label in text]
    return json.dumps({"categories": [{"name": "overall", "sentiment": label} for label in labels[:1]]})


def _to_file(stage: str, name: str) -> str:
    """Return where fakesnow keeps a file of a stage, whichever schema it is in: no other has a file of that name."""
    found = list(Path(LOCAL_BUCKET_PATH).glob(f"*/*/{stage.strip('@').strip(chr(34))}/{name}"))
    if len(found) != 1:
        raise ValueError(f"{len(found)} files {name} in {stage}")
    return str(found[0])


def _ai_transcribe(file: str, options: str) -> str:
    transcribed.append((Path(file).name, Path(file).read_bytes(), json.loads(options)))
    return answers[Path(file).name]


def _count_tokens(function: str, text: str) -> int:
    _asked.append((f"AI_COUNT_TOKENS {function}", text))
    return TOKENS_OF_PROMPT + len(text.split())


def _register(duck: duckdb.DuckDBPyConnection) -> None:
    for name, (function, takes, gives) in _MODELS.items():
        duck.create_function(name, function, [duckdb.sqltype(kind) for kind in takes], duckdb.sqltype(gives))
    duck.execute("ATTACH ':memory:' AS \"SNOWFLAKE\"")
    duck.execute('CREATE SCHEMA "SNOWFLAKE"."CORTEX"')
    duck.execute('CREATE MACRO "SNOWFLAKE"."CORTEX".SENTIMENT(text) AS CORTEX_SENTIMENT(text)')


def _remove(duck: duckdb.DuckDBPyConnection) -> None:
    duck.execute('DETACH "SNOWFLAKE"')
    for name in _MODELS:
        duck.remove_function(name)


# What each stand-in is, takes and gives; SENTIMENT is reached through its schema.
_MODELS: Final = {
    "CORTEX_SENTIMENT": (_sentiment, ("VARCHAR",), "DOUBLE"),
    "AI_SENTIMENT": (_ai_sentiment, ("VARCHAR",), "VARCHAR"),
    "TO_FILE": (_to_file, ("VARCHAR", "VARCHAR"), "VARCHAR"),
    "AI_TRANSCRIBE": (_ai_transcribe, ("VARCHAR", "VARCHAR"), "VARCHAR"),
    "AI_COUNT_TOKENS": (_count_tokens, ("VARCHAR", "VARCHAR"), "BIGINT"),
}
