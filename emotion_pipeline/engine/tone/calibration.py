"""How sure a judgement may be: probabilities that come true as often as they say.

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
class Judgement:
    """What a committee makes of ``n`` utterances, before calibration; NaN where nothing is heard."""

    # Shape ``(n, n_classes)``.
    log_probabilities: Floats
    # Mean squared distance per feature to the nearest examples of training, shape ``(n,)``.
    novelty: Floats


@dataclass(frozen=True, slots=True)
class Calibration:
    """The logarithm of the temperature as a line over novelty."""

    base: float
    slope: float

    def apply(self, judgement: Judgement) -> Floats:
        """Probabilities, shape ``(n, n_classes)``."""
        return softmax(self._cooled(judgement), axis=1)

    def cost(self, judgement: Judgement, truth: NDArray[np.int64]) -> float:
        """Mean negative log-probability of the truth, an index into the classes, shape ``(n,)``."""
        return -float(log_softmax(self._cooled(judgement), axis=1)[np.arange(len(truth)), truth].mean())

    def _cooled(self, judgement: Judgement) -> Floats:
        exponent = np.clip(self.base + self.slope * judgement.novelty, _COLDEST, _HOTTEST)
        return judgement.log_probabilities / np.exp(exponent)[:, None]


def fit_calibration(judgements: Sequence[Judgement], truth: NDArray[np.int64]) -> Calibration:
    """The calibration under which the truth is likeliest; ``judgements``, all of the same clips, count the same."""
    from scipy.optimize import minimize

    def cost(parameters: Floats) -> float:
        line = Calibration(float(parameters[0]), float(parameters[1]))
        return sum(line.cost(judgement, truth) for judgement in judgements)

    optimum: Any = minimize(cost, np.zeros(2), method="Nelder-Mead", options={"maxiter": 500})
    return Calibration(round(float(optimum.x[0]), 4), round(float(optimum.x[1]), 4))
