"""``transcripts`` and ``segments``: what was said, when and by whom, and how it divides into sentences and turns."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pandas as pd

from emotion_pipeline.engine.audio.channels import speaker_names, voice_index
from emotion_pipeline.engine.audio.store import AudioStore
from emotion_pipeline.engine.common.errors import MediaError
from emotion_pipeline.engine.common.types import (
    DroppedSpan,
    Passage,
    RedactedSpan,
    Segment,
    SpokenSentiment,
    Transcript,
    Word,
)
from emotion_pipeline.engine.redact.silence import silence
from emotion_pipeline.engine.stages.reuse import FINGERPRINT, StageResult, complete
from emotion_pipeline.engine.text.segmentation import FINGERPRINT as SEGMENTATION
from emotion_pipeline.engine.text.segmentation import segment_words
from emotion_pipeline.engine.transcribe.base import TranscriptionFailedError
from emotion_pipeline.engine.transcribe.checkpoints import Checkpoints
from emotion_pipeline.engine.transcribe.listener import Listener
from emotion_pipeline.engine.transcribe.transcript_reasons import FailureReason

_TRANSCRIBED = (
    "audio_uri",
    "status",
    "reason",
    "detail",
    "language",
    "language_probability",
    "speakers_by",
    "text",
    "word_count",
    "mean_word_probability",
    "speech_seconds",
    "speech",
    "words",
    "passages",
    "dropped",
    "redacted",
    "service_sentiments",
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
    "channel",
    "start_seconds",
    "end_seconds",
    "text",
    "word_count",
    "mean_word_probability",
    FINGERPRINT,
)


def transcribe(
    raw_audio: pd.DataFrame,
    previous: pd.DataFrame | None,
    listener: Listener,
    store: AudioStore,
    checkpoints: Callable[[str], Checkpoints] | None = None,
) -> StageResult:
    """Return one transcript per accepted recording; those made in the same way before are taken over.

    A recording that fails becomes a row that says why and is tried again next time; the others go on.

    :param checkpoints: gives the place for a recording's unfinished work by its id; None keeps none
    :raises BackendUnavailableError: no recording can be transcribed: a package, weight or key is missing or wrong
    """
    accepted = raw_audio[raw_audio["status"] == "accepted"]
    recordings = accepted[["recording_date", "recording_id", "file", "speaker_channels"]].reset_index(drop=True)
    recordings["recording_seconds"] = accepted["seconds"].to_numpy(dtype=float)

    result = complete(
        recordings,
        None if previous is None else previous[previous["status"] != "failed"],
        key="recording_id",
        made=_TRANSCRIBED,
        fingerprint=listener.fingerprint,
        compute=lambda missing: pd.DataFrame(
            [_transcribe_one(row, listener, store, checkpoints) for row in missing.to_dict("records")]
        ),
        audio_seconds="recording_seconds",
    )
    return replace(result, rows=result.rows.drop(columns="speaker_channels"))


def _transcribe_one(
    recording: dict[Any, Any],
    listener: Listener,
    store: AudioStore,
    checkpoints: Callable[[str], Checkpoints] | None,
) -> dict[str, Any]:
    recording_id = recording["recording_id"]
    speakers = speaker_names(int(recording["speaker_channels"]))
    unfinished = checkpoints(recording_id) if checkpoints else None
    audio_uri = store.audio_uri(recording_id)
    row: dict[str, Any] = {"recording_id": recording_id, "audio_uri": audio_uri}
    try:
        with store.audio_file(audio_uri) as path:
            transcript = listener.listen(path, unfinished, speakers)
        if listener.silences_audio and transcript.redacted:
            row["audio_uri"] = _silence(recording_id, transcript, speakers, store)
    except TranscriptionFailedError as error:
        return row | _failed_row(error.code, error)
    except (MediaError, OSError) as error:
        return row | _failed_row(FailureReason.AUDIO_LOST, error)
    return row | _transcript_row(transcript)


def _silence(recording_id: str, transcript: Transcript, speakers: tuple[str, ...], store: AudioStore) -> str:
    """Keep a copy of its own in which redacted words are silent, and return where it lies.

    The other copy stays until the transcripts are published (``warehouse.files``): what is lost between the two is made
    again from it, not from a recording in which there is nothing left to redact.
    """
    silenced = store.silenced_uri(recording_id)
    with store.audio_file(store.audio_uri(recording_id)) as path, store.audio_draft(silenced) as draft:
        silence(path, transcript.redacted, speakers, draft)
    return silenced


def _failed_row(reason: str, error: Exception) -> dict[str, Any]:
    nothing = Transcript((), (), None, None, "assumed_one")
    return _transcript_row(nothing) | {
        "status": "failed",
        "reason": str(reason),
        "detail": str(error),
        "speakers_by": None,
    }


def _transcript_row(transcript: Transcript) -> dict[str, Any]:
    words = transcript.words
    status = "transcribed" if words else "no_words" if transcript.speech else "no_speech"
    return {
        "status": status,
        "reason": None,
        "detail": None,
        "language": transcript.language,
        "language_probability": transcript.language_probability,
        "speakers_by": transcript.speakers_by,
        "text": transcript.text,
        "word_count": len(words),
        "mean_word_probability": sum(word.probability for word in words) / len(words) if words else None,
        "speech_seconds": sum(span.seconds for span in transcript.speech),
        "speech": [asdict(span) for span in transcript.speech],
        "words": [asdict(word) for word in words],
        "passages": [_flat(passage) for passage in transcript.passages],
        "dropped": [_flat(dropped) for dropped in transcript.dropped],
        "redacted": [_flat(redacted) for redacted in transcript.redacted],
        "service_sentiments": [_flat(sentiment) for sentiment in transcript.sentiments],
    }


def _flat(value: Passage | DroppedSpan | RedactedSpan | SpokenSentiment) -> dict[str, Any]:
    """Return a value with the start and end of its span beside its other fields, as a table holds it."""
    fields = asdict(value)
    return fields.pop("span") | fields


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
        "channel": voice_index(segment.speaker, speaker_names(2)) if transcript["speakers_by"] == "channel" else None,
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
