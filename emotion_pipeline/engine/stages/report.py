"""One analysed recording as one value: the documented result with its segments, for those who want no tables.

The command line prints it as JSON, the Python API hands it out. It is read from the rows of an analysis, nothing is
computed here.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from emotion_pipeline.engine.stages.chain import Analysis


@dataclass(frozen=True, slots=True)
class SegmentReport:
    """What one segment says: times in seconds, sentiment and agreement in [-1, 1], probabilities in [0, 1]."""

    speaker: str
    start: float
    end: float
    transcript: str
    emotion: str
    emotion_score: float
    text_emotion: str
    text_emotion_score: float
    sub_emotion: str | None
    intensity: str | None
    uncertain: bool
    sentiment_score: float
    tone_sentiment_match: str
    agreement_score: float
    masked: bool
    leaking: bool


@dataclass(frozen=True, slots=True)
class RecordingReport:
    """What one recording says; fields are None without speech.

    ``status`` is accepted, duplicate, rejected, or failed where only its transcription failed. ``reasons`` holds why it
    was rejected or failed, or what is warned about.
    """

    file: str
    emotion: str | None
    emotion_score: float | None
    transcript: str | None
    sentiment_score: float | None
    tone_sentiment_match: str
    segments: tuple[SegmentReport, ...]
    status: str
    reasons: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON wants them."""
        return asdict(self)


def report(analysis: Analysis) -> list[RecordingReport]:
    """Return one report per file of an analysis, in its order."""
    compared = analysis.tone_sentiment
    whole = {row["recording_id"]: row for row in compared[compared["scope"] == "recording"].to_dict("records")}
    segments = _segments(analysis)
    failures = analysis.transcripts[analysis.transcripts["status"] == "failed"].set_index("recording_id")["reason"]
    return [_recording(row, whole, segments, failures.to_dict()) for row in analysis.raw_audio.to_dict("records")]


def _recording(
    file: Mapping[Any, Any],
    whole: Mapping[str, Mapping[Any, Any]],
    segments: Mapping[str, tuple[SegmentReport, ...]],
    failures: Mapping[Any, str],
) -> RecordingReport:
    result = whole.get(file["recording_id"], {}) if file["status"] != "rejected" else {}
    failure = failures.get(file["recording_id"])
    reason = file["reason"] or failure
    return RecordingReport(
        file=file["file"],
        emotion=_given(result.get("emotion")),
        emotion_score=_given(result.get("emotion_score")),
        transcript=_given(result.get("transcript")),
        sentiment_score=_given(result.get("sentiment_score")),
        tone_sentiment_match=result.get("tone_sentiment_match", "Unknown"),
        segments=segments.get(file["recording_id"], ()),
        status="failed" if failure else file["status"],
        reasons=(str(reason),) if reason else tuple(file["warnings"]),
    )


def _segments(analysis: Analysis) -> dict[str, tuple[SegmentReport, ...]]:
    compared = analysis.tone_sentiment.rename(columns={"subject_id": "segment_id"})
    labels = ["segment_id", "base_probability", "sub_emotion", "intensity", "uncertain"]
    rows = (
        analysis.segments[["recording_id", "segment_id", "speaker", "start_seconds", "end_seconds"]]
        .merge(compared.drop(columns="recording_id"), on="segment_id")
        .merge(analysis.emotion_labels[labels], on="segment_id")
    )
    return {
        str(recording): tuple(_segment(row) for row in group.to_dict("records"))
        for recording, group in rows.groupby("recording_id", sort=False)
    }


def _segment(row: Mapping[Any, Any]) -> SegmentReport:
    return SegmentReport(
        speaker=row["speaker"],
        start=row["start_seconds"],
        end=row["end_seconds"],
        transcript=row["transcript"],
        emotion=row["emotion"],
        emotion_score=row["emotion_score"],
        text_emotion=row["text_emotion"],
        text_emotion_score=row["base_probability"],
        sub_emotion=_given(row["sub_emotion"]),
        intensity=_given(row["intensity"]),
        uncertain=row["uncertain"],
        sentiment_score=row["sentiment_score"],
        tone_sentiment_match=row["tone_sentiment_match"],
        agreement_score=row["agreement_score"],
        masked=bool(row["masked"]),
        leaking=bool(row["leaking"]),
    )


def _given(value: Any) -> Any:
    """Return a cell's value, None where a frame says it is missing."""
    return None if value is None or pd.isna(value) else value
