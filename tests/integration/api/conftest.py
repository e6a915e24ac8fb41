"""One running service for all tests that need nothing special of it, and recordings to send."""

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
