"""Loading a text emotion model from its artefact, by the kind that its card names, and checking its output.

The interface of a model is in ``scores``; the kinds are ``tfidf_model`` and ``encoder_model``.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from emotion_pipeline.engine.common.errors import ArtefactError
from emotion_pipeline.engine.emotion.scores import TextEmotionModel
from emotion_pipeline.engine.models.weights import check_outputs
from emotion_pipeline.engine.text.features import FeatureExtractor

# Two texts that no model takes for the same.
_PROBES: Final = ("I am so happy, thank you!", "I hate this, it makes me furious.")

# The artefact that comes with the package.
SHIPPED: Final = Path(__file__).parent / "weights"


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
    """Load the artefact in ``folder`` and score two texts with it; return a summary: fingerprint and figures.

    Raises ``ArtefactError`` as ``load_model``, and where the output is flat or the same for both.
    """
    model = load_model(folder)
    spread, difference = check_outputs(folder, model.score(_PROBES).labels, "probabilities", "Train it again.")
    return {"fingerprint": model.fingerprint, "spread": spread, "difference": difference}
