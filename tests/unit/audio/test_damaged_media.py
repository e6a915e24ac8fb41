"""Recordings with bytes changed at random: a verdict for each, and nothing left open or lying about."""

import os
import time
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.media import encoded, tone, wav

from emotion_pipeline.engine.audio.decode import BLOCK_SAMPLES, stream
from emotion_pipeline.engine.audio.inspect import inspect
from emotion_pipeline.engine.audio.reject_reasons import RejectReason
from emotion_pipeline.engine.common.errors import MediaError

SOURCES = ["wav", "flac", "mp3", "ogg", "m4a", "mka", "flv", "aac"]
ENCODERS = {
    "flac": ("flac", "flac"),
    "mp3": ("mp3", "libmp3lame"),
    "ogg": ("ogg", "libopus"),
    "m4a": ("ipod", "aac"),
    "mka": ("matroska", "aac"),
    "flv": ("flv", "aac"),
    "aac": ("adts", "aac"),
}
# How long one verdict on a second of audio may take on a busy machine before it counts as hanging.
LONGEST_SECONDS = 20.0


@cache
def source(kind: str) -> bytes:
    both = np.concatenate([tone(300.0, rate=48_000), tone(500.0, rate=48_000)])
    if kind == "wav":
        return wav(both, 48_000)
    with TemporaryDirectory() as folder:
        return encoded(Path(folder) / "a", both, *ENCODERS[kind], rate=48_000).read_bytes()


@cache
def spoken(path: Path) -> bytes:
    return path.read_bytes()[:40_000]


def mutated(content: bytes, changes: list[tuple[int, int]], keep: float) -> bytes:
    damaged = bytearray(content)
    for at, value in changes:
        damaged[at % len(damaged)] = value
    return bytes(damaged[: max(1, round(keep * len(damaged)))])


# Half of the places fall into the first bytes, where formats keep what steers the decoder.
PLACES = st.one_of(st.integers(0, 300), st.integers(0, 200_000))
CHANGES = st.lists(st.tuples(PLACES, st.integers(0, 255)), min_size=1, max_size=40)
KEPT = st.one_of(st.just(1.0), st.floats(0.0, 1.0))


def open_below(folder: Path) -> list[str]:
    """Files in ``folder`` that this process holds open; other tests' pipes and sockets come and go meanwhile."""
    descriptors = Path("/proc/self/fd").iterdir()
    targets = [os.path.realpath(descriptor) for descriptor in descriptors]
    return [target for target in targets if target.startswith(str(folder.resolve()))]


def check_that_it_is_judged(content: bytes) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a.wav").write_bytes(content)
        started = time.monotonic()
        verdict = inspect(folder / "a.wav", folder / "copy.flac")
        assert time.monotonic() - started < LONGEST_SECONDS
        assert open_below(folder) == []
        left = {"a.wav", "copy.flac"} if verdict.status == "accepted" else {"a.wav"}
        assert {path.name for path in folder.iterdir()} == left
        assert (verdict.reason is None) == (verdict.status == "accepted")
        if verdict.status == "accepted":
            assert verdict.seconds is not None and verdict.seconds >= 0.1
            assert verdict.peak_dbfs is not None and -60.0 <= verdict.peak_dbfs <= 0.0


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are listed in /proc")
@pytest.mark.parametrize("kind", SOURCES)
@given(changes=CHANGES, keep=KEPT)
@settings(max_examples=25, deadline=None)
def test_damage_never_crashes_hangs_or_leaks(kind: str, changes: list[tuple[int, int]], keep: float) -> None:
    check_that_it_is_judged(mutated(source(kind), changes, keep))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are listed in /proc")
@given(changes=CHANGES, keep=KEPT)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_speech_never_crashes_hangs_or_leaks(
    shared_data: Path, changes: list[tuple[int, int]], keep: float
) -> None:
    content = spoken(shared_data / "speech" / "formats" / "p001.mp3")
    check_that_it_is_judged(mutated(content, changes, keep))


@given(content=st.binary(max_size=2_000))
@settings(max_examples=50, deadline=None)
def test_random_bytes_are_no_recording(content: bytes) -> None:
    with TemporaryDirectory() as name:
        path = Path(name) / "a.mp3"
        path.write_bytes(content)
        assert inspect(path).status == "rejected"


@pytest.mark.parametrize("kind", SOURCES)
@given(changes=CHANGES)
@settings(max_examples=10, deadline=None)
def test_samples_of_a_damaged_recording_are_in_range_and_finite(kind: str, changes: list[tuple[int, int]]) -> None:
    with TemporaryDirectory() as name:
        path = Path(name) / "a"
        path.write_bytes(mutated(source(kind), changes, 1.0))
        try:
            for block in stream(path, keep_channels=True):
                assert 1 <= block.shape[1] <= BLOCK_SAMPLES
                assert np.isfinite(block).all() and np.abs(block).max() <= 1.0
        except MediaError as error:
            assert error.code in list(RejectReason)
