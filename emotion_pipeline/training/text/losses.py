"""The losses of the encoder's heads, and the targets that they are computed against.

Everything here works on one batch of tensors; which rows form a batch is up to the caller.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from emotion_pipeline.engine.emotion.encoder_net import HeadScores
from emotion_pipeline.engine.emotion.taxonomy import EKMAN, LABEL_OF_SUB, LABELS, STEPS
from emotion_pipeline.training.text.data import LABEL_TO_BASE, LABEL_TO_CORE

SUB_COLUMNS: Final = [LABELS.index(label) for label in LABEL_OF_SUB.values()]
# Groups of several labels; a group of one is that label.
GROUP_COLUMNS: Final = [[LABELS.index(label) for label in group] for group in EKMAN.values() if len(group) > 1]


@dataclass(frozen=True, slots=True)
class LossWeights:
    """How much each head counts beside the labels, and how the label loss treats rare labels and easy negatives.

    ``which`` weighs the choice among Happiness, Anger and Sadness alone, for texts that name one of them outright;
    ``group`` the Ekman groups, each as likely as it is that one of its labels is there.

    ``balance``: exponent by which positives of a rare label weigh more (0: all alike). ``focus``: exponent that
    damps easy negatives and ``margin`` the probability below which a negative counts nothing (Ridnik et al., 2021,
    "Asymmetric Loss For Multi-Label Classification", ICCV); both 0 is plain cross-entropy.
    """

    base: float = 0.3
    which: float = 0.3
    sub: float = 0.2
    group: float = 0.3
    intensity: float = 2.0
    balance: float = 0.25
    focus: float = 0.0
    margin: float = 0.0


def cooccurrence_smoothed(labels: NDArray[np.float32], smoothing: float) -> NDArray[np.float32]:
    """Return targets ``(n, 28)`` with a share ``smoothing`` of the rate at which labels occur beside a row's own."""
    together = labels.T @ labels
    rates = together / np.maximum(np.diag(together), 1.0)[:, None]
    np.fill_diagonal(rates, 0.0)
    expected = labels @ rates / np.maximum(labels.sum(axis=1, keepdims=True), 1.0)
    return np.where(labels > 0, labels * (1 - smoothing / 2), smoothing * expected).astype(np.float32)


def base_targets(labels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Distribution over the five bases, ``(n, 5)``: the bases named outright where there are any, else those meant."""
    named = labels @ LABEL_TO_CORE[:, :3].astype(np.float32)
    meant = labels @ LABEL_TO_BASE.astype(np.float32)
    core = np.hstack([named, np.zeros((len(labels), 2), np.float32)])
    chosen = np.where(named.sum(axis=1, keepdims=True) > 0.5, core, meant)
    return (chosen / np.maximum(chosen.sum(axis=1, keepdims=True), 1e-6)).astype(np.float32)


def positive_weights(labels: NDArray[np.float32], balance: float) -> NDArray[np.float32]:
    """Weight of a positive per label, ``(28,)``: (median frequency / own frequency) ** balance, between 1 and 5."""
    counts = np.maximum(labels.sum(axis=0), 1.0)
    return np.clip((np.median(counts) / counts) ** balance, 1.0, 5.0).astype(np.float32)


def total_loss(
    scores: HeadScores,
    labels: Tensor,
    base: Tensor,
    levels: Tensor,
    labelled: Tensor,
    positive: Tensor,
    weights: LossWeights,
) -> Tensor:
    """One number for a batch; ``labelled`` ``(n,)`` bool marks rows with labels, ``levels`` is -1 where not graded."""
    loss = scores.labels.new_zeros(())
    if labelled.any():
        targets = labels[labelled]
        loss = loss + _label_loss(scores.labels[labelled], targets, positive, weights)
        loss = loss + weights.group * _group_loss(scores.labels[labelled], targets)
        loss = loss + weights.base * functional.cross_entropy(scores.base[labelled], base[labelled])
        loss = loss + weights.which * _which_loss(scores.base[labelled], base[labelled])
        loss = loss + weights.sub * _label_loss(
            scores.sub[labelled], targets[:, SUB_COLUMNS], positive[SUB_COLUMNS], weights
        )
    graded = levels >= 0
    if graded.any():
        steps = torch.arange(1, STEPS + 1, device=levels.device)
        reached = (levels[graded].unsqueeze(1) >= steps).float()
        ordinal = functional.binary_cross_entropy_with_logits(scores.steps[graded], reached)
        loss = loss + weights.intensity * ordinal * graded.any(dim=1).float().mean()
    return loss


def _group_loss(scores: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy of the groups, summed over them and averaged over rows; labels count as independent."""
    losses = []
    for columns in GROUP_COLUMNS:
        present = (targets[:, columns] > 0.5).any(dim=1)
        absence = -functional.softplus(scores[:, columns]).sum(dim=1)  # logarithm of the chance of none of them
        presence = torch.log(-torch.expm1(absence.clamp(max=-1e-6)))
        losses.append(-torch.where(present, presence, absence))
    return torch.stack(losses, dim=1).sum(dim=1).mean() / len(GROUP_COLUMNS)


def _which_loss(scores: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy among the three bases over the rows that mean nothing else, as a share of all rows."""
    three = targets[:, :3].sum(dim=1) > 0.999
    if not three.any():
        return scores.new_zeros(())
    return functional.cross_entropy(scores[three, :3], targets[three, :3]) * three.float().mean()


def _label_loss(scores: Tensor, targets: Tensor, positive: Tensor, weights: LossWeights) -> Tensor:
    """Binary cross-entropy summed over labels and averaged over rows, divided by 7 to be of the other heads' size."""
    negative_scores = scores
    if weights.margin:
        shifted = (torch.sigmoid(scores) - weights.margin).clamp(1e-6, 1 - 1e-6)
        negative_scores = torch.logit(shifted)
    present = -targets * positive * functional.logsigmoid(scores)
    absent = -(1 - targets) * functional.logsigmoid(-negative_scores)
    if weights.focus:
        absent = absent * torch.sigmoid(negative_scores).detach() ** weights.focus
    return (present + absent).sum(dim=1).mean() / 7
