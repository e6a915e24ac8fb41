"""Sentiment that follows from the text emotion model's own probabilities."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.emotion.taxonomy import LABELS, SENTIMENT_GROUPS
from emotion_pipeline.engine.text.language import ENGLISH
from emotion_pipeline.engine.text.tokens import says_something

if TYPE_CHECKING:
    from emotion_pipeline.engine.emotion.predictor import EmotionPredictor


class EmotionSentiment:
    """What the emotion model's 28 probabilities say together: positive less negative, as a share of all.

    The groups are GoEmotions' own (``taxonomy.SENTIMENT_GROUPS``); ambiguous and neutral labels draw towards 0, and the
    balance is scaled by the probability that the text is not neutral, so that the mean over neutral talk lies near 0.
    """

    languages = ENGLISH
    # Raised with every change of the formula.
    _version = 2

    def __init__(self, predictor: "EmotionPredictor") -> None:
        self._predictor = predictor

    @property
    def fingerprint(self) -> str:
        return f"emotion:{self._predictor.model_fingerprint.partition(':')[2]}:{self._version}"

    def follows_from(self, predictor: "EmotionPredictor") -> bool:
        """Tell whether what this predictor said of a text is all that its sentiment needs."""
        return self._predictor is predictor

    def score(self, texts: Sequence[str]) -> list[float]:
        return self.score_known(texts, self._predictor.label_probabilities(texts))

    def score_known(self, texts: Sequence[str], probabilities: NDArray[np.float32]) -> list[float]:
        """Return what ``score`` returns, from the label probabilities of the texts, shape ``(n, 28)``."""
        columns = {name: [LABELS.index(label) for label in group] for name, group in SENTIMENT_GROUPS.items()}
        sums = {name: probabilities[:, group].sum(axis=1) for name, group in columns.items()}
        balance = (sums["positive"] - sums["negative"]) / probabilities.sum(axis=1).clip(min=1e-6)
        balance *= 1 - sums["neutral"]
        return [float(value) if says_something(text) else 0.0 for text, value in zip(texts, balance, strict=True)]
