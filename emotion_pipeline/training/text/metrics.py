"""How the quality of text emotion is measured: the figures of the command contract, as functions of arrays.

``truth`` and ``decided`` are ``bool``, shape ``(n, 28)``, columns as in ``taxonomy.LABELS``; probabilities lie in [0,
1].
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.emotion.taxonomy import (
    BASE_EMOTIONS,
    CORE_BASE_OF,
    EKMAN,
    LABEL_OF_SUB,
    LABELS,
    THREE_BASES,
)

Decisions = NDArray[np.bool_]
Probabilities = NDArray[np.float32]

# Equal-width bins of the expected calibration error.
BINS: Final = 15


def f1(truth: Decisions, decided: Decisions) -> float:
    """F1 of one label; 0 where it neither occurs nor is decided."""
    denominator = int(truth.sum()) + int(decided.sum())
    return 2.0 * float((truth & decided).sum()) / denominator if denominator else 0.0


def macro_f1(truth: Decisions, decided: Decisions, labels: Sequence[str] = LABELS) -> float:
    """Mean F1 over ``labels``, all rows, multi-label."""
    columns = [LABELS.index(name) for name in labels]
    return float(np.mean([f1(truth[:, column], decided[:, column]) for column in columns]))


def macro_f1_ekman(truth: Decisions, decided: Decisions) -> float:
    """Mean F1 over the seven Ekman groups; a row belongs to a group when any of its labels does."""
    scores = []
    for labels in EKMAN.values():
        columns = [LABELS.index(label) for label in labels]
        scores.append(f1(np.any(truth[:, columns], axis=1), np.any(decided[:, columns], axis=1)))
    return float(np.mean(scores))


def sub_macro_f1(truth: Decisions, decided: Decisions) -> float:
    """Mean F1 over the seven sub-emotions on all rows; Rage is GoEmotions' anger."""
    return macro_f1(truth, decided, tuple(LABEL_OF_SUB.values()))


def base_accuracy(truth: Decisions, base: Probabilities) -> tuple[float, float]:
    """Accuracy and calibration error of the best of the three base emotions; ``base`` has shape ``(n, 5)``.

    Looks at rows whose only label is a core one. As these rows are known to be one of three, the winner's probability
    is taken relative to the three. Both are 0 where there is no such row.
    """
    core = [LABELS.index(label) for label in CORE_BASE_OF]
    rows = np.flatnonzero((truth.sum(axis=1) == 1) & truth[:, core].any(axis=1))
    if not len(rows):
        return 0.0, 0.0
    names = [CORE_BASE_OF[LABELS[label]] for label in truth[rows].argmax(axis=1)]
    expected = np.array([THREE_BASES.index(name) for name in names])
    three = base[rows][:, [BASE_EMOTIONS.index(name) for name in THREE_BASES]]
    three = three / np.maximum(three.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    right = three.argmax(axis=1) == expected
    return float(right.mean()), expected_calibration_error(three.max(axis=1), right)


def expected_calibration_error(probabilities: Probabilities, truth: Decisions) -> float:
    """Mean gap between probability and frequency over 15 equal-width bins, weighted by their rows; arrays are
    flattened.

    Naeini, Cooper and Hauskrecht (2015), "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI.
    """
    flat, hits = np.ravel(probabilities).astype(np.float64), np.ravel(truth).astype(np.float64)
    bins = np.minimum((flat * BINS).astype(int), BINS - 1)
    totals = [np.bincount(bins, weights=values, minlength=BINS) for values in (flat, hits)]
    return float(np.abs(totals[0] - totals[1]).sum() / max(len(flat), 1))


def pearson(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Pearson's correlation coefficient; 0 where either side does not vary."""
    if len(first) < 2 or not np.ptp(first) or not np.ptp(second):
        return 0.0
    return float(np.corrcoef(first.astype(np.float64), second.astype(np.float64))[0, 1])
