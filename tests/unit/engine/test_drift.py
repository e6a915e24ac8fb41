"""A shift is seen, chance is not, and too little says nothing."""

import numpy as np
import pandas as pd
import pytest

from emotion_pipeline.engine.common.drift import LARGE, drift_of


def _tones(rng: np.random.Generator, size: int, *shares: float) -> pd.Series:
    return pd.Series(rng.choice(["angry", "happy", "neutral", "sad"], size, p=shares))


def test_a_day_that_sounds_otherwise_has_drifted(rng: np.random.Generator) -> None:
    drift = drift_of("tone", _tones(rng, 60, 0.7, 0.1, 0.1, 0.1), _tones(rng, 1500, 0.1, 0.1, 0.7, 0.1))
    assert drift is not None
    assert drift.drifted
    assert drift.index > 1.0


@pytest.mark.parametrize("size", [20, 60, 400])
def test_days_of_one_distribution_are_hardly_ever_called_drifted(rng: np.random.Generator, size: int) -> None:
    before = pd.Series(rng.normal(0.7, 0.1, 28 * size))
    days = [drift_of("probability", pd.Series(rng.normal(0.7, 0.1, size)), before) for _ in range(300)]
    assert sum(day.drifted for day in days if day) <= 6


def test_a_small_day_must_shift_further_than_a_large_one_to_count(rng: np.random.Generator) -> None:
    before = _tones(rng, 5000, 0.25, 0.25, 0.25, 0.25)
    small, large = (drift_of("tone", _tones(rng, size, 0.25, 0.25, 0.25, 0.25), before) for size in (20, 2000))
    assert small is not None
    assert large is not None
    assert small.bound > large.bound == LARGE


def test_a_shift_of_numbers_and_a_rise_of_missing_ones_are_seen(rng: np.random.Generator) -> None:
    before, shifted = pd.Series(rng.normal(0.8, 0.05, 1000)), pd.Series(rng.normal(0.6, 0.05, 100))
    lost = before.iloc[:100].where(np.arange(100) < 50)
    for today in (shifted, lost):
        drift = drift_of("confidence", today, before)
        assert drift is not None
        assert drift.drifted


@pytest.mark.parametrize(("today", "before"), [(19, 1000), (1000, 19), (0, 0)])
def test_too_few_values_say_nothing(rng: np.random.Generator, today: int, before: int) -> None:
    assert drift_of("confidence", pd.Series(rng.random(today)), pd.Series(rng.random(before))) is None


def test_a_figure_that_never_varies_has_not_drifted() -> None:
    drift = drift_of("sentiment", pd.Series([0.0] * 50), pd.Series([0.0] * 500))
    assert drift is not None
    assert (drift.index, drift.drifted) == (pytest.approx(0.0), False)
