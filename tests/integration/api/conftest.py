"""Two running services that the tests share, one as it is by default and one with settings, and recordings to send."""

import http.server
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import httpx
import numpy as np
import pytest
from support.media import tone, wav
from support.service import RunningService

from emotion_pipeline.engine.audio.decode import stream


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """As it is by default, with a worker for short jobs and one for all."""
    with RunningService(tmp_path_factory.mktemp("service"), EMOTION_API__JOBS__WORKERS="2") as running:
        yield running.wait_until_ready()


@pytest.fixture(scope="session")
def traces() -> Iterator[tuple[str, list[bytes]]]:
    """The address of a collector of traces, and what it has been sent."""
    received: list[bytes] = []

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

    collector = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{collector.server_port}", received
    collector.shutdown()
    collector.server_close()


@pytest.fixture(scope="session")
def configured(tmp_path_factory: pytest.TempPathFactory, traces: tuple[str, list[bytes]]) -> Iterator[RunningService]:
    """With small limits of uploads, named hosts and web sites, and traces; nobody waits for its models."""
    variables = {
        "EMOTION_API__UPLOADS__MAX_BYTES": "1000000",
        "EMOTION_API__UPLOADS__MAX_SECONDS": "10",
        "EMOTION_API__ALLOWED_HOSTS": '["*.example.org"]',
        "EMOTION_API__CORS_ORIGINS": '["https://a.org"]',
        "EMOTION_API__TRACING": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": traces[0],
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    with RunningService(tmp_path_factory.mktemp("configured"), **variables) as running:
        yield running


@pytest.fixture
def client(service: RunningService) -> Iterator[httpx.Client]:
    with service.client() as client:
        yield client


@pytest.fixture(scope="session")
def beep() -> bytes:
    """A second of a tone: a recording without speech, analysed in no time."""
    return wav(tone(seconds=1.0))


@pytest.fixture(scope="session")
def speech(repository: Path) -> bytes:
    """Eight seconds of speech."""
    blocks = stream(repository / "samples" / "2026-11-03" / "happy_voice_message.mp3")
    return wav(np.concatenate(list(islice(blocks, 2)), axis=1))


@pytest.fixture(scope="session")
def long_speech(repository: Path) -> bytes:
    """A minute and a half of speech."""
    return (repository / "samples" / "2026-11-03" / "happy_voice_message.mp3").read_bytes() * 3
