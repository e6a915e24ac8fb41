"""A thousand damaged recordings of every format: each read or rejected with a reason, nothing killed, hung or left."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from support.media import encoded, wav
from support.mutations import DAMAGES, Judge, mutant
from support.noises import noise
from support.thorough import EVERY

from emotion_pipeline.engine.audio.inspect import SHORTEST_SECONDS
from emotion_pipeline.engine.audio.reject_reasons import RejectReason

MUTANTS = 1_000
TOGETHER = 50
HANGS_AFTER_S = 10.0
SOURCE_S = 2.0
# Of the recordings made here, as not every encoder takes 16 kHz; the noise is heard three times as fast.
RATE = 48_000
# A file of some kilobytes must not make the reader take what its header asks for.
MOST_MEMORY_MB = 1_000.0

ENCODERS = {
    "aac": ("adts", "aac"),
    "ac3": ("ac3", "ac3"),
    "aiff": ("aiff", "pcm_s16be"),
    "au": ("au", "pcm_s16be"),
    "avi": ("avi", "libmp3lame"),
    "caf": ("caf", "pcm_s16le"),
    "flac": ("flac", "flac"),
    "flv": ("flv", "aac"),
    "m4a": ("ipod", "aac"),
    "mka": ("matroska", "flac"),
    "mov": ("mov", "pcm_s16le"),
    "mp3": ("mp3", "libmp3lame"),
    "mp4": ("mp4", "alac"),
    "nut": ("nut", "libmp3lame"),
    "ogg": ("ogg", "libopus"),
    "oga": ("ogg", "flac"),
    "ts": ("mpegts", "aac"),
    "tta": ("tta", "tta"),
    "voc": ("voc", "pcm_u8"),
    "w64": ("w64", "pcm_s16le"),
    "webm": ("webm", "libopus"),
    "wma": ("asf", "libmp3lame"),
    "wv": ("wv", "wavpack"),
}
_MUXERS = {"aac": "adts", "matroska,webm": "webm", "mov,mp4,m4a,3gp,3g2,mj2": "mp4"}

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted in /proc")


def beginning(path: Path, folder: Path) -> bytes:
    """The first seconds of a recording, its packets as they are, in a container of the same kind.

    FLAC stays whole: its header would go on to declare the length that it had.
    """
    if path.suffix == ".flac":
        return path.read_bytes()
    short = folder / path.name
    with (
        av.open(str(path)) as source,
        av.open(str(short), "w", format=_MUXERS.get(source.format.name, source.format.name)) as copy,
    ):
        stream = source.streams.audio[0]
        written = copy.add_stream_from_template(stream)
        assert isinstance(written, AudioStream)
        for packet in source.demux(stream):
            if packet.dts is None or packet.dts * packet.time_base > SOURCE_S:
                break
            packet.stream = written
            copy.mux(packet)
    return short.read_bytes()


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> dict[str, bytes]:
    """Whole recordings by name: made on the spot in every format, and the beginnings of spoken ones where they are."""
    folder = tmp_path_factory.mktemp("sources")
    sound = noise("a cello", seconds=3.0).samples
    both = np.stack([sound, noise("typing", seconds=3.0).samples])
    made = {
        f"made {kind}": encoded(folder / kind, both, *how, rate=RATE).read_bytes() for kind, how in ENCODERS.items()
    }
    made |= {
        "made wav": wav(both),
        "made wav of floats": wav(both, dtype="<f4", kind=3),
        "made mono wav": wav(sound[None]),
    }
    return made | {path.name: beginning(path, folder) for path in _spoken(repository)}


def _spoken(repository: Path) -> list[Path]:
    formats = repository.parent / "shared" / "data" / "speech" / "formats"
    samples = sorted((repository / "samples").glob("2026-*/*"))
    whole = [path for path in samples if path.name not in {"interrupted_upload.wav", "manifest.csv"}]
    return [*sorted(formats.glob("*")), *whole]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    process = Judge(tmp_path_factory.mktemp("judge"))
    yield process
    process.stop()


def test_every_source_is_read_before_it_is_damaged(sources: dict[str, bytes], judge: Judge) -> None:
    assert len(sources) >= len(ENCODERS) + 3
    for name, content in sources.items():
        judged = judge.judge(content, HANGS_AFTER_S)
        assert not isinstance(judged, str), f"{name}: {judged}"
        assert (judged.status, judged.error) == ("accepted", ""), f"{name}: {judged}"


@pytest.mark.parametrize("first", range(0, MUTANTS, TOGETHER * EVERY))
def test_damaged_recordings_are_read_or_rejected_with_a_reason(
    first: int, sources: dict[str, bytes], judge: Judge
) -> None:
    for number in range(first, first + TOGETHER):
        damaged = mutant(number, sources)
        judged = judge.judge(damaged.content, HANGS_AFTER_S)
        assert not isinstance(judged, str), f"{damaged.name}: {judged}"
        assert judged.error == "", f"{damaged.name}: {judged}"
        assert (judged.descriptors_left, judged.files_left) == (0, ()), f"{damaged.name}: {judged}"
        assert judged.memory_mb < MOST_MEMORY_MB, f"{damaged.name}: {judged}"
        if judged.status == "rejected":
            assert judged.reason in list(RejectReason) and judged.detail, f"{damaged.name}: {judged}"
        else:
            assert (judged.status, judged.reason, judged.detail) == ("accepted", None, ""), f"{damaged.name}: {judged}"
            assert judged.seconds is not None and judged.seconds >= SHORTEST_SECONDS


def test_the_damage_is_varied_and_always_the_same(sources: dict[str, bytes]) -> None:
    damaged = [mutant(number, sources) for number in range(2 * len(DAMAGES))]
    assert damaged == [mutant(number, sources) for number in range(2 * len(DAMAGES))]
    assert {recording.name.split(", ", 1)[1] for recording in damaged} == set(DAMAGES)
    assert not any(recording.content in sources.values() for recording in damaged if "put in" in recording.name)
