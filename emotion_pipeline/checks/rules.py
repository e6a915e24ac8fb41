"""What a stage must never hand on, beyond what its table's contract already says.

A rule looks at a batch and at the tables it was made from and says for each row whether it holds. Types, ranges,
allowed values, nulls and keys are not written here: the gate takes them from ``emotion_pipeline.engine.stages.tables``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from emotion_pipeline.engine.stages.segments import has_segments

PROBABILITY_TOLERANCE: Final = 1e-3
# Recognisers round word times to their frames: 10 ms, and a frame of 25 ms may hang over the end.
TIME_TOLERANCE_S: Final = 0.05

Row = Mapping[Any, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule about rows; ``name`` is the column under which the gate judges it, ``sentence`` what it demands."""

    name: str
    sentence: str
    holds_for: Callable[[Row], bool]

    def holds(self, frame: pd.DataFrame) -> pd.Series:
        """Return for each row of a batch whether the rule holds."""
        return pd.Series([self.holds_for(row) for row in frame.to_dict("records")], index=frame.index, dtype=bool)


@dataclass(frozen=True, slots=True)
class Completeness:
    """A rule about joins: ``column`` holds exactly the keys that its parents have, none missing, none invented."""

    column: str
    parents: tuple[tuple[str, str], ...]
    # Which of the parents' rows count; None counts all.
    where: Callable[[Row], bool] | None = None

    def expected_keys(self, upstream: Mapping[str, pd.DataFrame]) -> set[str]:
        keys: set[str] = set()
        for table, column in self.parents:
            frame = upstream[table]
            counts = [self.where(row) for row in frame.to_dict("records")] if self.where else [True] * len(frame)
            keys.update(frame[column][counts])
        return keys


def _reason_given(row: Row) -> bool:
    rejected = row["status"] == "rejected"
    return rejected == pd.notna(row["reason"]) and rejected == pd.isna(row["audio_uri"])


def _failure_explained(row: Row) -> bool:
    failed = row["status"] == "failed"
    return failed == pd.notna(row["reason"]) == pd.notna(row["detail"]) == pd.isna(row["speakers_by"])


def _scored_or_explained(row: Row) -> bool:
    return pd.isna(row["sentiment_score"]) == pd.notna(row["reason"])


def _words_in_order(row: Row) -> bool:
    starts = [word["start"] for word in row["words"]]
    forward = all(span["start"] <= span["end"] for span in (*row["words"], *row["speech"]))
    return forward and starts == sorted(starts)


def _words_inside(row: Row) -> bool:
    latest = row["recording_seconds"] + TIME_TOLERANCE_S
    return all(word["start"] >= 0 and word["end"] <= latest for word in row["words"])


def _status_fits_words(row: Row) -> bool:
    words = len(row["words"])
    return (row["status"] == "transcribed") == (words > 0) and row["word_count"] == words


def _inside_recording(row: Row) -> bool:
    return row["start_seconds"] <= row["end_seconds"] <= row["recording_seconds"] + TIME_TOLERANCE_S


def _probabilities(row: Row) -> list[float]:
    """Return the probabilities of a row's classes, those left out that the model does not know."""
    return [value for name, value in row.items() if str(name).startswith("probability_") and pd.notna(value)]


def _sum_to_one(row: Row) -> bool:
    return abs(sum(_probabilities(row)) - 1.0) <= PROBABILITY_TOLERANCE


def _tone_is_most_probable(row: Row) -> bool:
    highest = max(_probabilities(row), default=None)
    return highest is not None and row[f"probability_{row['tone']}"] == highest == row["tone_probability"]


def _talk_and_silence_fill(row: Row) -> bool:
    if row["scope"] == "speaker":
        return True
    return abs(row["talk_seconds"] + row["non_talk_seconds"] - row["recording_seconds"]) <= TIME_TOLERANCE_S


RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "raw_audio": (Rule("reason_given", "a rejected file has a reason and no copy, any other a copy", _reason_given),),
    "transcripts": (
        Rule("words_in_order", "words and speech follow each other in time", _words_in_order),
        Rule("words_inside", "words lie inside the recording", _words_inside),
        Rule("failure_explained", "a failed transcription says why, any other has speakers", _failure_explained),
        Rule("status_fits_words", "status and count fit the words", _status_fits_words),
    ),
    "segments": (Rule("inside_recording", "a segment lies inside its recording", _inside_recording),),
    "tone_scores": (
        Rule("sums_to_one", "the probabilities of the tones sum to one", _sum_to_one),
        Rule("tone_is_most_probable", "the tone is the most probable one", _tone_is_most_probable),
    ),
    "sentiment_scores": (
        Rule("scored_or_explained", "a segment has a score or a reason, never both", _scored_or_explained),
    ),
    "conversation_metrics": (
        Rule("talk_and_silence", "talk and silence of a recording add up to its length", _talk_and_silence_fill),
    ),
    "emotion_labels": (Rule("sums_to_one", "the probabilities of the base emotions sum to one", _sum_to_one),),
}

_EVERY_SEGMENT: Final = Completeness("segment_id", (("segments", "segment_id"),))

COMPLETENESS: Final[Mapping[str, Completeness]] = {
    "transcripts": Completeness(
        "recording_id", (("raw_audio", "recording_id"),), where=lambda row: row["status"] == "accepted"
    ),
    "segments": Completeness("recording_id", (("transcripts", "recording_id"),), where=has_segments),
    "linguistic_features": _EVERY_SEGMENT,
    "tone_scores": _EVERY_SEGMENT,
    "sentiment_scores": _EVERY_SEGMENT,
    "emotion_labels": _EVERY_SEGMENT,
    "conversation_metrics": Completeness(
        "recording_id", (("transcripts", "recording_id"),), where=lambda row: row["status"] != "failed"
    ),
    "tone_sentiment": Completeness("subject_id", (("transcripts", "recording_id"), ("segments", "segment_id"))),
}

# Per table a column, the values in it that may occur only up to a share of the rows, how these rows are called, and the
# setting that names the share.
SHARES: Final[Mapping[str, tuple[str, tuple[str | bool, ...], str, str]]] = {
    "raw_audio": ("status", ("rejected",), "rejected", "max_reject_share"),
    "transcripts": (
        "status",
        ("no_speech", "no_words", "failed"),
        "no_speech or no_words or failed",
        "max_empty_transcript_share",
    ),
    "tone_sentiment": ("contradictory", (True,), "of a sentiment against their emotion", "max_contradictory_share"),
}
