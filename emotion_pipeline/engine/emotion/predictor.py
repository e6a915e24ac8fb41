"""From a text to an ``EmotionResult``: the one door through which the rest of the project asks what a text expresses.

The predictor loads a model once, takes the decisions that its scores allow, and says when it is not sure. What the
model is made of is unknown here (``model.py``).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.artefact import fingerprint_of, read_card
from emotion_pipeline.engine.emotion.model import SHIPPED, Scores, TextEmotionModel, load_model, with_features
from emotion_pipeline.engine.emotion.taxonomy import (
    BASE_EMOTIONS,
    DIMENSION_OF_BASE,
    INTENSITIES,
    INTENSITY_DIMENSIONS,
    LABEL_OF_SUB,
    LABELS,
    NEUTRAL,
    SUB_EMOTIONS,
)
from emotion_pipeline.engine.text.features import FeatureExtractor
from emotion_pipeline.engine.types import EmotionResult

CONFIDENCE_THRESHOLD: Final = 0.65
"""Base probability below which a result is flagged uncertain, unless the caller says otherwise."""


class EmotionPredictor:
    """Predicts emotions of texts; the model is loaded at first use, once, and may be used from several threads.

    ``artefact`` is a folder that training wrote, by default the shipped one; ``extractor`` computes the linguistic
    features, by default with the lexicon that NRCLex carries. Raises ``ArtefactError`` at first use where the artefact
    is missing or damaged.
    """

    def __init__(
        self,
        artefact: Path | None = None,
        confidence_threshold: float = CONFIDENCE_THRESHOLD,
        extractor: FeatureExtractor | None = None,
    ) -> None:
        self._folder = artefact
        self._extractor = extractor
        self._confidence_threshold = confidence_threshold
        self._model: TextEmotionModel | None = None
        self._lock = Lock()

    @property
    def fingerprint(self) -> str:
        """``backend:name:version:hash12`` of model and features, and the threshold; loads no weights of the model."""
        model = with_features(fingerprint_of(read_card(self._folder or SHIPPED)), self._features())
        return f"{model}:threshold={self._confidence_threshold:g}"

    def predict(self, texts: str | Sequence[str], features: NDArray[np.float32] | None = None) -> list[EmotionResult]:
        """One result per text, in order; a single string counts as one text.

        ``features``, shape ``(n_texts, 42)``, are the texts' linguistic features where they are known already.

        A text without a single visible character expresses nothing: it is Neutral with the model's own prior
        probability of Neutral, no labels, and flagged uncertain whatever the threshold.
        """
        batch = [texts] if isinstance(texts, str) else list(texts)
        model = self._loaded()
        scores = model.score(batch, features)
        decided = scores.labels >= model.thresholds
        return [self._result(text, scores, decided, row) for row, text in enumerate(batch)]

    def intensity(self, texts: Sequence[str]) -> Mapping[str, NDArray[np.float32]]:
        """Intensity of anger, fear, joy and sadness in [0, 1], each of shape ``(n,)``; 0 is absent."""
        values = self._loaded().score(list(texts)).intensity
        return {dimension: values[:, column] for column, dimension in enumerate(INTENSITY_DIMENSIONS)}

    def _features(self) -> FeatureExtractor:
        with self._lock:
            if self._extractor is None:
                self._extractor = FeatureExtractor()
            return self._extractor

    def _loaded(self) -> TextEmotionModel:
        extractor = self._features()
        with self._lock:
            if self._model is None:
                self._model = load_model(self._folder, extractor)
            return self._model

    def _result(self, text: str, scores: Scores, decided: NDArray[np.bool_], row: int) -> EmotionResult:
        label_scores = dict(zip(LABELS, scores.labels[row].tolist(), strict=True))
        bases = dict(zip(BASE_EMOTIONS, scores.base[row].tolist(), strict=True))
        says_something = any(character.isprintable() and not character.isspace() for character in text)
        base = max(bases, key=bases.__getitem__) if says_something else NEUTRAL
        labels = tuple(LABELS[i] for i in np.flatnonzero(decided[row])) if says_something else ()
        sub = max(
            (sub for sub in SUB_EMOTIONS[base] if LABEL_OF_SUB[sub] in labels),
            key=lambda name: label_scores[LABEL_OF_SUB[name]],
            default=None,
        )
        intensity, intensity_probability = _intensity(base, scores.levels[row])
        return EmotionResult(
            base=base,
            base_probability=bases[base],
            sub_emotion=sub,
            sub_probability=label_scores[LABEL_OF_SUB[sub]] if sub else None,
            intensity=intensity,
            intensity_probability=intensity_probability,
            uncertain=not says_something or bases[base] < self._confidence_threshold,
            labels=labels,
            base_probabilities=bases,
            label_scores=label_scores,
        )


def _intensity(base: str, levels: NDArray[np.float32]) -> tuple[str | None, float | None]:
    """The likeliest of mild, moderate, intense, given that the emotion is there; None for a base that is not graded."""
    if base not in DIMENSION_OF_BASE:
        return None, None
    present = levels[INTENSITY_DIMENSIONS.index(DIMENSION_OF_BASE[base]), 1:]
    total = float(present.sum())
    level = int(present.argmax())
    # The head may be certain that the emotion is absent while the base head names it: then it is at most mild.
    return INTENSITIES[level], float(present[level]) / total if total > 0 else 1.0
