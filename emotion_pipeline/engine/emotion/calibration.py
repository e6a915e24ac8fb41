"""Calibration: from raw scores to probabilities.

Platt scaling for independent labels (Platt, 1999) and matrix scaling for exclusive classes (Guo et al., 2017, "On
Calibration of Modern Neural Networks", ICML). Thresholds and measures of quality belong to ``training.text``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.errors import TrainingDataError

Matrix = NDArray[np.float32]

# Chosen on cross-fitted development data: the accuracy over the three bases is as if core texts alone were counted, and
# gratitude is still not taken for anger.
CORE_WEIGHT: Final = 30.0


def sigmoid(scores: Matrix) -> Matrix:
    """Elementwise logistic function without overflow."""
    from scipy.special import expit

    return expit(scores)


def fit_platt(scores: Matrix, truth: NDArray[np.bool_]) -> Matrix:
    """Slope and offset per column, shape ``(n_labels, 2)``: ``sigmoid(slope * score + offset)`` is a probability.

    A label with no example, or with nothing else, keeps its scores as they are: slope 1, offset 0.
    """
    from sklearn.linear_model import LogisticRegression

    parameters = np.tile(np.array([1.0, 0.0], np.float32), (scores.shape[1], 1))
    for column in range(scores.shape[1]):
        if 0 < truth[:, column].sum() < len(truth):
            fitted = LogisticRegression(C=1e3).fit(scores[:, [column]], truth[:, column])
            parameters[column] = fitted.coef_[0, 0], fitted.intercept_[0]
    return parameters


def apply_platt(scores: Matrix, parameters: Matrix) -> Matrix:
    return sigmoid(scores * parameters[:, 0] + parameters[:, 1])


def fit_matrix_scaling(
    scores: Matrix, truth: NDArray[np.bool_], strength: float, row_weights: NDArray[np.float64] | None = None
) -> Matrix:
    """Weights, shape ``(n_scores + 1, n_classes)``, of a softmax over ``scores``; the last row holds the offsets.

    ``truth`` has shape ``(n, n_classes)``; a row that names several classes counts for each in equal parts.
    """
    from sklearn.linear_model import LogisticRegression

    rows, classes = np.nonzero(truth)
    shares = 1.0 / truth.sum(axis=1)[rows]
    if row_weights is not None:
        shares = shares * row_weights[rows]
    fitted = LogisticRegression(C=strength, max_iter=5_000).fit(scores[rows], classes, sample_weight=shares)
    weights = np.zeros((scores.shape[1] + 1, truth.shape[1]), np.float32)
    # A class that never occurs gets an offset so low that its probability vanishes.
    weights[-1] = -30.0
    columns = fitted.classes_
    if len(columns) == 2:
        weights[:, columns] = 0.0
        weights[:-1, columns[1]], weights[-1, columns[1]] = fitted.coef_[0], fitted.intercept_[0]
    else:
        weights[:-1, columns], weights[-1, columns] = fitted.coef_.T, fitted.intercept_
    return weights


def apply_matrix_scaling(scores: Matrix, weights: Matrix) -> Matrix:
    """Probabilities, shape ``(n, n_classes)``, rows summing to 1."""
    from scipy.special import softmax

    return softmax(scores @ weights[:-1] + weights[-1], axis=1)


@dataclass(frozen=True, slots=True)
class NestedScaling:
    """Probabilities of the base emotions in two steps: is there one of the three, and if so which.

    Each step is a matrix scaling, and the second is fitted on texts that express one of the three alone, so that their
    relative probabilities are calibrated too. ``kind`` and ``which`` have shape ``(n_scores + 1, 3)``; the kinds are
    one of the three, Neutral, Other.
    """

    kind: Matrix
    which: Matrix

    @classmethod
    def fit(cls, scores: Matrix, bases: NDArray[np.bool_], core: NDArray[np.bool_]) -> "NestedScaling":
        """Fit both steps; ``bases`` and ``core`` have shape ``(n, 5)``, columns as in ``taxonomy.BASE_EMOTIONS``.

        ``core`` holds the bases that a text's labels name outright. In the second step such a text counts for these
        alone, and ``CORE_WEIGHT`` times: which of the three it is must not be blurred by labels that only lean there.
        """
        named = np.asarray(core[:, :3].any(axis=1))
        three = np.where(named[:, None], core[:, :3], bases[:, :3])
        present = three.any(axis=1)
        if not present.any():
            raise TrainingDataError("The development data holds no text of Happiness, Anger or Sadness.")
        weights = np.where(named, CORE_WEIGHT, 1.0)
        return cls(
            fit_matrix_scaling(scores, np.column_stack([present, bases[:, 3:]]), strength=0.01),
            fit_matrix_scaling(scores[present], three[present], strength=0.001, row_weights=weights[present]),
        )

    def apply(self, scores: Matrix) -> Matrix:
        """Shape ``(n, 5)``, rows summing to 1."""
        kinds = apply_matrix_scaling(scores, self.kind)
        return np.hstack([kinds[:, :1] * apply_matrix_scaling(scores, self.which), kinds[:, 1:]])


def halves(n: int, seed: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield two pairs of row numbers (to choose on, to score on): each half of ``n`` rows once for either purpose."""
    order = np.random.default_rng(seed).permutation(n)
    first, second = np.sort(order[: n // 2]), np.sort(order[n // 2 :])
    yield first, second
    yield second, first
