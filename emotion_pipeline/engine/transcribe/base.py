"""What a transcriber is, and what a recogniser is that a transcriber on this machine is built around.

A transcriber takes a recording and returns its transcript: a service does all of that by itself. What runs here is a
recogniser, which only turns short items of speech into words; where there is speech, which text is believed, what
happens to long recordings and whose words they are is the same for all of them and lives in ``recording``, ``guard``
and ``windows``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from emotion_pipeline.engine.common.errors import EmotionPipelineError
from emotion_pipeline.engine.common.types import Channel, Transcript
from emotion_pipeline.engine.transcribe.checkpoints import Checkpoints


@dataclass(frozen=True, slots=True)
class DecodedWord:
    """One word of an item: times in seconds from the start of the item, its probability."""

    text: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True, slots=True)
class Decoding:
    """What a recogniser made of one item, unjudged."""

    words: tuple[DecodedWord, ...]
    # Natural logarithm, mean over the tokens or words of the item; None without any.
    average_log_probability: float | None
    # None where the recogniser has no such belief.
    no_speech_probability: float | None

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class SpokenLanguage:
    """ISO 639-1 code, and how sure the recogniser is; None where it knows one language only."""

    code: str
    probability: float | None


@dataclass(frozen=True, slots=True)
class GuardRules:
    """What a text has to pass to be believed. The defaults are those of Whisper's own decoder.

    Source: Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision", section 4.5.
    """

    highest_compression_ratio: float = 2.4
    lowest_average_log_probability: float = -1.0
    # Above it an item that is also improbable is silence, and is not decoded again.
    highest_no_speech_probability: float = 0.6
    # Fast speech has five or six; auctioneers reach about eight.
    most_words_per_second: float = 8.0


class Recogniser(Protocol):
    """Anything that turns short items of speech into words, a batch at a time."""

    @property
    def fingerprint(self) -> str:
        """``backend:model:version:parameters``; known without loading the model."""
        ...

    @property
    def rules(self) -> GuardRules:
        """What its texts have to pass; probabilities of different recognisers do not mean the same."""
        ...

    @property
    def temperatures(self) -> tuple[float, ...]:
        """At which an item may be decoded, rising, the first one first; ``(0.0,)`` where there is no such thing."""
        ...

    @property
    def longest_s(self) -> float:
        """Length of the longest item that it is given, in seconds, padding included."""
        ...

    @property
    def pad_s(self) -> float:
        """Seconds of audio that it wants to hear on both sides of an utterance, at most to the middle of a pause."""
        ...

    def language_of(self, items: Sequence[Channel]) -> SpokenLanguage:
        """Return the language spoken in the items, at least one, all of one recording."""
        ...

    def decode(self, items: Sequence[Channel], language: str, temperature: float) -> list[Decoding]:
        """Return one decoding per item, in order; equal items give equal decodings, at every temperature.

        :param items: float32, shape (n_samples,), 16 kHz; may be empty or of any length up to ``longest_s``
        :param language: as ``language_of`` gave it, or as the user set it
        """
        ...


class Transcriber(Protocol):
    """Anything that turns a recording into a transcript."""

    @property
    def fingerprint(self) -> str:
        """``backend:model:version:parameters``; known without loading the model or asking the service."""
        ...

    def transcribe(
        self, recording: Path, checkpoints: Checkpoints | None = None, speakers: tuple[str, ...] | None = None
    ) -> Transcript:
        """Return what was said.

        :param recording: any file that ``audio.decode`` reads
        :param checkpoints: where finished parts of a long recording are kept, so that a second attempt goes on after
            them; None keeps nothing
        :param speakers: of its channels, as ``audio.channels`` names them; None finds out, by decoding it once more
        :raises MediaError: the recording cannot be read
        :raises TranscriptionFailedError: this recording failed, others may not
        :raises BackendUnavailableError: no recording can be transcribed: a package, weight or key is missing or wrong
        """
        ...


class TranscriptionFailedError(EmotionPipelineError):
    """One recording that could not be transcribed; ``code`` is a ``transcript_reasons.FailureReason``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
