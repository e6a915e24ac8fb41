"""``transcripts``: what was said, when and by whom."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pandas as pd

from emotion_pipeline.engine.audio.channels import speaker_names, speakers_of
from emotion_pipeline.engine.audio.store import AudioStore
from emotion_pipeline.engine.common.errors import MediaError
from emotion_pipeline.engine.common.types import DroppedSpan, Passage, RedactedSpan, SpokenSentiment, Transcript, Turn
from emotion_pipeline.engine.redact.silence import silence
from emotion_pipeline.engine.stages.reuse import StageResult, complete
from emotion_pipeline.engine.stages.tables import TRANSCRIPTS
from emotion_pipeline.engine.transcribe.base import TranscriptionFailedError
from emotion_pipeline.engine.transcribe.checkpoints import Checkpoints
from emotion_pipeline.engine.transcribe.transcript_maker import TranscriptMaker
from emotion_pipeline.engine.transcribe.transcript_reasons import FailureReason


def transcribe(
    raw_audio: pd.DataFrame,
    previous: pd.DataFrame | None,
    transcript_maker: TranscriptMaker,
    store: AudioStore,
    checkpoints: Callable[[str], Checkpoints] | None = None,
) -> StageResult:
    """Return one transcript per accepted recording; those made in the same way before are reused.

    A recording that fails becomes a row that says why and is tried again next time; the others go on.

    :param checkpoints: gives the place for a recording's unfinished work by its id; None keeps none
    :raises BackendUnavailableError: no recording can be transcribed: a package, weight or key is missing or wrong
    """
    accepted = raw_audio[raw_audio["status"] == "accepted"]
    recordings = accepted[["recording_date", "recording_id", "file", "speaker_channels"]].reset_index(drop=True)
    recordings["recording_seconds"] = accepted["seconds"].to_numpy(dtype=float)
    return complete(
        recordings,
        None if previous is None else previous[previous["status"] != "failed"],
        TRANSCRIPTS,
        transcript_maker.fingerprint,
        lambda missing: pd.DataFrame(
            [_transcribe_one(row, transcript_maker, store, checkpoints) for row in missing.to_dict("records")]
        ),
        key="recording_id",
        audio_seconds="recording_seconds",
    )


def _transcribe_one(
    recording: dict[Any, Any],
    transcript_maker: TranscriptMaker,
    store: AudioStore,
    checkpoints: Callable[[str], Checkpoints] | None,
) -> dict[str, Any]:
    recording_id = recording["recording_id"]
    unfinished = checkpoints(recording_id) if checkpoints else None
    audio_uri = store.audio_uri(recording_id)
    row: dict[str, Any] = {"recording_id": recording_id, "audio_uri": audio_uri}
    try:
        with store.audio_file(audio_uri) as path:
            channels = recording["speaker_channels"]
            # Days that were taken in before the column existed have none in it.
            speakers = speakers_of(path) if pd.isna(channels) else speaker_names(int(channels))
            transcript = transcript_maker.transcript_of(path, unfinished, speakers)
        if transcript_maker.silences_audio and transcript.redacted:
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
        "turns": [_flat(turn) for turn in transcript.turns],
        "passages": [_flat(passage) for passage in transcript.passages],
        "dropped": [_flat(dropped) for dropped in transcript.dropped],
        "redacted": [_flat(redacted) for redacted in transcript.redacted],
        "service_sentiments": [_flat(sentiment) for sentiment in transcript.sentiments],
    }


def _flat(value: Passage | DroppedSpan | RedactedSpan | SpokenSentiment | Turn) -> dict[str, Any]:
    """Return a value with the start and end of its span beside its other fields, as a table holds it."""
    fields = asdict(value)
    return fields.pop("span") | fields
