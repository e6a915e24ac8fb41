"""Calibration: what it undoes, and when it is careful."""

import numpy as np
import pytest
from numpy.typing import NDArray

from emotion_pipeline.engine.tone.calibration import Calibration, RawScores, fit_calibration

Floats = NDArray[np.float64]


def scored(logits: Floats, novelty: Floats) -> RawScores:
    return RawScores(logits, np.full((len(logits), 2), 0.5), novelty)


def drawn(rng: np.random.Generator, n: int = 4000) -> tuple[Floats, NDArray[np.int64]]:
    """Logits, and labels drawn with the very chances that they say."""
    logits = rng.normal(0, 1.5, (n, 4))
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return logits, np.array([rng.choice(4, p=row) for row in chances])


def test_overconfidence_is_undone(rng: np.random.Generator) -> None:
    logits, truth = drawn(rng)
    fitted = fit_calibration([scored(logits * 3, np.zeros(len(logits)))], truth)
    assert np.exp(fitted.base) == pytest.approx(3, rel=0.1)


def test_where_confidence_misleads_only_on_the_unfamiliar_only_that_is_toned_down(rng: np.random.Generator) -> None:
    logits, truth = drawn(rng)
    novelty = np.repeat([0.0, 1.0], len(logits) // 2)
    fitted = fit_calibration([scored(logits * np.exp(novelty)[:, None], novelty)], truth)
    assert (fitted.base, fitted.slope) == pytest.approx((0, 1), abs=0.15)


def test_the_winner_stays_and_the_unfamiliar_is_less_sure() -> None:
    scores = scored(np.array([[0.0, 2.0, 1.0, 0.0]] * 2), np.array([0.5, 2.0]))
    familiar, strange = Calibration(0.0, 0.5).apply(scores)
    assert familiar.argmax() == strange.argmax() == 1
    assert familiar[1] > strange[1] > 0.25
    assert familiar.sum() == pytest.approx(1)


def test_nothing_heard_stays_nothing() -> None:
    nothing = scored(np.full((1, 4), np.nan), np.array([np.nan]))
    assert np.isnan(Calibration(0.0, 0.4).apply(nothing)).all()


def test_a_wild_signal_is_scored_with_finite_doubt() -> None:
    wild = scored(np.array([[0.0, 9.0, 0.0, 0.0]]), np.array([1e9]))
    assert Calibration(0.0, 0.4).apply(wild).max() < 0.5


def test_clips_without_weight_do_not_count(rng: np.random.Generator) -> None:
    logits, truth = drawn(rng)
    wrong = np.where(np.arange(len(truth)) % 2 == 0, truth, (truth + 1) % 4)
    fitted = fit_calibration([scored(logits, np.zeros(len(logits)))], wrong, np.arange(len(truth)) % 2 == 0.0)
    assert np.exp(fitted.base) == pytest.approx(1, rel=0.1)


def test_nothing_is_surer_for_being_unlike_the_training_data(rng: np.random.Generator) -> None:
    logits, truth = drawn(rng)
    novelty = np.repeat([0.0, 1.0], len(logits) // 2)
    fitted = fit_calibration([scored(logits * np.exp(-novelty)[:, None], novelty)], truth)
    assert fitted.slope >= 0
