"""How many requests the REST service answers, and how fast: texts of 32 users, recordings of 5 s of 8 users.

``python -m benchmarks.api`` starts the real service, tokens and limits included, and prints one JSON line. Server and
load share the machine, so the load is made of as little as can be: users are coroutines over raw sockets that read an
answer's head with httptools. A user sends the next request when the answer to the last one is there; ``paced`` users
of recordings together send 45 a minute, as the documents of the project describe their load. ``--soak SECONDS``
looks for errors and growing memory instead.
"""

import asyncio
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import httptools
import httpx
import numpy as np
import psutil
import typer
from pydantic import SecretStr

from emotion_pipeline.api.tokens import make_token
from emotion_pipeline.config.service_settings import Api, ApiSecrets
from emotion_pipeline.engine.audio.decode import stream
from emotion_pipeline.engine.audio.encode import FlacWriter
from emotion_pipeline.engine.common.types import SAMPLE_RATE

# What the public documents state for recordings.
DOCUMENTED: Final = {"requests_per_minute": 45, "latency_ms": 1_200}

WANTED: Final = {"text_requests_per_minute": 6_000, "text_p95_ms": 150}
TEXT_USERS: Final = 32
AUDIO_USERS: Final = 8
CLIP_S: Final = 5
_SAMPLE: Final = Path(__file__).parents[1] / "samples" / "2026-11-03" / "happy_voice_message.mp3"
_TEXTS: Final = (
    "Exciting news!",
    "I am furious with you, this is the third time that nobody called me back.",
    "The second part of the report will be ready on Thursday.",
    "I have some very sad news, my grandmother died last night.",
    "Thank you so much, you made my day.",
)
_START_S: Final = 180.0
_IDLE_S: Final = 1.0
# Of each user of texts beside recordings.
_TEXT_PAUSE_S: Final = 0.25


@dataclass
class Load:
    """What came of one load: seconds of each request, and how many had which status."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def figures(self, name: str) -> dict[str, Any]:
        """Return requests a minute, percentiles in milliseconds, what took so long that it became a job, errors."""
        p50, p95, p99 = (round(1_000 * float(np.quantile(self.latencies, q)), 1) for q in (0.5, 0.95, 0.99))
        return {
            f"{name}_requests": len(self.latencies),
            f"{name}_requests_per_minute": round(60 * len(self.latencies) / self.seconds),
            f"{name}_p50_ms": p50,
            f"{name}_p95_ms": p95,
            f"{name}_p99_ms": p99,
            f"{name}_became_jobs": self.statuses[202],
            f"{name}_errors": sum(count for status, count in self.statuses.items() if status >= 400),
        }


def main(
    seconds: Annotated[float, typer.Option(help="Of each load.")] = 30.0,
    soak: Annotated[float, typer.Option(help="Seconds of a mixed load; looks for errors and memory.")] = 0.0,
    cores: Annotated[int, typer.Option(help="Processor cores that service and load may use; 0: all.")] = 2,
) -> None:
    """Print the figures as one JSON line."""
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-api-") as folder,
        running(Path(folder)) as (process, port, token),
    ):
        figures = asyncio.run(soaked(process, port, token, soak) if soak else measured(port, token, seconds))
    typer.echo(json.dumps({"cores": cores or os.cpu_count(), **figures}))


async def measured(port: int, token: str, seconds: float) -> dict[str, Any]:
    """The figures of texts, of recordings as fast as they go and at the documented pace, and of these beside texts."""
    texts, clip = text_requests(port, token), audio_request(port, token)
    await loaded(port, texts, TEXT_USERS, min(5.0, seconds))  # warm
    text = await loaded(port, texts, TEXT_USERS, seconds)
    audio = await loaded(port, [clip], AUDIO_USERS, seconds)
    pause = 60.0 * AUDIO_USERS / DOCUMENTED["requests_per_minute"]
    paced = await loaded(port, [clip], AUDIO_USERS, max(seconds, pause), pause)
    beside_audio, beside_text = await asyncio.gather(
        loaded(port, [clip], AUDIO_USERS, max(seconds, pause), pause),
        loaded(port, texts, AUDIO_USERS, max(seconds, pause), _TEXT_PAUSE_S),
    )
    return {
        **text.figures("text"),
        "text_users": TEXT_USERS,
        **{f"wanted_{name}": value for name, value in WANTED.items()},
        **audio.figures("audio"),
        "audio_users": AUDIO_USERS,
        "audio_clip_seconds": CLIP_S,
        **paced.figures("paced_audio"),
        **{f"documented_{name}": value for name, value in DOCUMENTED.items()},
        **beside_audio.figures("audio_beside_texts"),
        **beside_text.figures("text_beside_audio"),
        "errors": sum(load.figures("x")["x_errors"] for load in (text, audio, paced, beside_audio, beside_text)),
    }


async def soaked(process: psutil.Process, port: int, token: str, seconds: float) -> dict[str, Any]:
    """Errors of a mixed load, and how much memory the processes took after its first tenth and at its end."""
    texts, clip = text_requests(port, token), audio_request(port, token)
    first = max(seconds / 10, 5.0)
    await asyncio.gather(loaded(port, texts, 8, first), loaded(port, [clip], 2, first))
    before = _memory_mb(process)
    text, audio = await asyncio.gather(
        loaded(port, texts, 8, seconds - first, 0.02), loaded(port, [clip], 2, seconds - first)
    )
    after = _memory_mb(process)
    return {
        "soak_seconds": seconds,
        **text.figures("text"),
        **audio.figures("audio"),
        "memory_mb_before": before,
        "memory_mb_after": after,
        "memory_growth_mb": round(after - before, 1),
        "errors": text.figures("x")["x_errors"] + audio.figures("x")["x_errors"],
    }


async def loaded(port: int, requests: Sequence[bytes], users: int, seconds: float, pause_s: float = 0.0) -> Load:
    """Let ``users`` send ``requests`` in turn for so many seconds; with a pause each begins one every ``pause_s``."""
    started = time.perf_counter()
    load = Load(seconds)

    async def user(number: int) -> None:
        await asyncio.sleep(number * pause_s / users)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        turn = number
        while (began := time.perf_counter()) - started < seconds:
            if pause_s > _IDLE_S:  # the service has closed a connection that nobody used for so long
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(requests[turn % len(requests)])
            load.statuses[await _answer(reader)] += 1
            load.latencies.append(time.perf_counter() - began)
            turn += 1
            await asyncio.sleep(max(0.0, began + pause_s - time.perf_counter()) if pause_s else 0)
        writer.close()

    await asyncio.gather(*(user(number) for number in range(users)))
    load.seconds = time.perf_counter() - started
    return load


class _Head:
    """Told by httptools what an answer is."""

    def __init__(self) -> None:
        self.is_complete = False

    def on_message_complete(self) -> None:
        self.is_complete = True


async def _answer(reader: asyncio.StreamReader) -> int:
    head = _Head()
    parser = httptools.HttpResponseParser(head)
    while not head.is_complete:
        block = await reader.read(65_536)
        if not block:
            raise ConnectionError("the service closed a connection")
        parser.feed_data(block)
    return parser.get_status_code()


def text_requests(port: int, token: str) -> list[bytes]:
    """One request per text, as bytes."""
    bodies = [json.dumps({"text": text}).encode() for text in _TEXTS]
    return [_request(port, token, "/v1/predict", "application/json", body) for body in bodies]


def audio_request(port: int, token: str) -> bytes:
    """An upload of the first seconds of a sample, as bytes."""
    boundary = secrets.token_hex(8)
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.flac"\r\n\r\n'.encode()
    body = head + _clip() + f"\r\n--{boundary}--\r\n".encode()
    return _request(port, token, "/v1/predict/audio", f"multipart/form-data; boundary={boundary}", body)


def _request(port: int, token: str, path: str, kind: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _clip() -> bytes:
    samples = np.concatenate(list(stream(_SAMPLE)), axis=1)[:, : CLIP_S * SAMPLE_RATE]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.flac"
        with FlacWriter(path, 1) as writer:
            writer.write(samples)
            writer.publish()
        return path.read_bytes()


@contextmanager
def running(folder: Path) -> Iterator[tuple[psutil.Process, int, str]]:
    """Yield the process of a ready service, its port and a token; limits are so high that they only cost their time."""
    secret = secrets.token_urlsafe(48)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    limits = {"REQUESTS_PER_MINUTE": 10**6, "ADDRESS_REQUESTS_PER_MINUTE": 10**6, "AUDIO_SECONDS_PER_HOUR": 10**7}
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("EMOTION_")},
        "EMOTION_JWT_SECRET": secret,
        "EMOTION_API__FOLDER": str(folder / "api"),
        "EMOTION_API__PORT": str(port),
        **{f"EMOTION_API__LIMITS__{name}": str(value) for name, value in limits.items()},
    }
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[1]), environment.get("PYTHONPATH", "")])
    with (folder / "log").open("w") as log:
        code = "from emotion_pipeline.cli.app import main; main()"
        server = subprocess.Popen([sys.executable, "-c", code, "serve"], cwd=folder, env=environment, stderr=log)
    try:
        _wait_until(lambda: _is_ready(port), server)
        token = make_token(
            Api(), ApiSecrets(jwt_secret=SecretStr(secret)), "benchmark", ["predict"], timedelta(hours=12)
        )
        yield psutil.Process(server.pid), port, token
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/ready", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def _wait_until(look: Callable[[], bool], server: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + _START_S
    while not look():
        if server.poll() is not None or time.monotonic() > end:
            raise SystemExit("the service did not become ready")
        time.sleep(0.2)


def _memory_mb(process: psutil.Process) -> float:
    family = [process, *process.children(recursive=True)]
    return round(sum(member.memory_info().rss for member in family) / 1e6, 1)


if __name__ == "__main__":
    typer.run(main)
