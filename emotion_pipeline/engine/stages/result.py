"""``tone_sentiment``: the documented result, for every recording and every segment."""

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from emotion_pipeline.engine.agreement import tone_sentiment_match, weighted_mean
from emotion_pipeline.engine.emotion.taxonomy import BASE_EMOTIONS
from emotion_pipeline.engine.stages.reuse import FINGERPRINT, StageResult
from emotion_pipeline.engine.tone.labels import TONES
from emotion_pipeline.engine.tone.model import pool_scores
from emotion_pipeline.engine.types import ToneScore

RULE: Final = "agreement:documented:1"
"""Fingerprint of the rule; the scores that it compares carry their own in their tables."""

_COLUMNS: Final = (
    "recording_date",
    "recording_id",
    "scope",
    "subject_id",
    "file",
    "emotion",
    "emotion_score",
    "transcript",
    "sentiment_score",
    "tone_sentiment_match",
    "text_emotion",
    FINGERPRINT,
)
_TONE_COLUMNS: Final = [f"probability_{tone}" for tone in TONES]
_TEXT_COLUMNS: Final = {f"probability_{base.lower()}": f"text_{base}" for base in BASE_EMOTIONS}
"""Renamed for the join, because words and tone both have a ``probability_neutral``."""


def compare(
    transcripts: pd.DataFrame,
    segments: pd.DataFrame,
    tone_scores: pd.DataFrame,
    sentiment_scores: pd.DataFrame,
    emotion_labels: pd.DataFrame,
) -> StageResult:
    """Return a row per recording, each followed by a row per segment that has tone, sentiment and text emotion.

    A recording's tone is that of its segments pooled by their length, its sentiment and text emotion their means by
    words; one without segments has none of them and agrees with nothing.
    """
    emotions = emotion_labels.rename(columns=_TEXT_COLUMNS)
    scored = (
        segments.merge(tone_scores[["segment_id", "tone", "tone_probability", *_TONE_COLUMNS]], on="segment_id")
        .merge(sentiment_scores[["segment_id", "sentiment_score"]], on="segment_id")
        .merge(emotions[["segment_id", "base_emotion", *_TEXT_COLUMNS.values()]], on="segment_id")
    )
    by_recording = dict(list(scored.groupby("recording_id", sort=False)))
    rows: list[dict[str, Any]] = []
    for transcript in transcripts.to_dict("records"):
        own = by_recording.get(transcript["recording_id"], scored.iloc[:0])
        rows.append(_recording_row(transcript, own))
        rows.extend(_segment_row(one) for one in own.to_dict("records"))
    return StageResult(pd.DataFrame(rows, columns=list(_COLUMNS)), computed=0, reused=0)


def _recording_row(transcript: Mapping[Any, Any], segments: pd.DataFrame) -> dict[str, Any]:
    tone = text_emotion = sentiment = None
    if len(segments):
        words = segments["word_count"].tolist()
        tone = pool_scores(_tone_scores(segments), (segments["end_seconds"] - segments["start_seconds"]).tolist())
        sentiment = weighted_mean(segments["sentiment_score"].tolist(), words)
        by_base = {base: weighted_mean(segments[f"text_{base}"].tolist(), words) for base in BASE_EMOTIONS}
        text_emotion = max(by_base, key=lambda base: by_base[base] or 0.0)
    return _row(
        transcript,
        scope="recording",
        subject_id=transcript["recording_id"],
        emotion=tone.tone if tone else None,
        emotion_score=tone.probability if tone else None,
        transcript=transcript["text"],
        sentiment_score=sentiment,
        text_emotion=text_emotion,
    )


def _segment_row(segment: Mapping[Any, Any]) -> dict[str, Any]:
    return _row(
        segment,
        scope="segment",
        subject_id=segment["segment_id"],
        emotion=segment["tone"],
        emotion_score=segment["tone_probability"],
        transcript=segment["text"],
        sentiment_score=segment["sentiment_score"],
        text_emotion=segment["base_emotion"],
    )


def _row(about: Mapping[Any, Any], **values: Any) -> dict[str, Any]:
    return {
        "recording_date": about["recording_date"],
        "recording_id": about["recording_id"],
        "file": about["file"],
        **values,
        "tone_sentiment_match": str(tone_sentiment_match(values["emotion"], values["sentiment_score"])),
        FINGERPRINT: RULE,
    }


def _tone_scores(segments: pd.DataFrame) -> list[ToneScore]:
    """Return the stored scores, without the tones that their model does not know."""
    return [
        ToneScore({tone: row[f"probability_{tone}"] for tone in TONES if pd.notna(row[f"probability_{tone}"])})
        for row in segments[_TONE_COLUMNS].to_dict("records")
    ]
