"""``segments``: transcripts divided into sentences and turns, and the stretches of speech whose words are not believed.

The latter have no words, but a tone: speech in another language is an example.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from emotion_pipeline.engine.audio.channels import speaker_names, voice_index
from emotion_pipeline.engine.common.types import Segment, Word
from emotion_pipeline.engine.stages.reuse import StageResult, value_or_none
from emotion_pipeline.engine.stages.tables import FINGERPRINT_COLUMN, SEGMENTS
from emotion_pipeline.engine.text.segmentation import FINGERPRINT as SEGMENTATION
from emotion_pipeline.engine.text.segmentation import segment_words
from emotion_pipeline.engine.transcribe.transcript_reasons import DropReason

_CARRIED = ("recording_date", "recording_id", "file", "audio_uri", "recording_seconds", "language")
# Of words that are dropped although somebody speaks.
_NOT_BELIEVED: Final = (DropReason.IMPROBABLE, DropReason.REPEATS_ITSELF, DropReason.TOO_FAST)
# A shorter stretch has no tone to speak of.
_SHORTEST_SECONDS: Final = 0.5
# Rules that made a segment; raise the number when a rule of this module changes.
FINGERPRINT: Final = f"{SEGMENTATION}|unread:1"


@dataclass(frozen=True, slots=True)
class _Unread:
    """A stretch of speech without words that are believed."""

    speaker: str
    start: float
    end: float
    words: tuple[Word, ...] = ()
    text: str = ""


def segment(transcripts: pd.DataFrame) -> StageResult:
    """Return every transcript's segments in order of time. A rule on words, so nothing is reused."""
    rows = [
        _segment_row(transcript, index, stretch)
        for transcript in transcripts.to_dict("records")
        for index, stretch in enumerate(stretches(transcript))
    ]
    return StageResult(pd.DataFrame(rows, columns=list(SEGMENTS.column_names)), computed=0, reused=0)


def has_segments(transcript: Mapping[Any, Any]) -> bool:
    """Return whether a row of ``transcripts`` makes any segment."""
    return len(transcript["words"]) > 0 or any(True for _ in _unread(transcript))


def stretches(transcript: Mapping[Any, Any]) -> list[Segment | _Unread]:
    """Return what the segments of a row of ``transcripts`` are made of, in order of time."""
    spoken = segment_words([Word(**word) for word in transcript["words"]])
    return sorted([*spoken, *_unread(transcript)], key=lambda stretch: (stretch.start, stretch.speaker))


def _unread(transcript: Mapping[Any, Any]) -> Iterator[_Unread]:
    """Yield the phrases of speech in what was dropped; on two channels whole utterances, as speech has no speaker."""
    for dropped in transcript["dropped"]:
        if dropped["reason"] not in _NOT_BELIEVED:
            continue
        phrases = [dropped] if transcript["speakers_by"] == "channel" else transcript["speech"]
        for phrase in phrases:
            start, end = max(phrase["start"], dropped["start"]), min(phrase["end"], dropped["end"])
            if end - start >= _SHORTEST_SECONDS:
                yield _Unread(dropped["speaker"], start, end)


def _segment_row(transcript: Mapping[Any, Any], index: int, segment: Segment | _Unread) -> dict[str, Any]:
    return {
        **{name: transcript[name] for name in _CARRIED},
        "segment_id": _segment_id(transcript["recording_id"], index, segment, value_or_none(transcript["language"])),
        "segment_index": index,
        "speaker": segment.speaker,
        "speaker_confidence": _speaker_confidence(segment, transcript["turns"]),
        "channel": voice_index(segment.speaker, speaker_names(2)) if transcript["speakers_by"] == "channel" else None,
        "start_seconds": segment.start,
        "end_seconds": segment.end,
        "text": segment.text,
        "word_count": len(segment.words),
        "mean_word_probability": sum(word.probability for word in segment.words) / len(segment.words)
        if segment.words
        else None,
        FINGERPRINT_COLUMN: FINGERPRINT,
    }


def _speaker_confidence(segment: Segment | _Unread, turns: Sequence[Mapping[str, Any]] | None) -> float | None:
    """Return the mean confidence of the speaker's turns in a segment, by their seconds in it."""
    known: Sequence[Mapping[str, Any]] = () if turns is None or isinstance(turns, float) else turns
    shares = [
        (min(segment.end, turn["end"]) - max(segment.start, turn["start"]), turn["confidence"])
        for turn in known
        if turn["speaker"] == segment.speaker and value_or_none(turn["confidence"]) is not None
    ]
    inside = [(seconds, confidence) for seconds, confidence in shares if seconds > 0]
    covered = sum(seconds for seconds, _ in inside)
    return sum(seconds * confidence for seconds, confidence in inside) / covered if covered else None


def _segment_id(recording_id: str, index: int, segment: Segment | _Unread, language: str | None) -> str:
    """Name a segment by recording, place and content, so that scores of an equal id may be reused."""
    content = f"{segment.speaker}\t{segment.start:.3f}\t{segment.end:.3f}\t{segment.text}\t{language}"
    return f"{recording_id[:16]}-{index:04d}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
