"""From texts to ``EmotionResult``: the module through which the rest of the project predicts emotions of texts.

The predictor loads a model once, decides by its scores, and flags results that are uncertain. Loading a model belongs
to ``model``; how it computes scores, to the kinds of model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.tabular import Results
from emotion_pipeline.engine.common.types import EmotionResult
from emotion_pipeline.engine.emotion.model import SHIPPED, load_model
from emotion_pipeline.engine.emotion.scores import Scores, TextEmotionModel, with_features
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
from emotion_pipeline.engine.emotion.text_scores import WINDOW, score_texts
from emotion_pipeline.engine.models.artefact import fingerprint_of, read_card
from emotion_pipeline.engine.models.loaded_models import LOADED
from emotion_pipeline.engine.text.feature_table import FEATURE_NAMES
from emotion_pipeline.engine.text.features import FeatureExtractor
from emotion_pipeline.engine.text.language import seems_english
from emotion_pipeline.engine.text.tokens import says_something

# Base probability below which a result is flagged uncertain, unless the caller says otherwise.
CONFIDENCE_THRESHOLD: Final = 0.65

EMPTY: Final = "empty"
NOT_ENGLISH: Final = "not_english"
IN_WINDOWS: Final = "in_windows"

# Texts that are in work at once, so that memory does not grow with a corpus.
_CHUNK: Final = 8_192


class EmotionPredictor:
    """Predicts emotions of texts; the model is loaded at first use, once, and may be used from several threads.

    ``artefact`` is a folder that training wrote, by default the shipped one; ``extractor`` computes the linguistic
    features, by default with the lexicon that NRCLex carries. Raises ``ArtefactError`` at first use where the artefact
    is missing or damaged.
    """

    def __init__(
        self,
        artefact: str | Path | None = None,
        confidence_threshold: float = CONFIDENCE_THRESHOLD,
        extractor: FeatureExtractor | None = None,
    ) -> None:
        self._folder = None if artefact is None else Path(artefact)
        self._extractor = extractor
        self._confidence_threshold = confidence_threshold
        self._model: TextEmotionModel | None = None
        self._lock = Lock()

    @property
    def fingerprint(self) -> str:
        """``backend:name:version:hash12`` of model and features, and the threshold; loads no weights of the model."""
        return f"{self.model_fingerprint}:threshold={self._confidence_threshold:g}"

    @property
    def model_fingerprint(self) -> str:
        """``backend:name:version:hash12`` of model and features, on which the scores depend; loads no weights."""
        return with_features(fingerprint_of(read_card(self._folder or SHIPPED)), self._features())

    def predict(
        self,
        texts: str | Sequence[str],
        features: NDArray[np.float32] | None = None,
        *,
        with_features: bool = False,
    ) -> Results[EmotionResult]:
        """One result per text, in order; a single string counts as one text. A notebook shows them as a table.

        ``features``, shape ``(n_texts, 42)``, saves computing the texts' linguistic features again;
        ``with_features`` puts them into the results. Where memory runs out the batch is halved and the work goes on.

        A text without a single visible character expresses nothing: it is Neutral with the model's own prior
        probability of Neutral, no labels, flagged uncertain whatever the threshold, with the notice ``EMPTY``. So is a
        text that does not seem English flagged uncertain, with the notice ``NOT_ENGLISH``; one longer
        than ``WINDOW`` characters is read in windows, whose mean counts, with the notice ``IN_WINDOWS``. Raises
        ``TypeError`` naming the first text that is no string.
        """
        batch = [texts] if isinstance(texts, str) else list(texts)
        for number, text in enumerate(batch):
            if not isinstance(text, str):
                raise TypeError(f"text {number} is {type(text).__name__}, not str: {text!r:.80}")
        results: Results[EmotionResult] = Results()
        for start in range(0, len(batch), _CHUNK):
            part = slice(start, start + _CHUNK)
            rows = None if features is None else features[part]
            results.extend(self._predict_chunk(batch[part], rows, with_features=with_features))
        return results

    def _predict_chunk(
        self, texts: Sequence[str], features: NDArray[np.float32] | None, *, with_features: bool
    ) -> list[EmotionResult]:
        model = self._loaded()
        features = self._features().extract(texts) if features is None else features
        scores = score_texts(model, texts, features)
        decided = scores.labels >= model.thresholds
        named: list[Mapping[str, float] | None] = [None] * len(texts)
        if with_features:
            named = [dict(zip(FEATURE_NAMES, row.tolist(), strict=True)) for row in features]
        return [self._result(text, scores, decided, row, named[row]) for row, text in enumerate(texts)]

    def intensity(self, texts: Sequence[str]) -> Mapping[str, NDArray[np.float32]]:
        """Intensity of anger, fear, joy and sadness in [0, 1], each of shape ``(n,)``; 0 is absent."""
        values = self._scores(texts).intensity
        return {dimension: values[:, column] for column, dimension in enumerate(INTENSITY_DIMENSIONS)}

    def label_probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Calibrated probability of each of ``taxonomy.LABELS``, shape ``(n, 28)``, and nothing else of a result."""
        return self._scores(texts).labels

    def _scores(self, texts: Sequence[str]) -> Scores:
        parts = [texts[start : start + _CHUNK] for start in range(0, len(texts), _CHUNK)]
        model = self._loaded()
        return Scores.joined([score_texts(model, part) for part in parts])

    def _features(self) -> FeatureExtractor:
        with self._lock:
            if self._extractor is None:
                self._extractor = FeatureExtractor()
            return self._extractor

    def _loaded(self) -> TextEmotionModel:
        extractor = self._features()
        with self._lock:
            if self._model is None:
                self._model = _shipped(extractor) if self._folder is None else load_model(self._folder, extractor)
            return self._model

    def _result(
        self, text: str, scores: Scores, decided: NDArray[np.bool_], row: int, features: Mapping[str, float] | None
    ) -> EmotionResult:
        label_scores = dict(zip(LABELS, scores.labels[row].tolist(), strict=True))
        bases = dict(zip(BASE_EMOTIONS, scores.base[row].tolist(), strict=True))
        spoken = says_something(text)
        base = max(bases, key=bases.__getitem__) if spoken else NEUTRAL
        labels = tuple(LABELS[i] for i in np.flatnonzero(decided[row])) if spoken else ()
        sub = max(
            (sub for sub in SUB_EMOTIONS[base] if LABEL_OF_SUB[sub] in labels),
            key=lambda name: label_scores[LABEL_OF_SUB[name]],
            default=None,
        )
        intensity, intensity_probability = _intensity(base, scores.levels[row])
        notices = _notices(text)
        doubtful = not spoken or NOT_ENGLISH in notices
        return EmotionResult(
            base=base,
            base_probability=bases[base],
            sub_emotion=sub,
            sub_probability=label_scores[LABEL_OF_SUB[sub]] if sub else None,
            intensity=intensity,
            intensity_probability=intensity_probability,
            uncertain=doubtful or bases[base] < self._confidence_threshold,
            labels=labels,
            base_probabilities=bases,
            label_scores=label_scores,
            notices=notices,
            features=features,
        )


def not_english(result: EmotionResult) -> EmotionResult:
    """Return what is said of words that are known to be in another language: Neutral, without labels, uncertain."""
    return replace(
        result,
        base=NEUTRAL,
        base_probability=result.base_probabilities[NEUTRAL],
        sub_emotion=None,
        sub_probability=None,
        intensity=None,
        intensity_probability=None,
        uncertain=True,
        labels=(),
        notices=(NOT_ENGLISH, *(notice for notice in result.notices if notice != NOT_ENGLISH)),
    )


def _shipped(extractor: FeatureExtractor) -> TextEmotionModel:
    """Return the shipped model, loaded once per process, as a pipeline makes a predictor for every run.

    Each predictor loads a model from a user's folder anew, since the folder may hold another model by then.
    """
    key = with_features(fingerprint_of(read_card(SHIPPED)), extractor)
    with LOADED.held(key, lambda: load_model(SHIPPED, extractor)) as model:
        return model


def _intensity(base: str, levels: NDArray[np.float32]) -> tuple[str | None, float | None]:
    """The likeliest of mild, moderate, intense, given that the emotion is there; None for a base that is not graded."""
    if base not in DIMENSION_OF_BASE:
        return None, None
    present = levels[INTENSITY_DIMENSIONS.index(DIMENSION_OF_BASE[base]), 1:]
    total = float(present.sum())
    level = int(present.argmax())
    # The head may be certain that the emotion is absent while the base head names it: then it is at most mild.
    return INTENSITIES[level], float(present[level]) / total if total > 0 else 1.0


def _notices(text: str) -> tuple[str, ...]:
    if not says_something(text):
        return (EMPTY,)
    english = () if seems_english(text) else (NOT_ENGLISH,)
    return (*english, IN_WINDOWS) if len(text) > WINDOW else english
