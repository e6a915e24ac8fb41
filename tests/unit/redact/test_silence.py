"""Silencing personal data in the stored audio: there nothing is left, elsewhere nothing changes."""

import tracemalloc
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from emotion_pipeline.engine.audio.decode import BLOCK_SAMPLES, decode
from emotion_pipeline.engine.audio.encode import encode_flac, write_flac
from emotion_pipeline.engine.common.errors import MediaError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, RedactedSpan, Span, Waveform
from emotion_pipeline.engine.redact.silence import PAD_S, silence

FADE = 160
PAD = round(PAD_S * SAMPLE_RATE)
SPEAKERS = ("speaker_1", "speaker_2")


def span(start: float, end: float, speaker: str = "speaker_1") -> RedactedSpan:
    return RedactedSpan(Span(start, end), speaker, "phone_number")


@pytest.fixture
def noise(rng: np.random.Generator) -> Waveform:
    """Ten seconds on two channels, no sample of them silent: more than two blocks."""
    loud = rng.uniform(0.25, 0.75, (2, 10 * SAMPLE_RATE)) * rng.choice([-1, 1], (2, 10 * SAMPLE_RATE))
    return loud.astype(np.float32)


def silenced(
    folder: Path, waveform: Waveform, spans: list[RedactedSpan], speakers: tuple[str, ...] = SPEAKERS
) -> tuple[Waveform, Waveform]:
    """The stored copy before and after."""
    source, target = folder / "source.flac", folder / "target.flac"
    encode_flac(waveform, source)
    silence(source, spans, speakers, target)
    return decode(source, keep_channels=True), decode(target, keep_channels=True)


def changed(before: Waveform, after: Waveform) -> NDArray[np.bool_]:
    assert before.shape == after.shape
    return before != after


def test_the_span_is_silent_and_the_rest_is_identical(tmp_path: Path, noise: Waveform) -> None:
    before, after = silenced(tmp_path, noise, [span(3.5, 5.0)])
    first, last = round(3.5 * SAMPLE_RATE), 5 * SAMPLE_RATE
    assert not after[0, first - PAD + FADE : last + PAD - FADE].any()
    different = np.flatnonzero(changed(before, after)[0])
    assert different.min() == first - PAD
    assert different.max() == last + PAD - 1


def test_the_channel_of_the_other_speaker_is_untouched(tmp_path: Path, noise: Waveform) -> None:
    before, after = silenced(tmp_path, noise, [span(1.0, 2.0, "speaker_2")])
    assert not changed(before, after)[0].any()
    assert changed(before, after)[1].any()


@pytest.mark.parametrize("speakers", [("speaker_1",), ("speaker_1", "speaker_2", "speaker_3"), ()])
def test_all_channels_are_silenced_where_they_are_not_the_speakers(
    tmp_path: Path, noise: Waveform, speakers: tuple[str, ...]
) -> None:
    _, after = silenced(tmp_path, noise, [span(1.0, 2.0)], speakers)
    assert not after[:, SAMPLE_RATE : 2 * SAMPLE_RATE].any()


def test_a_speaker_without_a_channel_is_silenced_on_all(tmp_path: Path, noise: Waveform) -> None:
    _, after = silenced(tmp_path, noise, [span(1.0, 2.0, "speaker_9")])
    assert not after[:, SAMPLE_RATE : 2 * SAMPLE_RATE].any()


def test_one_channel_is_silenced_for_every_speaker(tmp_path: Path, noise: Waveform) -> None:
    before, after = silenced(tmp_path, noise[:1], [span(1.0, 2.0), span(6.0, 7.0, "speaker_2")])
    assert not after[0, SAMPLE_RATE : 2 * SAMPLE_RATE].any()
    assert not after[0, 6 * SAMPLE_RATE : 7 * SAMPLE_RATE].any()
    assert not changed(before, after)[0, 3 * SAMPLE_RATE : 5 * SAMPLE_RATE].any()


def test_edges_fade_and_do_not_click(tmp_path: Path) -> None:
    constant = np.full((1, 2 * SAMPLE_RATE), 0.5, dtype=np.float32)
    _, after = silenced(tmp_path, constant, [span(0.5, 1.0)], ("speaker_1",))
    assert np.abs(np.diff(after[0])).max() < 0.5 / 100


def test_spans_that_lie_close_together_are_silenced_as_one(tmp_path: Path, noise: Waveform) -> None:
    _, after = silenced(tmp_path, noise, [span(2.0, 3.0), span(3.05, 4.0), span(2.2, 2.4)])
    assert not after[0, 2 * SAMPLE_RATE : 4 * SAMPLE_RATE].any()


def test_spans_at_the_ends_and_beyond_are_cut_to_the_recording(tmp_path: Path, noise: Waveform) -> None:
    before, after = silenced(tmp_path, noise, [span(0.0, 0.5), span(9.5, 12.0), span(30.0, 31.0)])
    assert not after[0, : SAMPLE_RATE // 2].any()
    assert not after[0, -SAMPLE_RATE // 2 :].any()
    assert not changed(before, after)[0, SAMPLE_RATE : 9 * SAMPLE_RATE].any()


def test_nothing_to_silence_is_a_plain_copy(tmp_path: Path, noise: Waveform) -> None:
    before, after = silenced(tmp_path, noise, [])
    assert not changed(before, after).any()


def test_the_copy_may_replace_the_source(tmp_path: Path, noise: Waveform) -> None:
    path = tmp_path / "a.flac"
    encode_flac(noise, path)
    silence(path, [span(1.0, 2.0)], SPEAKERS, path)
    assert not decode(path, keep_channels=True)[0, SAMPLE_RATE : 2 * SAMPLE_RATE].any()
    assert [file.name for file in tmp_path.iterdir()] == ["a.flac"]


def test_an_unreadable_source_leaves_nothing_and_the_old_copy(tmp_path: Path, noise: Waveform) -> None:
    source, target = tmp_path / "source.flac", tmp_path / "target.flac"
    source.write_bytes(b"no audio at all")
    encode_flac(noise, target)
    old = target.read_bytes()
    with pytest.raises(MediaError, match="source"):
        silence(source, [span(1.0, 2.0)], SPEAKERS, target)
    assert target.read_bytes() == old
    assert sorted(file.name for file in tmp_path.iterdir()) == ["source.flac", "target.flac"]


def test_memory_does_not_grow_with_the_recording(tmp_path: Path) -> None:
    def peak_for(blocks: int) -> int:
        write_flac(repeat(np.full((2, BLOCK_SAMPLES), 0.25, dtype=np.float32), blocks), tmp_path / "source.flac")
        seconds = blocks * BLOCK_SAMPLES // SAMPLE_RATE
        spans = [span(at + 1.0, at + 2.0) for at in range(0, seconds, 10)]
        tracemalloc.start()
        silence(tmp_path / "source.flac", spans, SPEAKERS, tmp_path / "target.flac")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    assert peak_for(75) < 1.5 * peak_for(15)
