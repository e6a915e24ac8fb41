"""Figures of tone quality against hand-computed values."""

import numpy as np
import pytest

from emotion_pipeline.training.tone import metrics


def test_every_class_counts_the_same_in_the_average_recall() -> None:
    truth = np.array([0] * 9 + [1])
    decided = np.zeros(10, dtype=np.int64)
    assert metrics.unweighted_average_recall(truth, decided, 2) == 0.5


def test_a_class_that_does_not_occur_has_no_recall_and_does_not_count() -> None:
    truth = np.array([0, 0, 2])
    found = metrics.recalls(truth, np.array([0, 1, 2]), 4)
    assert found[[0, 2]].tolist() == [0.5, 1.0]
    assert np.isnan(found[[1, 3]]).all()
    assert metrics.unweighted_average_recall(truth, np.array([0, 1, 2]), 4) == 0.75


def test_the_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    probabilities = np.tile([0.9, 0.1], (10, 1))
    truth = np.array([0] * 6 + [1] * 4)
    assert metrics.expected_calibration_error(truth, probabilities) == pytest.approx(0.3)


def test_perfect_certainty_that_is_right_has_no_calibration_error() -> None:
    assert metrics.expected_calibration_error(np.array([0, 1]), np.eye(2)) == 0


def test_the_interval_holds_the_figure_and_is_wider_where_speakers_differ(rng: np.random.Generator) -> None:
    truth = np.tile([0, 1], 100)
    voices = np.repeat(np.arange(10).astype(str), 20)
    even = np.where(rng.random(200) < 0.7, truth, 1 - truth)
    uneven = np.where(np.repeat(np.arange(10) < 7, 20), truth, 1 - truth)
    narrow, wide = (metrics.uar_interval(truth, decided, voices, 2) for decided in (even, uneven))
    assert narrow[0] <= metrics.unweighted_average_recall(truth, even, 2) <= narrow[1]
    assert wide[1] - wide[0] > narrow[1] - narrow[0]


def test_the_confusion_counts_what_was_taken_for_what() -> None:
    table = metrics.confusion(np.array([0, 0, 0, 2]), np.array([0, 1, 1, 2]), 3)
    assert table.tolist() == [[1, 2, 0], [0, 0, 0], [0, 0, 1]]


def test_the_spread_is_over_speakers_and_each_counts_the_same() -> None:
    truth = np.array([0, 1, 0, 1, 0, 0, 0, 1])
    decided = np.array([0, 1, 0, 0, 1, 1, 1, 0])
    voices = np.array(["a", "a", "b", "b", "c", "c", "c", "c"])
    spread = metrics.speaker_spread(truth, decided, voices, 2)
    assert (spread.count, spread.lowest, spread.median, spread.highest) == (3, 0.0, 0.5, 1.0)
    assert spread.deviation == pytest.approx(np.std([1, 0.5, 0]))


def test_the_bins_of_calibration_hold_every_decision_and_make_up_the_error() -> None:
    probabilities = np.array([[0.9, 0.1], [0.92, 0.08], [0.45, 0.55], [0.4, 0.6]])
    truth = np.array([0, 1, 1, 1])
    low, middle, high = metrics.calibration(truth, probabilities)
    assert (low.n, low.accuracy, low.confidence) == (1, 1.0, 0.55)
    assert (middle.n, middle.accuracy, middle.confidence) == (1, 1.0, 0.6)
    assert (high.n, high.accuracy, high.confidence) == (2, 0.5, pytest.approx(0.91))
    error = metrics.expected_calibration_error(truth, probabilities)
    assert error == pytest.approx((0.45 + 0.4 + 2 * 0.41) / 4)
