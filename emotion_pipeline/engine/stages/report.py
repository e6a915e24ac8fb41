"""One analysed recording as one value: the documented result with its segments, for those who want no tables.

The command line prints it as JSON, the Python API hands it out. It is read from the rows of an analysis, nothing is
computed here.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

import pandas as pd

from emotion_pipeline.engine.common.tabular import Results, Tabular
from emotion_pipeline.engine.common.types import Word
from emotion_pipeline.engine.conversation.talk import Talk
from emotion_pipeline.engine.emotion.taxonomy import BASE_EMOTIONS
from emotion_pipeline.engine.stages.chain import Analysis
from emotion_pipeline.engine.stages.reuse import value_or_none
from emotion_pipeline.engine.stages.segments import stretches
from emotion_pipeline.engine.stages.tone_sentiment import TEXT_COLUMNS
from emotion_pipeline.engine.tone.labels import TONES
from emotion_pipeline.engine.transcribe.transcript_reasons import FailureReason

# The documented result, and what says of each file whether it has one.
_DOCUMENTED: Final = {
    "File": "file",
    "Emotion": "emotion",
    "Emotion_Score": "emotion_score",
    "Transcript": "transcript",
    "Sentiment_Score": "sentiment_score",
    "Tone_Sentiment_Match": "tone_sentiment_match",
    "Status": "status",
    "Reasons": "reasons",
}
# Columns of ``tone_sentiment`` that a result without speech has not.
_OF_RECORDING: Final = ("emotion", "emotion_score", "transcript", "sentiment_score")


@dataclass(frozen=True, slots=True)
class SegmentResult(Tabular):
    """What one segment says: times in seconds, sentiment and agreement in [-1, 1], probabilities in [0, 1].

    ``emotion`` is the tone, how it sounded; ``text_emotion`` with ``sub_emotion`` and ``intensity`` what the words
    express. Both kinds of probabilities sum to 1.
    """

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
    sentiment_score: float | None
    tone_sentiment_match: str
    agreement_score: float
    masked: bool
    leaking: bool
    contradictory: bool
    tone_probabilities: Mapping[str, float]
    text_emotion_probabilities: Mapping[str, float]
    words: tuple[Word, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row, with ``tone_*`` and ``text_*`` for the probabilities; single words have no place in it."""
        tones = {f"tone_{tone}": value for tone, value in self.tone_probabilities.items()}
        bases = {f"text_{base.lower()}": value for base, value in self.text_emotion_probabilities.items()}
        return [{name: getattr(self, name) for name in _SEGMENT_COLUMNS} | tones | bases]

    def shown_columns(self) -> tuple[str, ...]:
        return _SEGMENT_COLUMNS


_SEGMENT_COLUMNS: Final = tuple(
    column.name
    for column in fields(SegmentResult)
    if column.name not in {"tone_probabilities", "text_emotion_probabilities", "words"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measures(Talk):
    """What ``conversation_metrics`` says of a speaker and of a recording alike: names, units and meanings are its."""

    loudness_lufs: float | None
    loudness_range_lu: float | None
    sentiment_score: float | None
    sentiment_trend: float | None
    # Of the four quarters of the recording, None where nobody spoke.
    sentiment_by_quarter: tuple[float | None, ...]
    tone_by_quarter: tuple[str | None, ...]
    anger_rise: float | None
    arousal_rise: float | None
    escalated: bool
    recovered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerResult(_Measures):
    """One speaker of a recording; ``speaker_role`` is agent, customer or unknown."""

    speaker: str
    speaker_role: str
    role_evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationResult(_Measures):
    """A recording as a conversation."""

    recording_seconds: float
    speakers_by: str
    speaker_count: int
    non_talk_seconds: float
    longest_non_talk_seconds: float
    silence_count: int
    silence_seconds: float


_QUARTERS: Final = range(1, 5)


@dataclass(frozen=True, slots=True)
class RecordingResult(Tabular):
    """What one recording says; fields are None without speech.

    ``status`` is accepted, duplicate, rejected, or failed where only its transcription failed. ``reasons`` holds why it
    was rejected or failed, or what is warned about. ``recording_id`` is the SHA-256 of its bytes.
    """

    file: str
    emotion: str | None
    emotion_score: float | None
    transcript: str | None
    sentiment_score: float | None
    tone_sentiment_match: str
    segments: tuple[SegmentResult, ...]
    status: str
    reasons: tuple[str, ...]
    # A sentence on why it was rejected or failed, and what to do.
    detail: str | None
    # The first to talk first.
    speakers: tuple[SpeakerResult, ...]
    metrics: ConversationResult | None
    recording_id: str = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON wants them: what ``emotion-clf predict --json`` prints."""
        plain = asdict(self)
        del plain["recording_id"]
        return plain

    def rows(self) -> list[dict[str, Any]]:
        """Return one row: the six documented columns, ``Status`` and ``Reasons``."""
        return [{column: getattr(self, name) for column, name in _DOCUMENTED.items()}]

    def shown_columns(self) -> tuple[str, ...]:
        return tuple(_DOCUMENTED)

    def segments_frame(self) -> pd.DataFrame:
        """Return a frame with one row per segment."""
        return Results(self.segments).to_frame()

    def _repr_html_(self) -> str:
        # Not super(): the class that slots=True makes is another one than the one that it would find.
        return Tabular._repr_html_(self) + (Results(self.segments)._repr_html_() if self.segments else "")


class RecordingResults(Results[RecordingResult]):
    """A list of results of recordings; as a frame it has one row per recording."""

    def segments_frame(self) -> pd.DataFrame:
        """Return a frame with one row per segment, and the file that it is of."""
        rows = ({"file": result.file, **row} for result in self for row in Results(result.segments).rows())
        return pd.DataFrame(rows)


def report(analysis: Analysis) -> RecordingResults:
    """Return one result per file of an analysis, in its order."""
    compared = analysis.tone_sentiment
    whole = {row["recording_id"]: row for row in compared[compared["scope"] == "recording"].to_dict("records")}
    segments, conversations = _segments(analysis), _conversations(analysis)
    failures = analysis.transcripts[analysis.transcripts["status"] == "failed"].set_index("recording_id")["reason"]
    rows = analysis.raw_audio.to_dict("records")
    return RecordingResults(_recording(row, whole, segments, conversations, failures.to_dict()) for row in rows)


def _recording(
    file: Mapping[Any, Any],
    whole: Mapping[str, Mapping[Any, Any]],
    segments: Mapping[str, tuple[SegmentResult, ...]],
    conversations: Mapping[str, tuple[ConversationResult, tuple[SpeakerResult, ...]]],
    failures: Mapping[Any, str],
) -> RecordingResult:
    result = whole.get(file["recording_id"], {}) if file["status"] != "rejected" else {}
    failure = failures.get(file["recording_id"])
    reason = file["reason"] or failure
    metrics, speakers = conversations.get(file["recording_id"], (None, ()))
    return RecordingResult(
        file=file["file"],
        **{name: value_or_none(result.get(name)) for name in _OF_RECORDING},
        tone_sentiment_match=result.get("tone_sentiment_match", "Unknown"),
        segments=segments.get(file["recording_id"], ()),
        status="failed" if failure else file["status"],
        reasons=(str(reason),) if reason else tuple(file["warnings"]),
        detail=file["detail"] if file["reason"] else failure and FailureReason(failure).meaning,
        speakers=speakers,
        metrics=metrics,
        recording_id=file["recording_id"],
    )


def _conversations(analysis: Analysis) -> dict[str, tuple[ConversationResult, tuple[SpeakerResult, ...]]]:
    return {
        str(recording): (
            ConversationResult(**_measures(rows.iloc[0].to_dict(), ConversationResult)),
            tuple(SpeakerResult(**_measures(row, SpeakerResult)) for row in rows.iloc[1:].to_dict("records")),
        )
        for recording, rows in analysis.conversation_metrics.groupby("recording_id", sort=False)
    }


def _measures(row: Mapping[Any, Any], of: type[_Measures]) -> dict[str, Any]:
    """Return the fields of a row of ``conversation_metrics``, whose counts are fractions beside rows without one."""
    quarters = {
        f"{name}_by_quarter": tuple(value_or_none(row[f"{name}_q{number}"]) for number in _QUARTERS)
        for name in ("sentiment", "tone")
    }
    whole = {item.name for item in fields(of) if item.type in (int, "int")}
    values = {item.name: value_or_none(row[item.name]) for item in fields(of) if item.name not in quarters}
    return quarters | {name: int(value) if name in whole else value for name, value in values.items()}


def _segments(analysis: Analysis) -> dict[str, tuple[SegmentResult, ...]]:
    compared = analysis.tone_sentiment.rename(columns={"subject_id": "segment_id"}).drop(columns="recording_id")
    labels = analysis.emotion_labels.rename(columns={**TEXT_COLUMNS, "base_probability": "text_emotion_score"})
    label_columns = ["text_emotion_score", "sub_emotion", "intensity", "uncertain", *TEXT_COLUMNS.values()]
    rows = (
        analysis.segments[["recording_id", "segment_id", "segment_index", "speaker", "start_seconds", "end_seconds"]]
        .rename(columns={"start_seconds": "start", "end_seconds": "end"})
        .merge(compared, on="segment_id")
        .merge(labels[["segment_id", *label_columns]], on="segment_id")
        .merge(analysis.tone_scores[["segment_id", *(f"probability_{tone}" for tone in TONES)]], on="segment_id")
    )
    words = {
        row["recording_id"]: [stretch.words for stretch in stretches(row)]
        for row in analysis.transcripts.to_dict("records")
    }
    return {
        str(recording): tuple(_segment(row, words[recording][row["segment_index"]]) for row in group.to_dict("records"))
        for recording, group in rows.groupby("recording_id", sort=False)
    }


def _segment(row: Mapping[Any, Any], words: tuple[Word, ...]) -> SegmentResult:
    return SegmentResult(
        **{name: value_or_none(row[name]) for name in _SEGMENT_COLUMNS},
        tone_probabilities={tone: row[f"probability_{tone}"] for tone in TONES if pd.notna(row[f"probability_{tone}"])},
        text_emotion_probabilities={base: row[f"text_{base}"] for base in BASE_EMOTIONS},
        words=words,
    )
