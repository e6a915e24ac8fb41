"""Segments of transcripts: sentences, and speech whose words are not believed, of which the tone is known."""

from typing import Any

import pandas as pd
import pytest

from emotion_pipeline.engine.sentiment.vader import VaderSentiment
from emotion_pipeline.engine.stages.segments import has_segments, segment
from emotion_pipeline.engine.stages.sentiment_scores import score_sentiment


def transcript(*dropped: dict[str, Any], words: tuple[str, ...] = (), by: str = "assumed_one") -> dict[str, Any]:
    """Speech from 1 to 4 s and from 5 to 9 s; words stand after it."""
    spoken = [
        {"text": word, "start": 10.0 + at, "end": 10.5 + at, "probability": 0.9, "speaker": "speaker_1"}
        for at, word in enumerate(words)
    ]
    return {
        "recording_date": "2026-11-02",
        "recording_id": "a" * 64,
        "file": "a.wav",
        "audio_uri": "a.flac",
        "recording_seconds": 20.0,
        "language": "und",
        "speakers_by": by,
        "turns": [],
        "words": spoken,
        "speech": [{"start": 1.0, "end": 4.0}, {"start": 5.0, "end": 9.0}],
        "dropped": list(dropped),
    }


def span(start: float, end: float, reason: str = "improbable") -> dict[str, Any]:
    return {"start": start, "end": end, "speaker": "speaker_1", "reason": reason}


def segments(row: dict[str, Any]) -> pd.DataFrame:
    return segment(pd.DataFrame([row])).rows


def test_phrases_whose_words_are_not_believed_are_segments_without_words() -> None:
    rows = segments(transcript(span(1.0, 9.0), words=("yes",)))
    assert rows[["start_seconds", "end_seconds", "text", "word_count"]].values.tolist() == [
        [1.0, 4.0, "", 0],
        [5.0, 9.0, "", 0],
        [10.0, 10.5, "yes", 1],
    ]
    assert rows["mean_word_probability"].isna().tolist() == [True, True, False]
    assert rows["segment_id"].is_unique


@pytest.mark.parametrize("reason", ["no_speech", "other_channel", "either_channel"])
def test_what_nobody_said_here_is_no_segment(reason: str) -> None:
    row = transcript(span(1.0, 9.0, reason))
    assert len(segments(row)) == 0
    assert not has_segments(row)


def test_a_stretch_too_short_for_a_tone_is_no_segment() -> None:
    assert len(segments(transcript(span(3.8, 5.2)))) == 0


def test_on_two_channels_an_utterance_is_one_segment() -> None:
    rows = segments(transcript(span(1.0, 9.0), by="channel"))
    assert rows[["start_seconds", "end_seconds", "channel"]].values.tolist() == [[1.0, 9.0, 0]]


def test_no_words_have_no_sentiment_and_say_why() -> None:
    rows = segments(transcript(span(1.0, 9.0)) | {"language": "en"})
    scores = score_sentiment(rows, None, VaderSentiment()).rows
    assert scores["sentiment_score"].isna().all()
    assert set(scores["reason"]) == {"no_words"}
