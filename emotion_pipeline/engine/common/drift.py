"""Drift: how far a day's distribution lies from that of the days before.

The measure is the population stability index, PSI = Σ (p − q) ln(p / q) over bins. For n and m values of one
distribution in k bins, PSI / (1/n + 1/m) follows a chi-square distribution with k − 1 degrees of freedom (Yurdakul and
Naranjo 2020, "Statistical properties of the population stability index"). An index counts as drift where it is both
large, above ``LARGE``, and larger than chance makes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from scipy.special import chdtri  # of the same distribution, scipy.stats takes most of a second to import

LARGE: Final = 0.25
# Probability that a day without drift is called drifted, per figure.
CHANCE: Final = 0.001
BINS: Final = 10
# A distribution of fewer values says nothing.
_LEAST_VALUES: Final = 20
# Added to every bin, so that an empty one does not make the index infinite (Jeffreys).
_PRIOR: Final = 0.5


@dataclass(frozen=True, slots=True)
class Drift:
    """One figure of a day against the days before: its index, and the bound above which it counts as drift."""

    figure: str
    index: float
    bound: float
    values: int
    reference_values: int

    @property
    def drifted(self) -> bool:
        return self.index > self.bound


def drift_of(figure: str, today: pd.Series, before: pd.Series) -> Drift | None:
    """Compare a day's values with those of the days before; None where either has too few to tell.

    Numbers are sorted into bins between the deciles of ``before``; anything else is its own bin. Missing values count
    as one more bin: that something is missing more often than it was is a shift as well.
    """
    if len(today) < _LEAST_VALUES or len(before) < _LEAST_VALUES:
        return None
    now, then = _counts(today, before)
    index = _stability_index(now, then)
    chance = float(chdtri(max(len(now) - 1, 1), CHANCE)) * (1.0 / len(today) + 1.0 / len(before))
    return Drift(figure, index, max(LARGE, chance), len(today), len(before))


def _counts(today: pd.Series, before: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    if pd.api.types.is_numeric_dtype(before) and not pd.api.types.is_bool_dtype(before):
        edges = np.unique(np.nanquantile(before.to_numpy(dtype=float), np.linspace(0, 1, BINS + 1)[1:-1]))
        today, before = (_binned(values, edges) for values in (today, before))
    today, before = (values.astype(object).where(values.notna(), "missing") for values in (today, before))
    kinds: Sequence[object] = sorted({*today, *before}, key=str)
    now, then = (values.value_counts().reindex(kinds, fill_value=0) for values in (today, before))
    return now.to_numpy(dtype=float), then.to_numpy(dtype=float)


def _binned(values: pd.Series, edges: np.ndarray) -> pd.Series:
    numbers = pd.to_numeric(values, errors="coerce")
    return pd.Series(np.searchsorted(edges, numbers.to_numpy(dtype=float))).where(numbers.notna().to_numpy())


def _stability_index(now: np.ndarray, then: np.ndarray) -> float:
    p, q = ((counts + _PRIOR) / (counts + _PRIOR).sum() for counts in (now, then))
    return float(((p - q) * np.log(p / q)).sum())
