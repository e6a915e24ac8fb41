"""The training loop that text encoders and tone models share.

It knows epochs, learning rates, early stopping, averaged weights and checkpoints. What is learnt, from which batches
and by which loss, is a ``Task``. A run that is interrupted continues from its last checkpoint and ends with the same
weights as one that is not.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emotion_pipeline.engine.common.errors import TrainingDataError

CHECKPOINT: Final = "checkpoint.pt"
# Longest time between two checkpoints.
_CHECKPOINT_SECONDS: Final = 300.0
_LARGEST_GRADIENT: Final = 1.0

# Called with what is being done, the step, the number of steps, and a remark.
Progress = Callable[[str, int, int, str], None]


def cosine(share: float) -> float:
    """Return the factor of learning rates after a ``share`` in [0, 1] of the steps behind the warm-up."""
    return 0.5 * (1 + float(np.cos(np.pi * share)))


def linear(share: float) -> float:
    """Return the factor of learning rates after a ``share`` in [0, 1] of the steps behind the warm-up."""
    return 1 - share


@dataclass(frozen=True, slots=True)
class Course:
    """How long a task is trained and how its learning rates move.

    ``patience``: epochs without a better figure after which training stops. ``warmup``: share of all steps in which
    rates rise to their height, from where they ``fall``. ``average``: decay of the moving average of weights, which is
    what is scored and kept; 0 keeps the latest weights.
    """

    epochs: int
    patience: int
    warmup: float
    fall: Callable[[float], float]
    average: float = 0.0


class Task(Protocol):
    """What is trained. Every random choice follows from seed, epoch and step, or is drawn from torch.

    ``identity`` names all that the run is made of: no other run continues from its checkpoint. ``weights``: the tensors
    that training changes, by name; the network's own, not copies. ``groups``: the parameter groups for AdamW.
    """

    identity: str
    seed: int
    course: Course
    weights: dict[str, Tensor]
    groups: list[dict[str, Any]]

    def train_mode(self) -> None:
        """Make the network ready for an epoch."""
        ...

    def batches(self, epoch: int) -> Sequence[NDArray[np.int64]]:
        """Return the rows of each batch of an epoch, counted from 0; every epoch has as many.

        The loop asks for them before it asks for losses of the epoch.
        """
        ...

    def loss(self, rows: NDArray[np.int64], epoch: int, step: int) -> Tensor:
        """Return the loss of one batch, a scalar; ``step`` is its number in the epoch, from 1."""
        ...

    def score(self) -> tuple[float, str]:
        """Return a figure of the network as it is, higher is better, and a remark for the user."""
        ...


@dataclass
class State:
    """How far a run is."""

    epoch: int = 0
    step: int = 0
    best: float = -1.0
    best_epoch: int = 0
    since_best: int = 0


class TrainingLoop:
    """One run of training, with its checkpoint in ``folder``."""

    def __init__(self, task: Task, folder: Path, progress: Progress) -> None:
        torch.manual_seed(task.seed)
        self._task, self._course, self._progress = task, task.course, progress
        self._path = folder / CHECKPOINT
        self._state = State()
        self._averaged = self._copy()
        self._best = self._copy()
        self._steps = len(task.batches(0)) * task.course.epochs
        self._parameters = [parameter for group in task.groups for parameter in group["params"]]
        self._optimizer = torch.optim.AdamW(task.groups, fused=True)
        self._scheduler = torch.optim.lr_scheduler.LambdaLR(self._optimizer, self._rate)

    def run(self) -> State:
        """Train to the end, from the checkpoint where there is one; the network then has its best weights.

        :raises TrainingDataError: the checkpoint belongs to another run
        """
        self._resume()
        while self._state.epoch < self._course.epochs and self._state.since_best < self._course.patience:
            self._train_epoch()
            self._score_epoch()
        self._put(self._best)
        return self._state

    def _rate(self, step: int) -> float:
        warm = max(1, int(self._steps * self._course.warmup))
        if step < warm:
            return (step + 1) / warm
        return self._course.fall(min(1.0, (step - warm) / max(1, self._steps - warm)))

    def _train_epoch(self) -> None:
        self._task.train_mode()
        batches = self._task.batches(self._state.epoch)
        done, saved, loss_sum = self._state.step, time.monotonic(), 0.0
        for step, rows in enumerate(batches[done:], start=done + 1):
            loss_sum += self._step(self._task.loss(rows, self._state.epoch, step))
            self._state.step = step
            self._progress(f"epoch {self._state.epoch + 1}", step, len(batches), f"{loss_sum / (step - done):.4f}")
            if time.monotonic() - saved > _CHECKPOINT_SECONDS:
                self._save()
                saved = time.monotonic()
        self._state.epoch, self._state.step = self._state.epoch + 1, 0

    def _step(self, loss: Tensor) -> float:
        loss.backward()
        nn.utils.clip_grad_norm_(self._parameters, _LARGEST_GRADIENT)
        self._optimizer.step()
        self._scheduler.step()
        self._optimizer.zero_grad(set_to_none=True)
        self._average()
        return float(loss.detach())

    @torch.no_grad()
    def _average(self) -> None:
        # Early weights are forgotten quickly, so that the average is not held back by untrained heads.
        steps = self._scheduler.last_epoch
        decay = min(self._course.average, (1 + steps) / (10 + steps))
        for name, tensor in self._task.weights.items():
            average = self._averaged[name]
            if average.is_floating_point():
                average.lerp_(tensor, 1 - decay)
            else:
                average.copy_(tensor)

    def _score_epoch(self) -> None:
        latest = self._copy()
        self._put(self._averaged)
        figure, remark = self._task.score()
        self._put(latest)
        self._progress(f"epoch {self._state.epoch}", 0, 0, remark)
        self._state.since_best += 1
        if figure > self._state.best:
            self._state.best, self._state.best_epoch, self._state.since_best = figure, self._state.epoch, 0
            self._best = {name: tensor.clone() for name, tensor in self._averaged.items()}
        self._save()

    def _copy(self) -> dict[str, Tensor]:
        return {name: tensor.detach().clone() for name, tensor in self._task.weights.items()}

    @torch.no_grad()
    def _put(self, weights: dict[str, Tensor]) -> None:
        for name, tensor in self._task.weights.items():
            tensor.copy_(weights[name])

    def _save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "identity": self._task.identity,
            "state": asdict(self._state),
            "weights": self._copy(),
            "averaged": self._averaged,
            "best": self._best,
            "optimizer": self._optimizer.state_dict(),
            "scheduler": self._scheduler.state_dict(),
            "random": _random_states(),
        }
        unfinished = self._path.with_name(f".{CHECKPOINT}.tmp")
        torch.save(content, unfinished)
        unfinished.replace(self._path)

    def _resume(self) -> None:
        if not self._path.is_file():
            return
        device = self._parameters[0].device
        content: dict[str, Any] = torch.load(self._path, map_location=device, weights_only=True)
        if content.get("identity") != self._task.identity:
            raise TrainingDataError(
                f"{self._path} belongs to a run with another recipe, another seed, another starting point or other "
                f"data: name another folder for unfinished work, or delete it."
            )
        self._state = State(**content["state"])
        self._put(content["weights"])
        self._averaged, self._best = content["averaged"], content["best"]
        self._optimizer.load_state_dict(content["optimizer"])
        self._scheduler.load_state_dict(content["scheduler"])
        _restore_random(content["random"])


def parameter_groups(
    parameters: Iterable[tuple[str, nn.Parameter]], rate_of: Callable[[str], float], weight_decay: float
) -> list[dict[str, Any]]:
    """Return groups for AdamW by the rate that each name has; vectors do not decay."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in parameters:
        decay = weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((rate_of(name), decay), []).append(parameter)
    return [{"params": members, "lr": rate, "weight_decay": decay} for (rate, decay), members in groups.items()]


def _random_states() -> list[Tensor]:
    """Return the state of torch's generators: the processor's, then each GPU's."""
    return [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [])]


def _restore_random(states: Sequence[Tensor]) -> None:
    processor, *devices = (state.cpu() for state in states)
    torch.set_rng_state(processor)
    if len(devices) == torch.cuda.device_count():  # a run may continue on another machine
        torch.cuda.set_rng_state_all(devices)
