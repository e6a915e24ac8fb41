"""Makes a transcript that may be stored: transcriber, diarizer and redaction, in that order.

How each of them works belongs to its own module; here is what is the same whichever was chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.common.types import RedactedSpan, Transcript, Word
from emotion_pipeline.engine.diarize.assign import assign
from emotion_pipeline.engine.diarize.base import Diarizer
from emotion_pipeline.engine.redact.redactor import Redactor
from emotion_pipeline.engine.transcribe.base import Transcriber
from emotion_pipeline.engine.transcribe.checkpoints import Checkpoints


@dataclass(frozen=True)
class TranscriptMaker:
    """Makes transcripts of recordings. ``diarizer`` and ``redactor`` are None where none is set up."""

    transcriber: Transcriber
    diarizer: Diarizer | None = None
    redactor: Redactor | None = None
    # Whether what is redacted shall be silent in the stored copy, too; who has the store does it.
    silences_audio: bool = False

    @property
    def fingerprint(self) -> str:
        """What makes a transcript; known without loading a model."""
        further = (part.fingerprint for part in (self.diarizer, self.redactor) if part is not None)
        return "|".join((self.transcriber.fingerprint, *further, *(["silenced"] if self.silences_audio else [])))

    def transcript_of(
        self, recording: Path, checkpoints: Checkpoints | None = None, speakers: tuple[str, ...] | None = None
    ) -> Transcript:
        """Return what was said; parameters and errors are those of ``Transcriber.transcribe``."""
        transcript = self.transcriber.transcribe(recording, checkpoints, speakers)
        if self.diarizer is not None and transcript.speakers_by == "assumed_one" and transcript.words:
            turns = self.diarizer.turns(decode(recording)[0])
            transcript = replace(transcript, words=assign(transcript.words, turns), speakers_by="diarizer")
        if self.redactor is not None:
            # Once more for the whole: a number and what announces it may lie in different windows.
            words, spans = self.redactor.redact(transcript.words)
            redacted = (*transcript.redacted, *spans)
            if transcript.speakers_by == "diarizer":
                redacted = tuple(_said_by(span, words) for span in redacted)
            transcript = replace(transcript, words=words, redacted=_in_order(redacted))
        return transcript


def _said_by(span: RedactedSpan, words: Sequence[Word]) -> RedactedSpan:
    """Return a span that was found before speakers were told apart with the one who says its first word."""
    first = next((word for word in words if span.span.start <= word.start < span.span.end), None)
    return span if first is None else replace(span, speaker=first.speaker)


def _in_order(redacted: Sequence[RedactedSpan]) -> tuple[RedactedSpan, ...]:
    return tuple(sorted(redacted, key=lambda one: (one.span.start, one.speaker)))
