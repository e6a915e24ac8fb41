"""Recordings of any length as windows: nothing lost, nothing twice, and no word cut in two."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.audio.encode import encode_flac
from emotion_pipeline.engine.audio.voice_activity import speech_spans
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Span, Waveform
from emotion_pipeline.engine.transcribe.windows import Window, speech_spans_of, windows


@pytest.fixture(scope="module")
def meeting(repository: Path) -> Waveform:
    return decode(repository / "samples" / "2026-11-02" / "team_meeting.flac")


@pytest.fixture(scope="module")
def call(repository: Path) -> Waveform:
    return decode(repository / "samples" / "2026-11-02" / "angry_customer_call.mp3", keep_channels=True)


def blocks(waveform: Waveform, length: int) -> list[Waveform]:
    return [waveform[:, start : start + length] for start in range(0, waveform.shape[1], length)]


def joined(found: list[Window]) -> Waveform:
    return np.concatenate([window.samples for window in found], axis=1)


def in_recording(found: list[Window], voice: int = 0) -> list[Span]:
    return [
        Span(window.start + span.start, window.start + span.end) for window in found for span in window.speech[voice]
    ]


@pytest.mark.parametrize("window_s", [3.0, 8.0, 1000.0])
def test_windows_are_the_recording_in_order_without_gap_or_overlap(call: Waveform, window_s: float) -> None:
    found = list(windows(blocks(call, 4 * SAMPLE_RATE), window_s))
    assert np.array_equal(joined(found), call)
    assert [window.index for window in found] == list(range(len(found)))
    assert all(after.start == pytest.approx(before.start + before.seconds) for before, after in pairwise(found))
    assert all(window.seconds <= window_s for window in found)
    assert (len(found) == 1) == (window_s == 1000.0)


def test_windows_do_not_depend_on_how_the_stream_is_cut(meeting: Waveform) -> None:
    few, many = (list(windows(blocks(meeting, length), 8.0)) for length in (10 * SAMPLE_RATE, 1234))
    assert len(few) == len(many) > 1
    for one, other in zip(few, many, strict=True):
        assert (one.start, one.speech) == (other.start, other.speech)
        assert np.array_equal(one.samples, other.samples)


def test_a_window_ends_where_nobody_speaks(call: Waveform) -> None:
    speech = [speech_spans(channel) for channel in call]
    found = list(windows(blocks(call, 4 * SAMPLE_RATE), 8.0))
    for window in found[1:]:
        assert not any(span.start < window.start < span.end for spans in speech for span in spans)


def test_the_speech_in_windows_is_that_of_the_whole(meeting: Waveform) -> None:
    whole = speech_spans(meeting[0])
    found = in_recording(list(windows(blocks(meeting, 4 * SAMPLE_RATE), 8.0)))
    assert len(found) == len(whole)
    for one, other in zip(found, whole, strict=True):
        assert one.start == pytest.approx(other.start, abs=0.05)
        assert one.end == pytest.approx(other.end, abs=0.05)


def test_a_talker_without_a_breath_is_cut_all_the_same(meeting: Waveform) -> None:
    longest = max(speech_spans(meeting[0]), key=lambda span: span.seconds)
    phrase = meeting[:, int(longest.start * SAMPLE_RATE) + 4000 : int(longest.end * SAMPLE_RATE) - 4000]
    endless = np.tile(phrase, (1, 12))
    found = list(windows(blocks(endless, 4 * SAMPLE_RATE), 4.0))
    assert np.array_equal(joined(found), endless)
    assert all(0 < window.seconds <= 4.0 for window in found)


def test_nothing_has_no_windows() -> None:
    assert list(windows([])) == []


def test_each_speaker_of_a_call_has_their_own_speech(repository: Path, call: Waveform) -> None:
    path = repository / "samples" / "2026-11-02" / "angry_customer_call.mp3"
    found = speech_spans_of(path)
    assert list(found) == ["speaker_1", "speaker_2"]
    assert list(found.values()) == [speech_spans(channel) for channel in call]


def test_a_recording_on_one_channel_has_the_speech_of_one(tmp_path: Path, meeting: Waveform) -> None:
    encode_flac(meeting[:, : 5 * SAMPLE_RATE], tmp_path / "short.flac")
    assert list(speech_spans_of(tmp_path / "short.flac")) == ["speaker_1"]
