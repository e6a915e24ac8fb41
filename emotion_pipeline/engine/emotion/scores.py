"""The interface of a text emotion model, and the calibrated scores that every kind of model returns.

Predictor and evaluation know nothing else about a model. Loading a model belongs to ``model``; decisions for a user
(uncertain, which sub-emotion) belong to ``predictor``.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.emotion.taxonomy import BASE_EMOTIONS, INTENSITIES, INTENSITY_DIMENSIONS, LABELS
from emotion_pipeline.engine.text import signs
from emotion_pipeline.engine.text.features import FeatureExtractor

# Raised when long texts are read in other windows (``text_scores``): their scores depend on it.
_WINDOWS: Final = 1


@dataclass(frozen=True, slots=True)
class Scores:
    """Calibrated probabilities for ``n`` texts, all ``float32`` in [0, 1].

    ``labels``, shape ``(n, 28)``: each of ``taxonomy.LABELS``, independent of the others.
    ``base``, shape ``(n, 5)``: ``taxonomy.BASE_EMOTIONS``, rows summing to 1.
    ``levels``, shape ``(n, 4, 4)``: for each of ``taxonomy.INTENSITY_DIMENSIONS`` the levels absent, mild, moderate,
    intense, summing to 1 over the levels.
    """

    labels: NDArray[np.float32]
    base: NDArray[np.float32]
    levels: NDArray[np.float32]

    @property
    def intensity(self) -> NDArray[np.float32]:
        """Continuous intensity, shape ``(n, 4)``: the expected level over the dimensions, scaled to [0, 1]."""
        return (self.levels @ np.array([0, 1 / 3, 2 / 3, 1])).astype(np.float32)

    @classmethod
    def joined(cls, parts: Sequence["Scores"]) -> "Scores":
        """The scores of all parts, in order; of none where there is no part."""
        empty = cls(
            np.zeros((0, len(LABELS)), np.float32),
            np.zeros((0, len(BASE_EMOTIONS)), np.float32),
            np.zeros((0, len(INTENSITY_DIMENSIONS), len(INTENSITIES) + 1), np.float32),
        )
        names = ("labels", "base", "levels")
        return cls(*(np.concatenate([getattr(part, name) for part in (empty, *parts)]) for name in names))


class TextEmotionModel(Protocol):
    """A trained model with its frozen decisions; implementations are safe to share between threads."""

    @property
    def fingerprint(self) -> str:
        """``backend:name:version:hash12``; another fingerprint means that other results are possible."""
        ...

    @property
    def thresholds(self) -> NDArray[np.float32]:
        """Shape ``(28,)``: the probability per label from which a text counts as having it."""
        ...

    def score(self, texts: Sequence[str], features: NDArray[np.float32] | None = None) -> Scores:
        """Score ``n`` texts; ``features``, shape ``(n, 42)``, saves computing their linguistic features again."""
        ...


def with_features(fingerprint: str, extractor: FeatureExtractor) -> str:
    """The fingerprint of an artefact that reads linguistic features; other ways of reading make other scores."""
    kind, _, digest = fingerprint.rpartition(":")
    both = hashlib.sha256(
        f"{digest}{extractor.fingerprint}signs={signs.VERSION}windows={_WINDOWS}".encode()
    ).hexdigest()
    return f"{kind}:{both[:12]}"
