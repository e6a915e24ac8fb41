"""The values that travel between the stages of the engine, all immutable.

Times are seconds from the start of the recording, probabilities lie in [0, 1]. What a table stores is described in
``engine.stages.tables``.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.tabular import Tabular

# Samples per second of every waveform inside the engine.
SAMPLE_RATE: Final = 16_000

# ``float32``, shape ``(n_channels, n_samples)``, 16 kHz, range [-1, 1].
Waveform: TypeAlias = NDArray[np.float32]

# ``float32``, shape ``(n_samples,)``, 16 kHz mono, range [-1, 1].
Channel: TypeAlias = NDArray[np.float32]

# What told the speakers of a recording apart.
SpeakersBy: TypeAlias = Literal["channel", "assumed_one", "voices", "diarizer", "service"]


# Code of a language that is not English, or of no language, where nothing says which (ISO 639-2).
UNDETERMINED: Final = "und"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, ``start <= end``, in seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Word:
    """One recognised word, when it was said, by whom, and how sure the recogniser is."""

    text: str
    start: float
    end: float
    probability: float
    speaker: str


@dataclass(frozen=True, slots=True)
class Turn:
    """A stretch in which one speaker is heard; turns of different speakers may overlap."""

    span: Span
    # ``speaker_1``, ``speaker_2``, ... in order of first appearance in the recording.
    speaker: str
    # Probability that it is this speaker's and not another's of the recording; None where nothing tells.
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """One stretch that a recogniser decoded at once and that passed its checks, and how sure it was of the whole."""

    span: Span
    speaker: str
    # Natural logarithm, mean over the tokens or words; None where the recogniser does not tell.
    average_log_probability: float | None
    # Bytes of the text over its bytes deflated: above 2.4 it repeats itself.
    compression_ratio: float
    # The recogniser's own belief that nobody speaks here; None where it has none.
    no_speech_probability: float | None
    # At which the text was sampled; 0 is the most probable one.
    temperature: float


@dataclass(frozen=True, slots=True)
class DroppedSpan:
    """Where a text was recognised and not believed; ``reason`` is a ``transcribe.reasons.DropReason``."""

    span: Span
    speaker: str
    reason: str


@dataclass(frozen=True, slots=True)
class RedactedSpan:
    """Where personal data were said and taken out of the words; ``kind`` is a ``redact.kinds.DataKind``."""

    span: Span
    speaker: str
    kind: str


@dataclass(frozen=True, slots=True)
class SpokenSentiment:
    """A transcription service's own sentiment of a sentence: POSITIVE, NEUTRAL or NEGATIVE."""

    span: Span
    speaker: str
    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said in one recording: words in order of start time, and where there was speech at all."""

    words: tuple[Word, ...]
    speech: tuple[Span, ...]
    # ISO 639-1 code, or ``UNDETERMINED``; None where nobody speaks.
    language: str | None
    # How sure the recogniser is of it; None where it cannot say or was told.
    language_probability: float | None
    # How speakers were told apart; ``assumed_one`` is one channel in which nobody looked for a second voice,
    # or none was found.
    speakers_by: SpeakersBy
    passages: tuple[Passage, ...] = ()
    dropped: tuple[DroppedSpan, ...] = ()
    redacted: tuple[RedactedSpan, ...] = ()
    sentiments: tuple[SpokenSentiment, ...] = ()
    # Who speaks when, where voices on one channel were told apart.
    turns: tuple[Turn, ...] = ()

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class Segment:
    """A sentence or speaker turn: at least one word, one speaker, at most 30 s."""

    speaker: str
    words: tuple[Word, ...]

    @property
    def start(self) -> float:
        return self.words[0].start

    @property
    def end(self) -> float:
        return max(word.end for word in self.words)

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class ToneScore:
    """How a stretch of audio sounded: calibrated probabilities over the tones that the model knows, summing to 1."""

    probabilities: Mapping[str, float]
    # From 0, unpleasant, to 1, pleasant; None where the model does not tell.
    valence: float | None = None
    # From 0, still, to 1, excited; None where the model does not tell.
    arousal: float | None = None

    @property
    def tone(self) -> str:
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def probability(self) -> float:
        return self.probabilities[self.tone]


@dataclass(frozen=True, slots=True)
class EmotionResult(Tabular):
    """What a text expresses: base emotion, sub-emotion, intensity, each with its calibrated probability.

    ``base_probabilities`` sum to 1 over Happiness, Anger, Sadness, Neutral, Other. ``label_scores`` holds an
    independent probability for each of GoEmotions' 28 labels and ``labels`` those above their frozen thresholds.
    ``sub_emotion`` is None where the base emotion has none (Neutral, Other) or none passes. ``notices`` say what was
    odd about the text (see ``emotion.predictor``); ``features`` holds the 42 linguistic features where asked for.
    """

    base: str
    base_probability: float
    sub_emotion: str | None
    sub_probability: float | None
    intensity: str | None
    intensity_probability: float | None
    uncertain: bool
    labels: tuple[str, ...]
    base_probabilities: Mapping[str, float]
    label_scores: Mapping[str, float]
    notices: tuple[str, ...] = ()
    features: Mapping[str, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values by field, as JSON wants them."""
        return asdict(self)

    def rows(self) -> list[dict[str, Any]]:
        """Return one row: the decisions, then ``probability_*`` per base emotion, ``label_*``, and known features."""
        decided = {name: getattr(self, name) for name in (*self.shown_columns(), "notices")}
        bases = {f"probability_{base.lower()}": value for base, value in self.base_probabilities.items()}
        labels = {f"label_{label}": value for label, value in self.label_scores.items()}
        return [{**decided, **bases, **labels, **(self.features or {})}]

    def shown_columns(self) -> tuple[str, ...]:
        return (
            *("base", "base_probability", "sub_emotion", "sub_probability"),
            *("intensity", "intensity_probability", "uncertain", "labels"),
        )
