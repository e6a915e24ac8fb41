"""How sure a score may be: probabilities that come true as often as they say.

One temperature for all (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017) is too bold for voices
unlike any that were heard in training, or too timid for the others; here it grows with how unlike they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

Floats = NDArray[np.float64]

_COLDEST: Final = -2.0
_HOTTEST: Final = 3.0  # logarithms of temperatures


@dataclass(frozen=True, slots=True)
class RawScores:
    """What a committee makes of ``n`` utterances, before calibration; NaN where nothing is heard."""

    # Shape ``(n, n_classes)``.
    logits: Floats
    # Valence and arousal, each in [0, 1], shape ``(n, 2)``.
    dimensions: Floats
    # Mean squared distance per feature to the nearest examples of training, shape ``(n,)``.
    novelty: Floats


@dataclass(frozen=True, slots=True)
class Calibration:
    """The logarithm of the temperature as a line over novelty."""

    base: float
    slope: float

    def apply(self, scores: RawScores) -> Floats:
        """Probabilities, shape ``(n, n_classes)``."""
        return softmax(self._cooled(scores), axis=1)

    def cost(self, scores: RawScores, truth: NDArray[np.int64], weights: Floats) -> float:
        """Weighted mean negative log-probability of the truth, an index into the classes, shape ``(n,)``."""
        right = log_softmax(self._cooled(scores), axis=1)[np.arange(len(truth)), truth]
        return -float(np.average(right, weights=weights))

    def _cooled(self, scores: RawScores) -> Floats:
        exponent = np.clip(self.base + self.slope * scores.novelty, _COLDEST, _HOTTEST)
        return scores.logits / np.exp(exponent)[:, None]


def fit_calibration(views: Sequence[RawScores], truth: NDArray[np.int64], weights: Floats | None = None) -> Calibration:
    """The calibration under which the truth is likeliest; ``views``, all of the same clips, count the same.

    ``weights``: how much each clip counts, shape ``(n,)``; None: all the same.
    """
    from scipy.optimize import minimize

    counts = np.ones(len(truth)) if weights is None else weights

    def cost(parameters: Floats) -> float:
        # Never surer of what is unlike the training data: a negative slope is an accident of the corpora.
        line = Calibration(float(parameters[0]), abs(float(parameters[1])))
        return sum(line.cost(view, truth, counts) for view in views)

    optimum: Any = minimize(cost, np.zeros(2), method="Nelder-Mead", options={"maxiter": 500})
    return Calibration(round(float(optimum.x[0]), 4), round(abs(float(optimum.x[1])), 4))
