"""Where somebody speaks, in real speech and in what is none."""

import sys
from itertools import cycle, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from support.media import tone

from emotion_pipeline.engine.audio import voice_activity as voice
from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.audio.voice_activity import (
    FRAME_SAMPLES,
    VoiceRules,
    VoiceStream,
    spans_of,
    speech_probabilities,
    speech_spans,
    voiced_spans,
)
from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel, Span


@pytest.fixture(scope="module")
def speech(repository: Path, request: pytest.FixtureRequest) -> Channel:
    sample = repository / "samples" / "2026-11-02" / "sad_voice_message.ogg"
    if sample.is_file():
        return decode(sample)[0]
    return decode(request.getfixturevalue("shared_data") / "speech" / "read" / "jfk.flac")[0]


def check_order(spans: tuple[Span, ...], channel: Channel) -> None:
    assert all(span.start < span.end for span in spans)
    assert all(before.end <= after.start for before, after in pairwise(spans))
    if spans:
        assert spans[0].start >= 0.0
        assert spans[-1].end <= channel.size / SAMPLE_RATE


def test_speech_is_found_where_it_is(speech: Channel) -> None:
    silence = np.zeros(3 * SAMPLE_RATE, dtype=np.float32)
    channel = np.concatenate([silence, speech, silence])
    spans = speech_spans(channel)
    check_order(spans, channel)
    assert sum(span.seconds for span in spans) > 0.4 * speech.size / SAMPLE_RATE
    assert spans[0].start > 2.8
    assert spans[-1].end < 3.3 + speech.size / SAMPLE_RATE


def test_speech_goes_on_from_one_block_of_frames_to_the_next(speech: Channel) -> None:
    channel = np.tile(speech, 40 * SAMPLE_RATE // speech.size + 1)
    probabilities = speech_probabilities(channel)
    assert probabilities.shape == (-(-channel.size // FRAME_SAMPLES),)
    assert probabilities.min() >= 0.0 and probabilities.max() <= 1.0
    start = 512 * FRAME_SAMPLES
    cold = speech_probabilities(channel[start:])
    assert np.abs(cold[200:600] - probabilities[712:1_112]).mean() < 0.05


@pytest.mark.parametrize("hertz", [50.0, 440.0, 3_000.0])
def test_a_tone_is_no_speech(hertz: float) -> None:
    assert speech_spans(tone(hertz, 10.0, 0.5)[0]) == ()


@pytest.mark.parametrize("level", [0.0, 0.001, 0.05, 0.3])
def test_silence_and_white_noise_are_no_speech(rng: np.random.Generator, level: float) -> None:
    assert speech_spans(rng.normal(0.0, level, 10 * SAMPLE_RATE).astype(np.float32).clip(-1, 1)) == ()


def streamed(stream: VoiceStream, channel: Channel, lengths: list[int]) -> NDArray[np.float32]:
    """The probabilities of a channel that comes in blocks of these lengths, again and again."""
    found, at, blocks = [], 0, cycle(lengths)
    while at < channel.size:
        length = next(blocks)
        found.append(stream.feed(channel[at : at + length]))
        at += length
    return np.concatenate([*found, stream.finish()])


@pytest.mark.parametrize(
    "lengths", [[1_000_000], [512], [511], [513], [64_000], [1, 700, 0, 63], [100], [262_143, 5, 0, 0, 300]]
)
def test_a_stream_hears_the_same_however_it_is_cut(speech: Channel, lengths: list[int]) -> None:
    channel = np.concatenate([speech, speech[: 3 * SAMPLE_RATE + 77]])
    whole = speech_probabilities(channel)
    found = streamed(VoiceStream(), channel, lengths)
    assert found.shape == whole.shape
    assert np.abs(found - whole).max() <= 1e-6


@given(st.lists(st.integers(0, 3_000), min_size=1, max_size=8).filter(any), st.integers(1, 20_000))
@settings(max_examples=25, deadline=None)
def test_a_stream_hears_the_same_in_blocks_of_any_lengths(lengths: list[int], size: int) -> None:
    channel = np.sin(np.arange(size, dtype=np.float32) ** 1.3 / 50)
    assert np.allclose(streamed(VoiceStream(), channel, lengths), speech_probabilities(channel), atol=1e-6)


def test_a_finished_stream_begins_anew(speech: Channel) -> None:
    stream = VoiceStream()
    once, again = (streamed(stream, speech, [1_000]) for _ in range(2))
    assert np.array_equal(once, again)
    assert stream.finish().shape == (0,)


def test_the_second_look_keeps_the_spans_of_speech(speech: Channel) -> None:
    probabilities, rules = speech_probabilities(speech), VoiceRules()
    assert voiced_spans(speech, probabilities, rules) == spans_of(probabilities, speech.size / SAMPLE_RATE, rules)


@pytest.mark.parametrize("corpus", ["tone/emodb", "tone/ravdess", "speech/read", "speech/formats"])
def test_the_second_look_takes_no_speech_from_real_recordings(shared_data: Path, corpus: str) -> None:
    files = [file for file in sorted((shared_data / corpus).glob("*.*")) if file.suffix in {".flac", ".m4a"}]
    for file in files[:: max(1, len(files) // 40)]:
        channel, rules = decode(file)[0], VoiceRules()
        probabilities = speech_probabilities(channel)
        found = spans_of(probabilities, channel.size / SAMPLE_RATE, rules)
        assert voiced_spans(channel, probabilities, rules) == found, file.name


def test_the_onset_of_a_low_chord_is_no_speech(shared_data: Path) -> None:
    channel, rules = decode(shared_data / "speech" / "formats" / "tone-8bit.wav")[0], VoiceRules()
    assert len(spans_of(speech_probabilities(channel), channel.size / SAMPLE_RATE, rules)) == 1
    assert speech_spans(channel) == ()


def test_no_samples_hold_no_speech() -> None:
    assert speech_spans(np.zeros(0, dtype=np.float32)) == ()


@given(hnp.arrays(np.float32, st.integers(1, 3_000), elements=st.floats(-1, 1, width=32)))
@settings(max_examples=25, deadline=None)
def test_short_channels_have_a_probability_for_every_frame(channel: Channel) -> None:
    probabilities = speech_probabilities(channel)
    assert probabilities.shape == (-(-channel.size // FRAME_SAMPLES),)
    assert np.isfinite(probabilities).all()
    check_order(speech_spans(channel), channel)


def test_a_lower_threshold_finds_no_less_speech(speech: Channel) -> None:
    strict = speech_spans(speech, VoiceRules(begin=0.8, end=0.6))
    loose = speech_spans(speech, VoiceRules(begin=0.2, end=0.1))
    assert sum(span.seconds for span in loose) >= sum(span.seconds for span in strict) > 0


def test_a_longer_pause_joins_spans(speech: Channel) -> None:
    assert len(speech_spans(speech, VoiceRules(shortest_pause=30.0))) == 1
    assert len(speech_spans(speech, VoiceRules(shortest_pause=0.05))) > 1


def frames_of_speech(pattern: str, rules: VoiceRules) -> list[tuple[int, int]]:
    """Frames of speech for a row of probabilities in tenths, without padding."""
    probabilities: NDArray[np.float32] = np.array([int(tenths) / 10 for tenths in pattern], dtype=np.float32)
    frame = FRAME_SAMPLES / SAMPLE_RATE
    return [
        (round(span.start / frame), round(span.end / frame)) for span in voice._above_threshold(probabilities, rules)
    ]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("0009900000000", [(3, 5)]),
        ("9999", [(0, 4)]),
        ("00444400", []),
        ("00944440000000", [(2, 7)]),
        ("0990990000000", [(1, 6)]),
        ("0990000009900000", [(1, 3), (9, 11)]),
        ("00099000", [(3, 5)]),
        ("000990", [(3, 5)]),
    ],
)
def test_two_thresholds_and_a_shortest_pause_make_the_spans(pattern: str, expected: list[tuple[int, int]]) -> None:
    assert frames_of_speech(pattern, VoiceRules()) == expected


def test_a_missing_model_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "meta_path", [])
    monkeypatch.delitem(sys.modules, "silero_vad", raising=False)
    with pytest.raises(BackendUnavailableError, match=r"silero-vad is not installed; run: pip install silero-vad"):
        voice._model_file()


def test_a_package_without_the_model_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "silero_vad").mkdir()
    (tmp_path / "silero_vad" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "silero_vad", raising=False)
    with pytest.raises(BackendUnavailableError, match="no sequence model"):
        voice._model_file()


def test_a_missing_runtime_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(BackendUnavailableError, match="pip install onnxruntime"):
        voice._session.__wrapped__()
