"""Fitting an encoder: which batches it learns from, in which precision, at which rates.

What the rows are comes from ``encoder_examples``, the losses from ``losses``; the loop itself is ``training.loop``.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emotion_pipeline.engine.emotion.encoder_net import EmotionNet, HeadScores
from emotion_pipeline.engine.emotion.taxonomy import RAW
from emotion_pipeline.engine.emotion.token_batches import batches_by_length, pad
from emotion_pipeline.training.loop import Course, cosine, parameter_groups
from emotion_pipeline.training.text.encoder_examples import Batch, Examples, Form, batches_of_similar_length, thinned
from emotion_pipeline.training.text.losses import (
    LossWeights,
    base_targets,
    cooccurrence_smoothed,
    positive_weights,
    total_loss,
)

_LAYER: Final = re.compile(r"^encoder\..*?\blayers?\.(\d+)\.")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an encoder is fitted. Rates are for AdamW; ``layer_decay`` multiplies the rate from a layer to the one below.

    ``form_shares``: how often a row is shown as written, bare and with fillers. ``lost``: chance that a token of it is
    left out. ``soft_share``: weight of soft targets against the labels, where there are any. ``average``: decay of the
    moving average of weights, which is what is kept. ``patience``: epochs without a better development figure after
    which training stops. ``frozen``: lowest layers that do not learn, the embeddings with them; 0 lets all learn.
    ``encoder_dropout``: dropout inside the encoder; None leaves it as the encoder was made.
    """

    epochs: int = 5
    batch: int = 48
    encoder_rate: float = 1e-4
    head_rate: float = 6e-4
    layer_decay: float = 0.9
    weight_decay: float = 0.01
    warmup: float = 0.08
    dropout: float = 0.2
    smoothing: float = 0.1
    average: float = 0.998
    soft_share: float = 0.5
    form_shares: tuple[float, float, float] = (0.55, 0.33, 0.12)
    lost: float = 0.1
    patience: int = 2
    bf16: bool = True
    frozen: int = 0
    encoder_dropout: float | None = None
    losses: LossWeights = field(default_factory=LossWeights)


def device_of() -> torch.device:
    """Return the GPU where there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class EncoderTask:
    """A ``Task``: a network that learns from ``rows`` of the examples. ``dev_figure`` gives a figure to raise.

    ``soft``: label probabilities ``(n, 28)`` of all examples by other networks, mixed into the labels.
    """

    def __init__(
        self,
        net: EmotionNet,
        examples: Examples,
        rows: NDArray[np.int64],
        recipe: Recipe,
        seed: int,
        *,
        dev_figure: Callable[[EmotionNet], float],
        soft: NDArray[np.float32] | None = None,
    ) -> None:
        self._device = device_of()
        self._net = net.to(self._device)
        freeze(net, recipe.frozen)
        if recipe.encoder_dropout is not None:
            for module in net.encoder.modules():
                if isinstance(module, nn.Dropout):
                    module.p = recipe.encoder_dropout
        self.seed = seed
        self.course = Course(recipe.epochs, recipe.patience, recipe.warmup, cosine, recipe.average)
        self.weights = {name: weight.detach() for name, weight in net.named_parameters() if weight.requires_grad}
        self.groups = encoder_groups(net, recipe)
        self._examples, self._rows, self._recipe = examples, rows, recipe
        self._dev_figure = dev_figure
        # The form in which each example is shown, drawn anew with the batches of an epoch.
        self._form = np.zeros(len(examples), np.int64)
        hard = examples.labels
        labels = cooccurrence_smoothed(hard, recipe.smoothing) if recipe.smoothing else hard
        if soft is not None:
            labels = ((1 - recipe.soft_share) * labels + recipe.soft_share * soft).astype(np.float32)
        positive = positive_weights(hard[rows][examples.is_labelled[rows]], recipe.losses.balance)
        self._labels, self._base = torch.from_numpy(labels), torch.from_numpy(base_targets(hard))
        self._positive = torch.from_numpy(positive).to(self._device)
        self.identity = _digest(repr(recipe), repr(seed), repr(net), rows, labels, examples.levels, *examples.forms)

    def train_mode(self) -> None:
        self._net.train()

    def batches(self, epoch: int) -> Sequence[NDArray[np.int64]]:
        chance = np.random.default_rng((self.seed, epoch))
        forms = self._examples.forms
        self._form = chance.choice(len(forms), len(self._examples), p=self._recipe.form_shares)
        lengths = np.choose(self._form, [form.lengths for form in forms])
        return list(batches_of_similar_length(lengths, self._rows, self._recipe.batch, chance))

    def loss(self, rows: NDArray[np.int64], epoch: int, step: int) -> Tensor:
        batch = self._batch(rows, epoch, step)
        labelled = torch.from_numpy(self._examples.is_labelled[rows]).to(self._device)
        levels = torch.from_numpy(self._examples.levels[rows]).to(self._device)
        scores = forward(self._net, batch, self._device, bf16=self._recipe.bf16)
        labels, base = (targets[rows].to(self._device) for targets in (self._labels, self._base))
        return total_loss(scores, labels, base, levels, labelled, self._positive, self._recipe.losses)

    def score(self) -> tuple[float, str]:
        figure = self._dev_figure(self._net.eval())
        return figure, f"dev {figure:.4f}"

    def _batch(self, rows: NDArray[np.int64], epoch: int, step: int) -> Batch:
        forms = self._examples.forms
        pairs = list(zip(rows, self._form[rows], strict=True))
        chance = np.random.default_rng((self.seed, epoch, step))
        ids, mask = pad([thinned(forms[form].row(row), self._recipe.lost, chance) for row, form in pairs])
        return Batch(ids, mask, np.stack([forms[form].features[row] for row, form in pairs]), rows)


def encoder_groups(net: EmotionNet, recipe: Recipe) -> list[dict[str, Any]]:
    """Return groups for AdamW: heads at their own rate, encoder layers at rates that fall with depth."""
    learning = [(name, weight) for name, weight in net.named_parameters() if weight.requires_grad]
    depth = max(_level(name) for name, _ in learning)

    def rate_of(name: str) -> float:
        if not name.startswith("encoder."):
            return recipe.head_rate
        return recipe.encoder_rate * recipe.layer_decay ** (depth - _level(name))

    return parameter_groups(learning, rate_of, recipe.weight_decay)


def freeze(net: EmotionNet, layers: int) -> None:
    """Keep the lowest ``layers`` of the encoder and all that lies below them as they are; 0 freezes nothing."""
    for name, weight in net.named_parameters():
        weight.requires_grad_(not (layers and name.startswith("encoder.") and _level(name) <= layers))


def _level(name: str) -> int:
    """Return the layer of a weight, counted from 1; 0 for embeddings and for what is not the encoder's."""
    layer = _LAYER.match(name)
    return int(layer[1]) + 1 if layer else 0


def _digest(*parts: str | NDArray[Any] | Form) -> str:
    digest = hashlib.sha256()
    for part in parts:
        arrays = (part.ids, part.features) if isinstance(part, Form) else (part,)
        for array in arrays:
            digest.update(array.encode() if isinstance(array, str) else np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def forward(net: EmotionNet, batch: Batch, device: torch.device, *, bf16: bool) -> HeadScores:
    """Return the scores of one batch, computed under bfloat16 autocast if ``bf16``."""
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        return net(
            torch.from_numpy(batch.ids).to(device),
            torch.from_numpy(batch.mask).to(device),
            torch.from_numpy(batch.features).to(device),
        )


def raw_scores(net: EmotionNet, form: Form, rows: NDArray[np.int64], *, bf16: bool) -> NDArray[np.float32]:
    """Raw scores ``(n, 52)`` of ``rows`` of a form, in their order."""
    device = next(net.parameters()).device
    result = np.zeros((len(rows), RAW), np.float32)
    for part in batches_by_length(form.lengths[rows]):
        ids, mask = pad([form.row(row) for row in rows[part]])
        batch = Batch(ids, mask, form.features[rows[part]], rows[part])
        with torch.inference_mode():
            result[part] = forward(net, batch, device, bf16=bf16).flat().cpu().numpy()
    return result
