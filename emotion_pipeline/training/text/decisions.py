"""What is chosen on development data for any text model (calibration, thresholds), and the figures of a model.

Frozen choices go into an artefact. Figures are cross-fitted: chosen on one half of the data and applied to the other,
both ways. Scores are raw: the first 28 columns are the labels; all of them together give the base emotion.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.emotion import calibration
from emotion_pipeline.engine.emotion.scores import TextEmotionModel
from emotion_pipeline.engine.emotion.taxonomy import INTENSITY_DIMENSIONS, LABELS
from emotion_pipeline.training.text import metrics
from emotion_pipeline.training.text.data import GradedTexts, LabelledTexts
from emotion_pipeline.training.text.thresholds import fit_thresholds

Interval: TypeAlias = tuple[float, float]
DRAWS: Final = 300


@dataclass(frozen=True, slots=True)
class TextFigures:
    """The figures of the command contract on the development file, thresholds and calibration cross-fitted."""

    macro_f1_28: float
    macro_f1_ekman: float
    base_accuracy: float
    sub_macro_f1: float
    ece_28: float
    ece_base: float


@dataclass(frozen=True, slots=True)
class Decided:
    """Held-out probabilities and decisions for the rows of the development file."""

    labels: NDArray[np.float32]
    base: NDArray[np.float32]
    decided: NDArray[np.bool_]

    def figures(self, development: LabelledTexts) -> TextFigures:
        truth = development.labels
        accuracy, ece_base = metrics.base_accuracy(truth, self.base)
        return TextFigures(
            macro_f1_28=metrics.macro_f1(truth, self.decided),
            macro_f1_ekman=metrics.macro_f1_ekman(truth, self.decided),
            base_accuracy=accuracy,
            sub_macro_f1=metrics.sub_macro_f1(truth, self.decided),
            ece_28=metrics.expected_calibration_error(self.labels, truth),
            ece_base=ece_base,
        )

    def intervals(self, development: LabelledTexts, seed: int) -> dict[str, Interval]:
        """For each figure the middle 95 % over 300 draws of as many rows with replacement (Efron, 1979)."""
        chance = np.random.default_rng(seed)
        drawn = []
        for _ in range(DRAWS):
            rows = chance.integers(len(self.decided), size=len(self.decided))
            part = LabelledTexts(tuple(development.texts[row] for row in rows), development.labels[rows])
            drawn.append(asdict(Decided(self.labels[rows], self.base[rows], self.decided[rows]).figures(part)))
        edges = {name: np.percentile([draw[name] for draw in drawn], (2.5, 97.5)) for name in drawn[0]}
        return {name: (float(low), float(high)) for name, (low, high) in edges.items()}

    def label_f1(self, development: LabelledTexts) -> dict[str, float]:
        return {name: metrics.macro_f1(development.labels, self.decided, [name]) for name in LABELS}


@dataclass(frozen=True, slots=True)
class Choice:
    """Calibration of both heads and the thresholds."""

    platt: NDArray[np.float32]
    base: calibration.NestedScaling
    thresholds: NDArray[np.float32]

    @classmethod
    def on(cls, scores: NDArray[np.float32], truth: LabelledTexts) -> "Choice":
        label_scores = scores[:, : len(LABELS)]
        platt = calibration.fit_platt(label_scores, truth.labels)
        probabilities = calibration.apply_platt(label_scores, platt)
        base = calibration.NestedScaling.fit(scores, truth.bases, truth.core_bases)
        return cls(platt, base, fit_thresholds(probabilities, truth.labels))

    def apply(self, scores: NDArray[np.float32]) -> Decided:
        labels = calibration.apply_platt(scores[:, : len(LABELS)], self.platt)
        return Decided(labels, self.base.apply(scores), labels >= self.thresholds)


def cross_fit(scores: Sequence[NDArray[np.float32]], development: LabelledTexts, seed: int) -> tuple[Decided, Decided]:
    """Choose on one half of the development file, apply to the other, both ways; written and bare."""
    parts: list[list[Decided]] = [[], []]
    order: list[NDArray[np.int64]] = []
    for chosen_on, scored in calibration.halves(len(development.texts), seed):
        truth = twice(LabelledTexts(tuple(development.texts[i] for i in chosen_on), development.labels[chosen_on]))
        choice = Choice.on(np.vstack([form[chosen_on] for form in scores]), truth)
        order.append(scored)
        for form, part in zip(scores, parts, strict=True):
            part.append(choice.apply(form[scored]))
    back = np.argsort(np.concatenate(order))
    written, plain = (
        Decided(*(np.concatenate([getattr(p, name) for p in part])[back] for name in ("labels", "base", "decided")))
        for part in parts
    )
    return written, plain


def twice(corpus: LabelledTexts) -> LabelledTexts:
    return LabelledTexts((*corpus.texts, *corpus.texts), np.vstack([corpus.labels, corpus.labels]))


def pearson(model: TextEmotionModel, graded: Sequence[GradedTexts]) -> dict[str, float]:
    """Pearson's r between expected and annotated level, per emotion; 0 where either does not vary."""
    result = {}
    for part in graded:
        expected = model.score(part.texts).intensity[:, INTENSITY_DIMENSIONS.index(part.dimension)]
        result[part.dimension] = metrics.pearson(expected, part.levels)
    return result
