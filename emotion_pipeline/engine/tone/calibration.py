"""How sure a score may be: probabilities that come true as often as they say, or more often.

One temperature divides all logits (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017). It is fitted on
the voices that fare worst: a model that is right on average is still far too sure of a corpus that it finds hard.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

Floats = NDArray[np.float64]

# The share of voices, those with the largest cost, that a temperature is fitted on.
HARDEST: Final = 0.25

_BOUNDS: Final = (-2.0, 3.0)  # logarithms of temperatures


@dataclass(frozen=True, slots=True)
class RawScores:
    """What a committee makes of ``n`` utterances, before calibration; NaN where nothing is heard."""

    # Shape ``(n, n_classes)``.
    logits: Floats
    # Valence and arousal, each in [0, 1], shape ``(n, 2)``.
    dimensions: Floats


def probabilities_of(logits: Floats, temperature: float) -> Floats:
    """Return probabilities, shape ``(n, n_classes)``; a temperature above 1 makes them less sure."""
    return softmax(logits / temperature, axis=1)


def fit_temperature(
    views: Sequence[Floats], truth: NDArray[np.int64], voices: NDArray[np.str_], weights: Floats
) -> float:
    """Return the temperature that makes the truth likeliest for the quarter of the voices that fare worst.

    The mean cost of the worst share is its conditional value at risk (Rockafellar & Uryasev, "Optimization of
    Conditional Value-at-Risk", Journal of Risk 2, 2000).

    :param views: logits of the same ``n`` clips, each of shape ``(n, n_classes)``; all count the same
    :param truth: index into the classes, shape ``(n,)``
    :param voices: who speaks, shape ``(n,)``
    :param weights: how much each clip counts in its voice, and by their sum each voice, shape ``(n,)``
    """
    from scipy.optimize import minimize_scalar

    names, voice_of = np.unique(voices, return_inverse=True)
    share = np.bincount(voice_of, weights, len(names)) / weights.sum()

    def cost(logarithm: float) -> float:
        return sum(_worst(_costs(view, logarithm), share) for view in views)

    def _costs(logits: Floats, logarithm: float) -> Floats:
        right = log_softmax(logits / np.exp(logarithm), axis=1)[np.arange(len(truth)), truth]
        return -np.bincount(voice_of, weights * right, len(names)) / np.maximum(share * weights.sum(), 1e-12)

    optimum: Any = minimize_scalar(cost, bounds=_BOUNDS, method="bounded")
    return round(float(np.exp(optimum.x)), 4)


def _worst(costs: Floats, share: Floats) -> float:
    """Return the mean of the highest costs, those that make up ``HARDEST`` of all shares."""
    order = np.argsort(-costs)
    before = np.cumsum(share[order]) - share[order]
    return float(costs[order] @ np.clip(HARDEST - before, 0.0, share[order])) / HARDEST
