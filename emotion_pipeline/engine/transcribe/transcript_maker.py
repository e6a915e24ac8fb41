"""Makes a transcript that may be stored: transcriber, diarizer and redaction, in that order.

How each of them works belongs to its own module; here is what is the same whichever was chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emotion_pipeline.engine.audio.decode import mapped
from emotion_pipeline.engine.common.types import RedactedSpan, Span, Transcript, Turn, Word
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
            transcript = _divided(transcript, recording, self.diarizer)
        if self.redactor is not None:
            # Once more for the whole: a number and what announces it may lie in different windows.
            words, spans = self.redactor.redact(transcript.words)
            redacted = (*transcript.redacted, *spans)
            if transcript.turns:
                redacted = tuple(_said_by(span, words) for span in redacted)
            transcript = replace(transcript, words=words, redacted=_in_order(redacted))
        return transcript


def _divided(transcript: Transcript, recording: Path, diarizer: Diarizer) -> Transcript:
    """Return a transcript whose words are those of several speakers, or as it is where there is but one voice."""
    if sum(span.seconds for span in transcript.speech) < diarizer.shortest_s:
        return transcript
    with mapped(recording) as channel:
        turns = diarizer.turns(channel)
    if len({turn.speaker for turn in turns}) < 2:
        return transcript
    words = assign(transcript.words, turns)
    dropped = tuple(replace(one, speaker=_speaker_in(one.span, turns) or one.speaker) for one in transcript.dropped)
    return replace(transcript, words=words, dropped=dropped, speakers_by=diarizer.speakers_by, turns=turns)


def _speaker_in(span: Span, turns: Sequence[Turn]) -> str | None:
    """Return who speaks most in a span, None where nobody does."""
    heard: dict[str, float] = {}
    for turn in turns:
        overlap = min(span.end, turn.span.end) - max(span.start, turn.span.start)
        if overlap > 0:
            heard[turn.speaker] = heard.get(turn.speaker, 0.0) + overlap
    return max(heard, key=heard.__getitem__) if heard else None


def _said_by(span: RedactedSpan, words: Sequence[Word]) -> RedactedSpan:
    """Return a span that was found before speakers were told apart with the one who says its first word."""
    first = next((word for word in words if span.span.start <= word.start < span.span.end), None)
    return span if first is None else replace(span, speaker=first.speaker)


def _in_order(redacted: Sequence[RedactedSpan]) -> tuple[RedactedSpan, ...]:
    return tuple(sorted(redacted, key=lambda one: (one.span.start, one.speaker)))
