"""``transcripts`` and ``segments``: what was said, when and by whom, and how it divides into sentences and turns."""

import hashlib
from typing import Any

import pandas as pd

from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.audio.store import AudioStore
from emotion_pipeline.engine.stages.reuse import FINGERPRINT, StageResult, complete
from emotion_pipeline.engine.text.segmentation import FINGERPRINT as SEGMENTATION
from emotion_pipeline.engine.text.segmentation import segment_words
from emotion_pipeline.engine.transcribe.base import Transcriber
from emotion_pipeline.engine.transcribe.recording import transcribe_recording
from emotion_pipeline.engine.types import Segment, Transcript, Word

_TRANSCRIBED = (
    "status",
    "language",
    "language_probability",
    "text",
    "word_count",
    "mean_word_probability",
    "speech_seconds",
    "speech",
    "words",
)
_SEGMENT_COLUMNS = (
    "recording_date",
    "recording_id",
    "segment_id",
    "file",
    "audio_uri",
    "recording_seconds",
    "segment_index",
    "speaker",
    "start_seconds",
    "end_seconds",
    "text",
    "word_count",
    "mean_word_probability",
    FINGERPRINT,
)


def transcribe(
    raw_audio: pd.DataFrame, previous: pd.DataFrame | None, transcriber: Transcriber, store: AudioStore
) -> StageResult:
    """Return one transcript per accepted recording; those made by the same transcriber before are taken over."""
    accepted = raw_audio[raw_audio["status"] == "accepted"]
    wanted = accepted[["recording_date", "recording_id", "file", "audio_uri"]].reset_index(drop=True)
    wanted["recording_seconds"] = accepted["seconds"].to_numpy(dtype=float)

    return complete(
        wanted,
        previous,
        key="recording_id",
        made=_TRANSCRIBED,
        fingerprint=transcriber.fingerprint,
        compute=lambda missing: pd.DataFrame(
            [_transcribe_one(row, transcriber, store) for row in missing.to_dict("records")]
        ),
        audio_seconds="recording_seconds",
    )


def _transcribe_one(recording: dict[Any, Any], transcriber: Transcriber, store: AudioStore) -> dict[str, Any]:
    with store.audio_file(recording["audio_uri"]) as path:
        transcript = transcribe_recording(decode(path, keep_channels=True), transcriber)
    return {"recording_id": recording["recording_id"], **_transcript_row(transcript)}


def _transcript_row(transcript: Transcript) -> dict[str, Any]:
    words = transcript.words
    status = "transcribed" if words else "no_words" if transcript.speech else "no_speech"
    return {
        "status": status,
        "language": transcript.language,
        "language_probability": transcript.language_probability,
        "text": transcript.text,
        "word_count": len(words),
        "mean_word_probability": sum(word.probability for word in words) / len(words) if words else None,
        "speech_seconds": sum(span.seconds for span in transcript.speech),
        "speech": [{"start": span.start, "end": span.end} for span in transcript.speech],
        "words": [
            {
                "text": word.text,
                "start": word.start,
                "end": word.end,
                "probability": word.probability,
                "speaker": word.speaker,
            }
            for word in words
        ],
    }


def segment(transcripts: pd.DataFrame) -> StageResult:
    """Return every transcript's segments in order of time. A rule on words, so nothing is taken over."""
    rows = [
        _segment_row(transcript, index, found)
        for transcript in transcripts.to_dict("records")
        for index, found in enumerate(segment_words([Word(**word) for word in transcript["words"]]))
    ]
    return StageResult(pd.DataFrame(rows, columns=list(_SEGMENT_COLUMNS)), computed=0, reused=0)


def _segment_row(transcript: dict[Any, Any], index: int, segment: Segment) -> dict[str, Any]:
    carried = ("recording_date", "recording_id", "file", "audio_uri", "recording_seconds")
    return {
        **{name: transcript[name] for name in carried},
        "segment_id": _segment_id(transcript["recording_id"], index, segment),
        "segment_index": index,
        "speaker": segment.speaker,
        "start_seconds": segment.start,
        "end_seconds": segment.end,
        "text": segment.text,
        "word_count": len(segment.words),
        "mean_word_probability": sum(word.probability for word in segment.words) / len(segment.words),
        FINGERPRINT: SEGMENTATION,
    }


def _segment_id(recording_id: str, index: int, segment: Segment) -> str:
    """Name a segment by recording, place and content, so that scores of an equal id may be taken over."""
    content = f"{segment.speaker}\t{segment.start:.3f}\t{segment.end:.3f}\t{segment.text}"
    return f"{recording_id[:16]}-{index:04d}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
