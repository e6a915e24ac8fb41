"""Calibration: what it undoes, and when it is careful."""

import numpy as np
import pytest
from numpy.typing import NDArray

from emotion_pipeline.engine.tone.calibration import HARDEST, fit_temperature, probabilities_of

Floats = NDArray[np.float64]
Classes = NDArray[np.int64]


def drawn(rng: np.random.Generator, n: int = 4000) -> tuple[Floats, Classes]:
    """Logits, and labels drawn with the very chances that they say."""
    logits = rng.normal(0, 1.5, (n, 4))
    return logits, np.array([rng.choice(4, p=row) for row in probabilities_of(logits, 1.0)])


def one_voice(truth: Classes) -> NDArray[np.str_]:
    return np.full(len(truth), "a")


def test_overconfidence_is_undone(rng: np.random.Generator) -> None:
    logits, truth = drawn(rng)
    fitted = fit_temperature([logits * 3], truth, one_voice(truth), np.ones(len(truth)))
    assert fitted == pytest.approx(3, rel=0.1)


def test_the_voices_that_fare_worst_decide(rng: np.random.Generator) -> None:
    logits, truth = drawn(rng, 8000)
    voice = np.arange(len(truth)) % 8
    is_hard = voice < 8 * HARDEST
    scores = np.where(is_hard[:, None], logits * 4, 20 * np.eye(4)[truth])
    assert fit_temperature([scores], truth, voice.astype(str), np.ones(len(truth))) == pytest.approx(4, rel=0.1)


def test_one_bad_voice_of_many_does_not_decide_alone(rng: np.random.Generator) -> None:
    logits, truth = drawn(rng, 8000)
    voice = np.arange(len(truth)) % 40
    scores = np.where((voice == 0)[:, None], logits * 4, logits)
    assert 1 < fit_temperature([scores], truth, voice.astype(str), np.ones(len(truth))) < 2


def test_clips_without_weight_do_not_count(rng: np.random.Generator) -> None:
    logits, truth = drawn(rng)
    counts = np.arange(len(truth)) % 2 == 0
    wrong = np.where(counts, truth, (truth + 1) % 4)
    assert fit_temperature([logits], wrong, one_voice(truth), counts.astype(float)) == pytest.approx(1, rel=0.1)


def test_the_winner_stays_and_is_less_sure_when_hotter() -> None:
    logits = np.array([[0.0, 2.0, 1.0, 0.0]])
    (cool,), (hot,) = probabilities_of(logits, 1.0), probabilities_of(logits, 3.0)
    assert cool.argmax() == hot.argmax() == 1
    assert cool[1] > hot[1] > 0.25
    assert hot.sum() == pytest.approx(1)


def test_nothing_heard_stays_nothing() -> None:
    assert np.isnan(probabilities_of(np.full((1, 4), np.nan), 0.8)).all()
