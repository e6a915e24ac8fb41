"""Subtitles of a recording, read back with the libraries that players' tools use."""

import io
from collections.abc import Sequence
from datetime import timedelta

import pytest
import srt
import webvtt
from support.conversation import words_of

from emotion_pipeline.engine.stages.report import RecordingResult, SegmentResult
from emotion_pipeline.engine.stages.subtitles import subtitles

SENTENCE = "and <then> the third invoice & the fourth one came although I had cancelled it in writing weeks ago"


def result_of(turns: Sequence[tuple[str, float, float, str]]) -> RecordingResult:
    """Return the result of a recording in which nothing is felt: who said what from when to when."""
    segments = tuple(
        SegmentResult(
            **{"speaker": speaker, "start": start, "end": end, "transcript": text, "emotion": "neutral"},
            **dict.fromkeys(("emotion_score", "text_emotion_score"), 0.8),
            **dict.fromkeys(("uncertain", "masked", "leaking", "contradictory"), False),
            **dict.fromkeys(("sub_emotion", "intensity", "sentiment_score"), None),
            text_emotion="Neutral",
            tone_sentiment_match="Unknown",
            agreement_score=0.0,
            tone_probabilities={"neutral": 0.8, "angry": 0.2},
            text_emotion_probabilities={"Neutral": 1.0},
            words=words_of(speaker, start, end, text),
        )
        for speaker, start, end, text in turns
    )
    return RecordingResult(
        file="call.wav",
        **dict.fromkeys(("emotion", "emotion_score", "transcript", "sentiment_score", "detail", "metrics"), None),
        tone_sentiment_match="Unknown",
        segments=segments,
        status="accepted",
        reasons=(),
        speakers=(),
        recording_id="a" * 64,
    )


@pytest.fixture
def result() -> RecordingResult:
    """Two people who talk at once, one of them in a sentence too long for one cue."""
    return result_of(
        [("agent", 0.0, 1.9996, "Good morning."), ("customer", 1.5, 13.9996, SENTENCE), ("agent", 6.0, 6.5, "Mhm.")]
    )


def _seconds(time: str) -> float:
    hours, minutes, seconds = time.split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds)


def test_srt_is_read_back_with_speaker_tone_and_every_word(result: RecordingResult) -> None:
    cues = list(srt.parse(subtitles(result, "srt")))
    assert [cue.index for cue in cues] == list(range(1, len(cues) + 1))
    assert cues[0].content == "agent (neutral): Good morning."
    spoken = [cue.content.split(": ", 1)[1] for cue in cues if cue.content.startswith("customer")]
    assert " ".join(spoken) == SENTENCE
    assert len(spoken) > 1, "it was cut to what can be read at once"


def test_webvtt_is_read_back_with_speaker_and_text(result: RecordingResult) -> None:
    cues = webvtt.from_buffer(io.StringIO(subtitles(result, "vtt"))).captions
    assert cues[0].voice == "agent"
    assert cues[0].text == "(neutral) Good morning."
    assert len(cues) == len(list(srt.parse(subtitles(result, "srt"))))


def test_cues_are_in_order_and_inside_the_recording(result: RecordingResult) -> None:
    cues = list(srt.parse(subtitles(result, "srt")))
    starts = [cue.start for cue in cues]
    assert starts == sorted(starts)
    assert all(timedelta(0) <= cue.start < cue.end <= timedelta(seconds=13.9996) for cue in cues)
    times = [
        (_seconds(cue.start), _seconds(cue.end))
        for cue in webvtt.from_buffer(io.StringIO(subtitles(result, "vtt"))).captions
    ]
    assert times == [(cue.start.total_seconds(), cue.end.total_seconds()) for cue in cues]


def test_plain_text_has_one_line_a_cue(result: RecordingResult) -> None:
    assert subtitles(result, "txt").splitlines()[0] == "[00:00:00.000] agent (neutral): Good morning."


@pytest.mark.parametrize("kind", ["srt", "vtt", "txt"])
def test_a_recording_without_words_has_no_cue(kind: str) -> None:
    assert "-->" not in subtitles(result_of([]), kind)
