"""``tone_sentiment``: the documented result, for every recording and every segment."""

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from emotion_pipeline.engine.agreement import (
    agreement_score,
    contradicts,
    is_leaking,
    is_masked,
    leaning_of_tone,
    leaning_of_words,
    tone_sentiment_match,
    weighted_mean,
)
from emotion_pipeline.engine.common.types import ToneScore
from emotion_pipeline.engine.emotion.taxonomy import BASE_EMOTIONS
from emotion_pipeline.engine.stages.reuse import StageResult, value_or_none
from emotion_pipeline.engine.stages.tables import FINGERPRINT_COLUMN, TONE_SENTIMENT
from emotion_pipeline.engine.tone.base import evidence, pool_scores
from emotion_pipeline.engine.tone.labels import PROBABILITY_COLUMNS, TONES

# Fingerprint of the rules; the scores that they compare carry their own in their tables.
RULE: Final = "agreement:documented:1|score:2|contradiction:1"

_AGREEMENT: Final = ("agreement_score", "masked", "leaking")
# Columns of segments, and the columns of their recording that hold their means by length.
_MEAN_BY_LENGTH: Final = {"agreement_score": "agreement_score", "masked": "masked_share", "leaking": "leaking_share"}
# Renamed for the join, because words and tone both have a ``probability_neutral``.
TEXT_COLUMNS: Final = {f"probability_{base.lower()}": f"text_{base}" for base in BASE_EMOTIONS}


def compare(
    transcripts: pd.DataFrame,
    segments: pd.DataFrame,
    tone_scores: pd.DataFrame,
    sentiment_scores: pd.DataFrame,
    emotion_labels: pd.DataFrame,
) -> StageResult:
    """Return a row per recording, each followed by a row per segment that has tone, sentiment and text emotion.

    A recording's tone is that of its segments pooled by length and certainty, its sentiment and text emotion their
    means by words, its agreement and its shares of masked and leaking speech their means by length; one without
    segments has none of them and agrees with nothing. A segment without a sentiment counts in all but the mean of
    sentiments.
    """
    emotions = emotion_labels.rename(columns=TEXT_COLUMNS)
    scored = (
        segments.merge(tone_scores[["segment_id", "tone", "tone_probability", *PROBABILITY_COLUMNS]], on="segment_id")
        .merge(sentiment_scores[["segment_id", "sentiment_score"]], on="segment_id")
        .merge(emotions[["segment_id", "base_emotion", *TEXT_COLUMNS.values()]], on="segment_id")
    )
    scored = pd.concat([scored, _agreements(scored)], axis=1)
    by_recording = dict(list(scored.groupby("recording_id", sort=False)))
    rows: list[dict[str, Any]] = []
    for transcript in transcripts.to_dict("records"):
        recording_segments = by_recording.get(transcript["recording_id"], scored.iloc[:0])
        rows.append(_recording_row(transcript, recording_segments))
        rows.extend(_segment_row(segment) for segment in recording_segments.to_dict("records"))
    return StageResult(pd.DataFrame(rows, columns=list(TONE_SENTIMENT.column_names)), computed=0, reused=0)


def _recording_row(transcript: Mapping[Any, Any], segments: pd.DataFrame) -> dict[str, Any]:
    tone = text_emotion = sentiment = None
    means: dict[str, float | None] = dict.fromkeys(_MEAN_BY_LENGTH.values())
    if len(segments):
        words = segments["word_count"].tolist()
        lengths = (segments["end_seconds"] - segments["start_seconds"]).tolist()
        scores = _tone_scores(segments)
        tone = pool_scores(scores, [evidence(score, seconds) for score, seconds in zip(scores, lengths, strict=True)])
        means = {mean: weighted_mean(segments[of].tolist(), lengths) for of, mean in _MEAN_BY_LENGTH.items()}
        scored = segments[segments["sentiment_score"].notna()]
        sentiment = weighted_mean(scored["sentiment_score"].tolist(), scored["word_count"].tolist())
        by_base = {base: weighted_mean(segments[f"text_{base}"].tolist(), words) for base in BASE_EMOTIONS}
        text_emotion = max(by_base, key=lambda base: by_base[base] or 0.0) if any(words) else None
    return _row(
        transcript,
        scope="recording",
        subject_id=transcript["recording_id"],
        emotion=tone.tone if tone else None,
        emotion_score=tone.probability if tone else None,
        transcript=transcript["text"],
        sentiment_score=sentiment,
        text_emotion=text_emotion,
        contradictory=False,
        **means,
    )


def _segment_row(segment: Mapping[Any, Any]) -> dict[str, Any]:
    return _row(
        segment,
        scope="segment",
        subject_id=segment["segment_id"],
        emotion=segment["tone"],
        emotion_score=segment["tone_probability"],
        transcript=segment["text"],
        sentiment_score=value_or_none(segment["sentiment_score"]),
        text_emotion=segment["base_emotion"],
        contradictory=contradicts(segment["base_emotion"], value_or_none(segment["sentiment_score"])),
        **{name: segment[name] for name in _AGREEMENT},
    )


def _row(about: Mapping[Any, Any], **values: Any) -> dict[str, Any]:
    """Return a row of the table; what ``values`` leave out is null."""
    return {
        **dict.fromkeys(TONE_SENTIMENT.column_names),
        **{name: about[name] for name in ("recording_date", "recording_id", "file")},
        **values,
        "tone_sentiment_match": str(tone_sentiment_match(values["emotion"], values["sentiment_score"])),
        FINGERPRINT_COLUMN: RULE,
    }


def _agreements(segments: pd.DataFrame) -> pd.DataFrame:
    """Return agreement score and flags of segments, on their index."""
    rows = []
    for score, segment in zip(_tone_scores(segments), segments.to_dict("records"), strict=True):
        tone = leaning_of_tone(score.probabilities)
        sentiment = value_or_none(segment["sentiment_score"])
        words = leaning_of_words(sentiment, {base: segment[f"text_{base}"] for base in BASE_EMOTIONS})
        match = tone_sentiment_match(segment["tone"], sentiment)
        rows.append((agreement_score(tone, words), is_masked(tone, words, match), is_leaking(tone, words, match)))
    return pd.DataFrame(rows, columns=list(_AGREEMENT), index=segments.index)


def _tone_scores(segments: pd.DataFrame) -> list[ToneScore]:
    """Return the stored scores, without the tones that their model does not know."""
    return [
        ToneScore({tone: row[f"probability_{tone}"] for tone in TONES if pd.notna(row[f"probability_{tone}"])})
        for row in segments[[*PROBABILITY_COLUMNS]].to_dict("records")
    ]
