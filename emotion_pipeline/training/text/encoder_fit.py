"""The training loop of the encoder: batches, mixed precision, rates by layer, weight averaging, checkpoints, stopping.

What the rows are comes from ``encoder_data.py``, what they are judged by from ``losses.py``. A run that is cut off goes
on from its last checkpoint and ends with the same weights as one that was not.
"""

import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emotion_pipeline.engine.common.errors import TrainingDataError
from emotion_pipeline.engine.emotion.encoder_net import RAW, EmotionNet, HeadScores
from emotion_pipeline.engine.emotion.token_batches import batches_by_length, pad
from emotion_pipeline.training import checkpoint as training_checkpoint
from emotion_pipeline.training.text.encoder_examples import Batch, Examples, Form, batches_of_similar_length, thinned
from emotion_pipeline.training.text.losses import (
    LossWeights,
    base_targets,
    cooccurrence_smoothed,
    positive_weights,
    total_loss,
)

# Called with what is being done, the step, the number of steps, and a remark.
Progress = Callable[[str, int, int, str], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an encoder is fitted. Rates are for AdamW; ``layer_decay`` multiplies the rate from a layer to the one below.

    ``form_shares``: how often a row is shown as written, bare and with fillers. ``lost``: chance that a token of it is
    left out. ``soft_share``: weight of given
    soft targets against the labels. ``average``: decay of the moving average of weights, which is what is kept.
    ``patience``: epochs without a better dev figure after which training stops.
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
    losses: LossWeights = field(default_factory=LossWeights)


@dataclass
class _State:
    """What a checkpoint holds beside networks and optimiser."""

    epoch: int = 0
    step: int = 0
    best: float = -1.0
    since_best: int = 0


def device_of() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Fit:
    """One run of training. ``rows`` are the examples that may be learnt from; ``judge`` gives a figure to raise."""

    def __init__(
        self,
        net: EmotionNet,
        examples: Examples,
        rows: NDArray[np.int64],
        recipe: Recipe,
        folder: Path,
        seed: int,
        *,
        judge: Callable[[EmotionNet], float],
        progress: Progress,
        soft: NDArray[np.float32] | None = None,
        checkpoint_seconds: float = 120.0,
    ) -> None:
        torch.manual_seed(seed)
        self.device = device_of()
        self.net = net.to(self.device)
        self.recipe, self.examples, self.rows = recipe, examples, rows
        self.folder, self.seed = folder, seed
        self.judge, self.progress, self.checkpoint_seconds = judge, progress, checkpoint_seconds
        self.state = _State()
        self.averaged = {name: value.detach().clone() for name, value in self.net.state_dict().items()}
        self.best: dict[str, Tensor] = dict(self.averaged)
        self.per_epoch = -(-len(rows) // recipe.batch)
        self.optimizer = torch.optim.AdamW(parameter_groups(self.net, recipe), fused=True)
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._rate)
        self._targets(soft)

    def run(self) -> EmotionNet:
        """Train to the end, from the last checkpoint where there is one; returns the averaged network, in eval mode."""
        self._resume()
        while self.state.epoch < self.recipe.epochs and self.state.since_best < self.recipe.patience:
            self._epoch()
            self._judge_epoch()
        self._save()
        self.net.load_state_dict(self.best)
        return self.net.eval()

    def _rate(self, step: int) -> float:
        total = self.per_epoch * self.recipe.epochs
        warm = max(1, int(total * self.recipe.warmup))
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + float(np.cos(np.pi * min(1.0, (step - warm) / max(1, total - warm)))))

    def _targets(self, soft: NDArray[np.float32] | None) -> None:
        hard = self.examples.labels
        labelled = hard[self.rows][self.examples.is_labelled[self.rows]]
        labels = cooccurrence_smoothed(hard, self.recipe.smoothing) if self.recipe.smoothing else hard
        if soft is not None:
            share = self.recipe.soft_share
            labels = ((1 - share) * labels + share * soft).astype(np.float32)
        self.labels = torch.from_numpy(labels)
        self.base = torch.from_numpy(base_targets(hard))
        self.positive = torch.from_numpy(positive_weights(labelled, self.recipe.losses.balance)).to(self.device)

    def _epoch(self) -> None:
        self.net.train()
        chance = np.random.default_rng((self.seed, self.state.epoch))
        form = chance.choice(len(self.examples.forms), len(self.examples), p=self.recipe.form_shares)
        lengths = np.choose(form, [f.lengths for f in self.examples.forms])
        batches = list(batches_of_similar_length(lengths, self.rows, self.recipe.batch, chance))
        self.per_epoch = len(batches)
        done = self.state.step
        saved, loss_sum = time.monotonic(), 0.0
        for number, rows in enumerate(batches[done:], start=done + 1):
            loss_sum += self._step(self._batch(rows, form[rows], number))
            self.state.step = number
            self.progress(f"epoch {self.state.epoch + 1}", number, len(batches), f"{loss_sum / (number - done):.4f}")
            if time.monotonic() - saved > self.checkpoint_seconds:
                self._save()
                saved = time.monotonic()
        self.state.epoch, self.state.step = self.state.epoch + 1, 0

    def _step(self, batch: Batch) -> float:
        labelled = torch.from_numpy(self.examples.is_labelled[batch.rows]).to(self.device)
        levels = torch.from_numpy(self.examples.levels[batch.rows]).to(self.device)
        scores = forward(self.net, batch, self.device, bf16=self.recipe.bf16)
        labels, base = (values[batch.rows].to(self.device) for values in (self.labels, self.base))
        loss = total_loss(scores, labels, base, levels, labelled, self.positive, self.recipe.losses)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        self.scheduler.step()
        self.optimizer.zero_grad(set_to_none=True)
        self._average()
        return float(loss.detach())

    @torch.no_grad()
    def _average(self) -> None:
        # Early weights are forgotten quickly, so that the average is not held back by the untrained heads.
        steps = self.scheduler.last_epoch
        decay = min(self.recipe.average, (1 + steps) / (10 + steps))
        for name, value in self.net.state_dict().items():
            kept = self.averaged[name]
            if kept.is_floating_point():
                kept.lerp_(value, 1 - decay)
            else:
                kept.copy_(value)

    def _judge_epoch(self) -> None:
        learning = {name: value.clone() for name, value in self.net.state_dict().items()}
        self.net.load_state_dict(self.averaged)
        figure = self.judge(self.net.eval())
        self.net.load_state_dict(learning)
        self.progress(f"epoch {self.state.epoch}", 0, 0, f"dev {figure:.4f}")
        self.state.since_best += 1
        if figure > self.state.best:
            self.state.best, self.state.since_best = figure, 0
            self.best = {name: value.clone() for name, value in self.averaged.items()}
        self._save()

    def _batch(self, rows: NDArray[np.int64], form: NDArray[np.int64], number: int) -> Batch:
        forms = self.examples.forms
        pairs = list(zip(rows, form, strict=True))
        chance = np.random.default_rng((self.seed, self.state.epoch, number))
        ids, mask = pad([thinned(forms[f].row(r), self.recipe.lost, chance) for r, f in pairs])
        return Batch(ids, mask, np.stack([forms[f].features[r] for r, f in pairs]), rows)

    def _save(self) -> None:
        training_checkpoint.save(
            self.folder,
            self.optimizer,
            self.scheduler,
            recipe=asdict(self.recipe),
            state=asdict(self.state),
            net=self.net.state_dict(),
            averaged=self.averaged,
            best=self.best,
        )

    def _resume(self) -> None:
        content = training_checkpoint.load(self.folder, self.device)
        if content is None:
            return
        if content["recipe"] != asdict(self.recipe):
            path = self.folder / training_checkpoint.NAME
            raise TrainingDataError(f"{path} belongs to a run with another recipe: name another folder or delete it.")
        self.state = _State(**content["state"])
        self.net.load_state_dict(content["net"])
        self.averaged, self.best = content["averaged"], content["best"]
        training_checkpoint.restore(content, self.optimizer, self.scheduler)


def parameter_groups(net: EmotionNet, recipe: Recipe) -> list[dict[str, Any]]:
    """AdamW groups: heads at their own rate, encoder layers at rates that fall with depth; no decay on vectors."""
    depth = 1 + max((int(found[1]) for name, _ in net.named_parameters() if (found := _layer(name))), default=0)
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for name, parameter in net.named_parameters():
        if name.startswith("encoder."):
            found = _layer(name)
            level = int(found[1]) + 1 if found else 0
            rate = recipe.encoder_rate * recipe.layer_decay ** (depth - level)
        else:
            rate = recipe.head_rate
        decay = recipe.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((rate, decay), []).append(parameter)
    return [{"params": members, "lr": rate, "weight_decay": decay} for (rate, decay), members in groups.items()]


def _layer(name: str) -> re.Match[str] | None:
    return re.search(r"\.layers?\.(\d+)\.", name) if name.startswith("encoder.") else None


def forward(net: EmotionNet, batch: Batch, device: torch.device, *, bf16: bool) -> HeadScores:
    """Run one batch, under bfloat16 autocast where wanted."""
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
