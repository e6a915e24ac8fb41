"""What a text emotion model is, whatever it is made of: texts in, frozen scores out.

The predictor and the evaluation know nothing else about a model, so an encoder can stand beside the shipped TF-IDF
model (``tfidf_model.py``). Taking decisions for a user (uncertain, which sub-emotion) is the predictor's work.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.errors import ArtefactError
from emotion_pipeline.engine.emotion.taxonomy import BASE_EMOTIONS, INTENSITIES, INTENSITY_DIMENSIONS, LABELS
from emotion_pipeline.engine.models.weights import check_outputs
from emotion_pipeline.engine.text.features import FeatureExtractor


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


# Two texts that no model takes for the same.
_HEARD: Final = ("I am so happy, thank you!", "I hate this, it makes me furious.")


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


# The artefact that comes with the package.
SHIPPED: Final = Path(__file__).parent / "weights"


def with_features(fingerprint: str, extractor: FeatureExtractor) -> str:
    """The fingerprint of an artefact that reads linguistic features: other features make other scores."""
    kind, _, digest = fingerprint.rpartition(":")
    both = hashlib.sha256(f"{digest}{extractor.fingerprint}".encode()).hexdigest()
    return f"{kind}:{both[:12]}"


def _load_tfidf(folder: Path, extractor: FeatureExtractor) -> TextEmotionModel:
    from emotion_pipeline.engine.emotion.tfidf_model import TfidfEmotionModel

    return TfidfEmotionModel.load(folder, extractor)


def _load_encoder(folder: Path, extractor: FeatureExtractor) -> TextEmotionModel:
    from emotion_pipeline.engine.emotion.encoder_model import EncoderEmotionModel

    return EncoderEmotionModel.load(folder, extractor)


# One loader per kind of artefact, by the ``backend`` of its card.
LOADERS: Final[Mapping[str, Callable[[Path, FeatureExtractor], TextEmotionModel]]] = MappingProxyType(
    {"encoder": _load_encoder, "tfidf": _load_tfidf}
)


def load_model(folder: Path | None = None, extractor: FeatureExtractor | None = None) -> TextEmotionModel:
    """Load the artefact in ``folder``, by default the shipped one; raises ``ArtefactError`` naming what is wrong.

    ``extractor`` computes the linguistic features, by default with the lexicon that NRCLex carries.
    """
    from emotion_pipeline.engine.models.artefact import read_card

    folder = folder or SHIPPED
    backend = read_card(folder)["backend"]
    if backend not in LOADERS:
        raise ArtefactError(f"{folder} holds a {backend!r} model; this version reads {', '.join(LOADERS)}.")
    return LOADERS[backend](folder, extractor or FeatureExtractor())


def check_model(folder: Path) -> dict[str, Any]:
    """Load the artefact in ``folder`` and score two texts with it; return what is known of it.

    Raises ``ArtefactError`` as ``load_model``, and where the output is flat or the same for both.
    """
    model = load_model(folder)
    spread, difference = check_outputs(folder, model.score(_HEARD).labels, "probabilities", "Train it again.")
    return {"fingerprint": model.fingerprint, "spread": spread, "difference": difference}
