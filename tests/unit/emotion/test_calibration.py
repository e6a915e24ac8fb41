"""Calibration, thresholds and the measures of quality, on numbers worked out by hand or drawn from known laws."""

import numpy as np
import pytest
from numpy.typing import NDArray

from emotion_pipeline.engine.common.errors import TrainingDataError
from emotion_pipeline.engine.emotion import calibration
from emotion_pipeline.engine.emotion.taxonomy import EKMAN, LABELS
from emotion_pipeline.engine.emotion.tfidf_model import levels_of
from emotion_pipeline.training.text import metrics
from emotion_pipeline.training.text.thresholds import fit_thresholds


def label_matrix(*rows: str) -> NDArray[np.bool_]:
    return np.array([[name in row.split() for name in LABELS] for row in rows])


def test_platt_scaling_recovers_a_known_distortion(rng: np.random.Generator) -> None:
    logits = rng.normal(0, 2, (20_000, 1)).astype(np.float32)
    truth = rng.random(logits.shape) < calibration.sigmoid(logits)
    parameters = calibration.fit_platt((logits + 1) * 3, truth)
    probabilities = calibration.apply_platt((logits + 1) * 3, parameters)
    assert metrics.expected_calibration_error(probabilities, truth) < 0.02
    assert parameters[0] == pytest.approx([1 / 3, -1], abs=0.1)


def test_a_label_without_examples_keeps_its_scores() -> None:
    truth = np.zeros((4, 1), np.bool_)
    assert calibration.fit_platt(np.ones((4, 1), np.float32), truth).tolist() == [[1.0, 0.0]]


def one_label(name: str, values: list[float]) -> NDArray[np.float32]:
    """Probabilities of one label, every other label at zero."""
    probabilities = np.zeros((len(values), len(LABELS)), np.float32)
    probabilities[:, LABELS.index(name)] = values
    return probabilities


def test_a_label_that_does_not_occur_is_never_decided() -> None:
    thresholds = fit_thresholds(np.ones((4, len(LABELS)), np.float32), label_matrix("", "", "", ""))
    assert (thresholds > 1).all()


def test_the_threshold_is_the_best_for_f1() -> None:
    column = LABELS.index("neutral")
    probabilities = one_label("neutral", [0.9, 0.8, 0.7, 0.2])
    assert fit_thresholds(probabilities, label_matrix("neutral", "", "neutral", ""))[column] == pytest.approx(0.45)
    assert fit_thresholds(probabilities[:1], label_matrix("neutral"))[column] == pytest.approx(0.45)


def test_a_label_that_rests_on_one_text_does_not_follow_that_text_alone(rng: np.random.Generator) -> None:
    probabilities = one_label("grief", [0.6, 0.55, 0.5, *rng.uniform(0, 0.02, 400)])
    rows = ["", "", "", *([""] * 399), "grief"]
    threshold = fit_thresholds(probabilities, label_matrix(*rows))[LABELS.index("grief")]
    assert 0.02 < threshold <= 0.6


def test_a_label_of_a_group_is_decided_sooner_where_that_finds_the_group() -> None:
    alone = one_label("annoyance", [0.9, *([0.3] * 10), *([0.1] * 200)])
    own = label_matrix("annoyance", *(["neutral"] * 210))
    with_group = label_matrix("annoyance", *(["anger"] * 10), *(["neutral"] * 200))
    column = LABELS.index("annoyance")
    assert fit_thresholds(alone, with_group)[column] < fit_thresholds(alone, own)[column]


def test_base_probabilities_sum_to_one_and_follow_the_frequencies(rng: np.random.Generator) -> None:
    classes = rng.choice(5, 4_000, p=[0.3, 0.1, 0.1, 0.3, 0.2])
    scores = (rng.normal(0, 1, (4_000, 5)) + 2 * np.eye(5)[classes]).astype(np.float32)
    bases = np.eye(5, dtype=np.bool_)[classes]
    probabilities = calibration.NestedScaling.fit(scores, bases, bases).apply(scores)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(probabilities.mean(axis=0), bases.mean(axis=0), atol=0.02)
    assert (probabilities.argmax(axis=1) == classes).mean() > 0.75


def test_a_class_that_never_occurs_is_all_but_impossible(rng: np.random.Generator) -> None:
    truth = np.eye(3, dtype=np.bool_)[rng.integers(0, 2, 200)]
    scores = (rng.normal(size=(200, 3)) + truth).astype(np.float32)
    probabilities = calibration.apply_matrix_scaling(scores, calibration.fit_matrix_scaling(scores, truth, 1.0))
    assert probabilities[:, 2].max() < 1e-6
    assert (probabilities.argmax(axis=1) == truth.argmax(axis=1)).mean() > 0.6


def test_base_calibration_without_any_of_the_three_is_refused() -> None:
    with pytest.raises(TrainingDataError, match="Happiness, Anger or Sadness"):
        none_of_three = np.eye(5, dtype=np.bool_)[[3, 4, 3]]
        calibration.NestedScaling.fit(np.zeros((3, 5), np.float32), none_of_three, none_of_three)


def test_the_halves_are_disjoint_complete_and_the_same_for_the_same_seed() -> None:
    (first, second), (again_second, again_first) = calibration.halves(11, seed=3)
    assert sorted([*first, *second]) == list(range(11))
    np.testing.assert_array_equal(first, again_first)
    np.testing.assert_array_equal(second, again_second)
    np.testing.assert_array_equal(first, next(iter(calibration.halves(11, seed=3)))[0])


def test_calibration_error_is_the_weighted_gap_per_bin() -> None:
    probabilities = np.array([0.81, 0.81, 0.81, 0.81, 1.0], np.float32)
    truth = np.array([True, True, False, False, True])
    assert metrics.expected_calibration_error(probabilities, truth) == pytest.approx(0.8 * 0.31, abs=1e-6)
    assert metrics.expected_calibration_error(np.zeros(0, np.float32), np.zeros(0, np.bool_)) == 0.0


def test_macro_f1_is_the_mean_over_all_28_labels() -> None:
    truth, decided = label_matrix("joy", "joy", "anger"), label_matrix("joy", "", "fear")
    assert metrics.macro_f1(truth, decided) == pytest.approx((2 / 3) / 28)
    assert metrics.sub_macro_f1(truth, decided) == pytest.approx((2 / 3) / 7)


def test_labels_of_one_ekman_group_count_as_the_same() -> None:
    truth, decided = label_matrix("joy", "grief"), label_matrix("amusement", "sadness")
    assert metrics.macro_f1_ekman(truth, decided) == pytest.approx(2 / len(EKMAN))


def test_base_accuracy_looks_only_at_rows_with_one_core_label() -> None:
    truth = label_matrix("joy", "anger", "sadness", "gratitude", "joy anger", "neutral")
    base = np.array(
        [[0.2, 0.1, 0.1, 0.6, 0], [0.5, 0.3, 0.1, 0.1, 0], [0, 0, 0.4, 0.6, 0], *[[1.0, 0, 0, 0, 0]] * 3], np.float32
    )
    accuracy, error = metrics.base_accuracy(truth, base)
    assert accuracy == pytest.approx(2 / 3)
    assert error == pytest.approx((0.5 + 0.5 / 0.9 + 0) / 3, abs=1e-5)
    assert metrics.base_accuracy(truth[3:], base[3:]) == (0.0, 0.0)


def test_pearson_of_a_constant_is_zero() -> None:
    assert metrics.pearson(np.array([1.0, 1, 1]), np.array([0, 1, 2])) == 0.0
    assert metrics.pearson(np.array([1.0, 2, 3]), np.array([0, 1, 2])) == pytest.approx(1.0)


def test_intensity_levels_are_probabilities_even_where_the_steps_contradict_each_other() -> None:
    steps = np.tile(np.array([0.3, 0.6, 0.1], np.float32), (1, 4))
    levels = levels_of(steps)
    assert levels.shape == (1, 4, 4)
    np.testing.assert_allclose(levels[0, 0], [0.7, 0.0, 0.2, 0.1], atol=1e-6)
