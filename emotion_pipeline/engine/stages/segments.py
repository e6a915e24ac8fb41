"""``segments``: transcripts divided into sentences and turns."""

import hashlib
from typing import Any

import pandas as pd

from emotion_pipeline.engine.audio.channels import speaker_names, voice_index
from emotion_pipeline.engine.common.types import Segment, Word
from emotion_pipeline.engine.stages.reuse import StageResult, value_or_none
from emotion_pipeline.engine.stages.tables import FINGERPRINT_COLUMN, SEGMENTS
from emotion_pipeline.engine.text.segmentation import FINGERPRINT as SEGMENTATION
from emotion_pipeline.engine.text.segmentation import segment_words

_CARRIED = ("recording_date", "recording_id", "file", "audio_uri", "recording_seconds", "language")


def segment(transcripts: pd.DataFrame) -> StageResult:
    """Return every transcript's segments in order of time. A rule on words, so nothing is reused."""
    rows = [
        _segment_row(transcript, index, spoken)
        for transcript in transcripts.to_dict("records")
        for index, spoken in enumerate(segment_words([Word(**word) for word in transcript["words"]]))
    ]
    return StageResult(pd.DataFrame(rows, columns=list(SEGMENTS.column_names)), computed=0, reused=0)


def _segment_row(transcript: dict[Any, Any], index: int, segment: Segment) -> dict[str, Any]:
    return {
        **{name: transcript[name] for name in _CARRIED},
        "segment_id": _segment_id(transcript["recording_id"], index, segment, value_or_none(transcript["language"])),
        "segment_index": index,
        "speaker": segment.speaker,
        "channel": voice_index(segment.speaker, speaker_names(2)) if transcript["speakers_by"] == "channel" else None,
        "start_seconds": segment.start,
        "end_seconds": segment.end,
        "text": segment.text,
        "word_count": len(segment.words),
        "mean_word_probability": sum(word.probability for word in segment.words) / len(segment.words),
        FINGERPRINT_COLUMN: SEGMENTATION,
    }


def _segment_id(recording_id: str, index: int, segment: Segment, language: str | None) -> str:
    """Name a segment by recording, place and content, so that scores of an equal id may be reused."""
    content = f"{segment.speaker}\t{segment.start:.3f}\t{segment.end:.3f}\t{segment.text}\t{language}"
    return f"{recording_id[:16]}-{index:04d}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
