"""Measuring a predictor on labelled files, by the interface that users call: the ``evaluate`` commands.

The figures are defined in ``training.text.metrics``. The predictor's frozen thresholds and calibration are used.
"""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emotion_pipeline.engine.emotion.predictor import EmotionPredictor
from emotion_pipeline.engine.emotion.taxonomy import BASE_EMOTIONS, LABELS
from emotion_pipeline.training.text import metrics
from emotion_pipeline.training.text.data import read_graded, read_labelled


@dataclass(frozen=True, slots=True)
class TextEvaluation:
    """The figures of ``emotion-clf evaluate text``; speed is that of the whole predictor once it is loaded."""

    n: int
    macro_f1_28: float
    macro_f1_ekman: float
    base_accuracy: float
    sub_macro_f1: float
    ece_28: float
    ece_base: float
    sentences_per_minute: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class IntensityEvaluation:
    """The figures of ``emotion-clf evaluate intensity``: Pearson's r per emotion and their mean."""

    n: int
    mean_pearson: float
    pearson: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Flat, as the command prints it: ``n``, ``mean_pearson`` and one key per emotion."""
        return {"n": self.n, "mean_pearson": self.mean_pearson, **self.pearson}


def evaluate_text(predictor: EmotionPredictor, data: Path, labels: Path) -> TextEvaluation:
    """Measure ``predictor`` on a GoEmotions file; raises ``TrainingDataError`` naming file, line and label."""
    corpus = read_labelled(data, labels)
    predictor.predict("warm up")
    started = time.perf_counter()
    results = predictor.predict(corpus.texts)
    seconds = time.perf_counter() - started
    probabilities = np.array([[result.label_scores[name] for name in LABELS] for result in results], np.float32)
    decided = np.array([[name in result.labels for name in LABELS] for result in results])
    base = np.array([[result.base_probabilities[name] for name in BASE_EMOTIONS] for result in results], np.float32)
    accuracy, ece_base = metrics.base_accuracy(corpus.labels, base)
    return TextEvaluation(
        n=len(results),
        macro_f1_28=metrics.macro_f1(corpus.labels, decided),
        macro_f1_ekman=metrics.macro_f1_ekman(corpus.labels, decided),
        base_accuracy=accuracy,
        sub_macro_f1=metrics.sub_macro_f1(corpus.labels, decided),
        ece_28=metrics.expected_calibration_error(probabilities, corpus.labels),
        ece_base=ece_base,
        sentences_per_minute=60.0 * len(results) / seconds,
    )


def evaluate_intensity(predictor: EmotionPredictor, data: Path) -> IntensityEvaluation:
    """Measure the intensity head on the EI-oc files of ``data``; files of a training split are left out.

    Raises ``TrainingDataError`` where an emotion has no file or a line does not fit.
    """
    graded = read_graded(data)
    pearson = {
        part.dimension: metrics.pearson(predictor.intensity(part.texts)[part.dimension], part.levels) for part in graded
    }
    return IntensityEvaluation(sum(len(part.texts) for part in graded), float(np.mean([*pearson.values()])), pearson)
