"""What the encoder's losses count, and what a thinned text keeps."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from emotion_pipeline.engine.emotion.encoder_net import HeadScores
from emotion_pipeline.engine.emotion.taxonomy import EKMAN, INTENSITY_DIMENSIONS, LABELS, N_BASES, N_SUBS, STEPS
from emotion_pipeline.training.text.encoder_examples import thinned
from emotion_pipeline.training.text.losses import LossWeights, total_loss

NOTHING_ELSE = LossWeights(**{weight.name: 0.0 for weight in fields(LossWeights)})
ROWS = 6


def loss(labels: torch.Tensor, targets: torch.Tensor, weights: LossWeights) -> torch.Tensor:
    dimensions = len(INTENSITY_DIMENSIONS)
    zeros = HeadScores(
        labels, torch.zeros(ROWS, N_BASES), torch.zeros(ROWS, N_SUBS), torch.zeros(ROWS, dimensions, STEPS)
    )
    base = torch.full((ROWS, N_BASES), 1 / N_BASES)
    levels = torch.full((ROWS, dimensions), -1)
    everyone, alike = torch.ones(ROWS, dtype=torch.bool), torch.ones(len(LABELS))
    return total_loss(
        zeros, labels=targets, base=base, levels=levels, labelled=everyone, positive=alike, weights=weights
    )


def test_a_group_is_as_likely_as_one_of_its_labels_when_labels_are_independent() -> None:
    torch.manual_seed(0)
    scores, targets = torch.randn(ROWS, len(LABELS)), (torch.rand(ROWS, len(LABELS)) < 0.1).float()
    groups = [[LABELS.index(label) for label in group] for group in EKMAN.values() if len(group) > 1]
    chances = torch.stack([1 - (1 - torch.sigmoid(scores[:, group])).prod(dim=1) for group in groups], dim=1)
    present = torch.stack([targets[:, group].any(dim=1) for group in groups], dim=1).float()
    expected = functional.binary_cross_entropy(chances, present, reduction="sum") / ROWS / len(groups)
    counted = loss(scores, targets, replace(NOTHING_ELSE, group=1.0)) - loss(scores, targets, NOTHING_ELSE)
    assert counted.item() == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.parametrize("size", [-60.0, 60.0])
def test_scores_of_any_size_give_a_loss_and_a_gradient(size: float) -> None:
    scores = torch.full((ROWS, len(LABELS)), size, requires_grad=True)
    targets = torch.zeros(ROWS, len(LABELS))
    targets[0, 0] = 1.0
    value = loss(scores, targets, LossWeights())
    value.backward()
    assert value.isfinite()
    assert scores.grad is not None
    assert scores.grad.isfinite().all()


def test_a_thinned_text_keeps_its_marks_and_the_order_of_what_is_left() -> None:
    row = np.arange(200, dtype=np.int32)
    kept = thinned(row, 0.3, np.random.default_rng(0))
    assert kept[0] == 0
    assert kept[-1] == 199
    assert (np.diff(kept) > 0).all()
    assert 110 < len(kept) < 170


def test_nothing_is_lost_where_nothing_may_be() -> None:
    row = np.arange(9, dtype=np.int32)
    assert (thinned(row, 0.0, np.random.default_rng(0)) == row).all()
    assert (thinned(row[:2], 0.9, np.random.default_rng(0)) == row[:2]).all()
