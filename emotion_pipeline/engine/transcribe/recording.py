"""One recording to one transcript with a recogniser that runs here: window by window, each speaker by themselves.

Speech is found first and nothing is recognised elsewhere; what is recognised passes the guard or is dropped with a
reason. A window that is done is kept as a checkpoint, so that a ten-hour recording whose run died goes on where it was.
"""

import hashlib
import time
from collections.abc import Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from emotion_pipeline.engine.audio.channels import speakers_of
from emotion_pipeline.engine.audio.cut import cut
from emotion_pipeline.engine.common.types import (
    SAMPLE_RATE,
    Channel,
    DroppedSpan,
    Passage,
    RedactedSpan,
    Span,
    Transcript,
    Word,
)
from emotion_pipeline.engine.diarize.bleed import own_spans
from emotion_pipeline.engine.transcribe.base import DecodedWord, Recogniser, SpokenLanguage, TranscriptionFailedError
from emotion_pipeline.engine.transcribe.checkpoints import Checkpoints
from emotion_pipeline.engine.transcribe.guard import FINGERPRINT as GUARD
from emotion_pipeline.engine.transcribe.guard import CheckedDecoding, compression_ratio, decode_guarded
from emotion_pipeline.engine.transcribe.spoken_language import FINGERPRINT as ENGLISH
from emotion_pipeline.engine.transcribe.spoken_language import english_or_not
from emotion_pipeline.engine.transcribe.transcript_reasons import DropReason, FailureReason
from emotion_pipeline.engine.transcribe.utterances import JOINED_OVER_S, utterances
from emotion_pipeline.engine.transcribe.windows import FINGERPRINT as WINDOWS
from emotion_pipeline.engine.transcribe.windows import Window, windows_of

if TYPE_CHECKING:
    from emotion_pipeline.engine.redact.redactor import Redactor

# Which speech is recognised and which text is believed; the last number is that of the rules about channels.
FINGERPRINT: Final = f"{WINDOWS}|{GUARD}|{ENGLISH}|pauses:1|channels:2"

# Of audio around an utterance, also where the next one is as near.
_LEAST_PAD_S: Final = 0.1
# Speech that is enough to tell a language by.
_LISTENED_TO_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class _Part:
    """What one window came to; all times are the recording's."""

    start: float
    seconds: float
    # As far as it is known after this window.
    language: SpokenLanguage | None
    words: tuple[Word, ...]
    speech: tuple[Span, ...]
    passages: tuple[Passage, ...]
    dropped: tuple[DroppedSpan, ...]
    redacted: tuple[RedactedSpan, ...]


@dataclass(frozen=True, slots=True)
class _Utterance:
    """One utterance of a window: who speaks, and when, counted from the start of the window.

    ``audio`` is what the recogniser hears of it: a quiet first sound lies before ``span``, the neighbours do not.
    """

    speaker: str
    span: Span
    audio: Span


_PARTS: Final = TypeAdapter(_Part)


class LocalTranscriber:
    """A ``Transcriber`` around a recogniser.

    :param language: ISO 639-1 code of what is spoken; None lets the recogniser find out, once per recording
    :param timeout_s: longest that one recording may take, in seconds; None sets no limit
    :param joined_over_s: pauses below this do not end an utterance
    :param redactor: takes personal data out of a window before it is kept as a checkpoint, and so out of the transcript
    """

    def __init__(
        self,
        recogniser: Recogniser,
        *,
        language: str | None = None,
        timeout_s: float | None = None,
        joined_over_s: float = JOINED_OVER_S,
        redactor: "Redactor | None" = None,
    ) -> None:
        self._recogniser = recogniser
        self._language = SpokenLanguage(language, None) if language else None
        self._timeout_s = timeout_s
        self._joined_over_s = joined_over_s
        self._redactor = redactor

    @property
    def fingerprint(self) -> str:
        spoken = self._language.code if self._language else "any"
        return f"{self._recogniser.fingerprint}|{FINGERPRINT}|joined={self._joined_over_s:g}s|language={spoken}"

    def transcribe(
        self, recording: Path, checkpoints: Checkpoints | None = None, speakers: tuple[str, ...] | None = None
    ) -> Transcript:
        """Return what was said; see ``Transcriber``."""
        started = time.monotonic()
        speakers = speakers or speakers_of(recording)
        parts: list[_Part] = []
        for window in windows_of(recording, speakers):
            self._refuse_to_go_on(recording, started, window)
            language = parts[-1].language if parts else self._language
            parts.append(self._part(window, speakers, language, checkpoints))
        if checkpoints is not None:
            checkpoints.clear()
        return self._joined(parts, speakers)

    def _refuse_to_go_on(self, recording: Path, started: float, window: Window) -> None:
        # Never before the first window is done, so that each attempt gets further than the one before.
        if self._timeout_s is not None and window.index and time.monotonic() - started > self._timeout_s:
            raise TranscriptionFailedError(
                FailureReason.TIMEOUT,
                f"{recording.name}: after {self._timeout_s:g} s the first {window.start:g} s were transcribed; raise "
                "transcription.timeout, or run it again: it goes on from there",
            )

    def _part(
        self, window: Window, speakers: Sequence[str], language: SpokenLanguage | None, checkpoints: Checkpoints | None
    ) -> _Part:
        if checkpoints is None:
            return self._transcribe(window, speakers, language)
        name = f"{self._checkpoint}-{window.index:05d}.json"
        kept = checkpoints.read(name)
        if kept is not None:
            part = _PARTS.validate_json(kept)
            if (part.start, part.seconds) == (window.start, window.seconds):
                return part
        part = self._transcribe(window, speakers, language)
        checkpoints.write(name, _PARTS.dump_json(part).decode())
        return part

    def _transcribe(self, window: Window, speakers: Sequence[str], language: SpokenLanguage | None) -> _Part:
        sides = own_spans(window.samples, window.speech) if len(speakers) > 1 else None
        speech, leaked = (sides.own, sides.leaked) if sides else (window.speech, ())
        not_own = DropReason.EITHER_CHANNEL if sides and sides.undecided else DropReason.OTHER_CHANNEL
        spoken = [
            utterance
            for speaker, channel, spans in zip(speakers, window.samples, speech, strict=True)
            for utterance in self._utterances(speaker, utterances(channel, spans, self._longest_s, self._joined_over_s))
        ]
        items = [cut(window.samples[speakers.index(utterance.speaker)], utterance.audio) for utterance in spoken]
        if items and language is None:
            language = self._recogniser.language_of(_enough(items))
        owners = [utterance.speaker for utterance in spoken]
        decodings = decode_guarded(self._recogniser, items, language.code, owners) if items and language else []
        words, passages, dropped = self._sorted_out(window, spoken, decodings)
        # Per window, so that no stored checkpoint holds personal data; ``TranscriptMaker`` does it across windows.
        words, redacted = self._redactor.redact(words) if self._redactor else (words, ())
        dropped += [
            DroppedSpan(_moved(span, window), speaker, not_own)
            for speaker, spans in zip(speakers, leaked, strict=False)
            for span in spans
        ]
        own = [_moved(span, window) for spans in speech for span in spans]
        return _Part(
            window.start,
            window.seconds,
            language,
            tuple(words),
            tuple(own),
            tuple(passages),
            tuple(dropped),
            redacted,
        )

    def _utterances(self, speaker: str, spans: Sequence[Span]) -> list[_Utterance]:
        """Return the utterances of a speaker with the audio around them, to the middle of a pause at most."""
        if not spans:
            return []
        most = self._recogniser.pad_s
        pauses = [most * 2, *(after.start - before.end for before, after in pairwise(spans)), most * 2]
        pads = [min(most, max(pause / 2, _LEAST_PAD_S)) for pause in pauses]
        return [
            _Utterance(speaker, span, Span(max(0.0, span.start - before), span.end + after))
            for span, (before, after) in zip(spans, pairwise(pads), strict=True)
        ]

    def _joined(self, parts: Sequence[_Part], speakers: tuple[str, ...]) -> Transcript:
        words = sorted((word for part in parts for word in part.words), key=lambda word: (word.start, word.end))
        language = next((part.language for part in reversed(parts) if part.language), None)
        if language is not None and language.probability is None and self._language is None:
            language = english_or_not(words)
        return Transcript(
            words=tuple(words),
            speech=tuple(sorted((span for part in parts for span in part.speech), key=lambda span: span.start)),
            language=language.code if language else None,
            language_probability=language.probability if language else None,
            speakers_by="channel" if len(speakers) > 1 else "assumed_one",
            passages=tuple(passage for part in parts for passage in part.passages),
            dropped=tuple(dropped for part in parts for dropped in part.dropped),
            redacted=tuple(span for part in parts for span in part.redacted),
        )

    @property
    def _checkpoint(self) -> str:
        """Under which name parts are kept: by what makes them, so that other settings take over nothing."""
        made_by = f"{self.fingerprint}|{self._redactor.fingerprint if self._redactor else ''}"
        return hashlib.sha256(made_by.encode()).hexdigest()[:16]

    @property
    def _longest_s(self) -> float:
        return self._recogniser.longest_s - 2 * self._recogniser.pad_s

    def _sorted_out(
        self, window: Window, spoken: Sequence[_Utterance], decodings: Sequence[CheckedDecoding]
    ) -> tuple[list[Word], list[Passage], list[DroppedSpan]]:
        """Return the words of what is believed, how sure the recogniser was of it, and what is not believed."""
        words: list[Word] = []
        passages: list[Passage] = []
        dropped: list[DroppedSpan] = []
        for utterance, result in zip(spoken, decodings, strict=True):
            span = _moved(utterance.span, window)
            if result.reason is not None:
                dropped.append(DroppedSpan(span, utterance.speaker, result.reason))
            elif result.decoding.words:
                audio_start = window.start + utterance.audio.start
                words += [_word(word, audio_start, span, utterance.speaker) for word in result.decoding.words]
                passages.append(_passage(span, utterance.speaker, result))
        return words, passages, dropped


def _word(decoded: DecodedWord, audio_start: float, span: Span, speaker: str) -> Word:
    """Return a word at its time in the recording, never outside what its utterance may claim."""
    start = min(max(audio_start + decoded.start, span.start), span.end)
    end = max(start, min(audio_start + decoded.end, span.end))
    return Word(decoded.text, start, end, decoded.probability, speaker)


def _passage(span: Span, speaker: str, result: CheckedDecoding) -> Passage:
    decoding = result.decoding
    return Passage(
        span,
        speaker,
        decoding.average_log_probability,
        compression_ratio(decoding.text),
        decoding.no_speech_probability,
        result.temperature,
    )


def _moved(span: Span, window: Window) -> Span:
    return Span(window.start + span.start, window.start + span.end)


def _enough(items: Sequence[Channel]) -> Sequence[Channel]:
    """Return the first items, at least one, that are enough to tell a language by."""
    heard = accumulate(len(item) / SAMPLE_RATE for item in items)
    return items[: 1 + sum(seconds < _LISTENED_TO_S for seconds in list(heard)[:-1])]
