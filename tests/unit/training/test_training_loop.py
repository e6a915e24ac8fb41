"""The training loop on a network of one layer: continuing, stopping, what is kept, and checkpoints of other runs."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emotion_pipeline.engine.common.errors import TrainingDataError
from emotion_pipeline.training import loop as training_loop
from emotion_pipeline.training.loop import Course, Progress, State, TrainingLoop, cosine, linear, parameter_groups

COURSE = Course(epochs=3, patience=3, warmup=0.1, fall=cosine, average=0.5)
SEED = 3


class CutOffError(Exception):
    """The machine went away."""


class LineTask:
    """Learns to multiply by 2, with dropout; ``figures`` replace what the network is worth after each epoch."""

    def __init__(self, identity: str = "line", figures: Sequence[float] = (), course: Course = COURSE) -> None:
        torch.manual_seed(0)
        self.identity, self.seed, self.course = identity, SEED, course
        self.net = nn.Sequential(nn.Linear(1, 8), nn.Dropout(0.5), nn.Linear(8, 1))
        self.weights = self.net.state_dict()
        self.groups = parameter_groups(self.net.named_parameters(), lambda name: 1e-2, 0.01)
        self.inputs = torch.linspace(-1, 1, 12).unsqueeze(1)
        self.scored: list[dict[str, Tensor]] = []
        self._figures = figures

    def train_mode(self) -> None:
        self.net.train()

    def batches(self, epoch: int) -> Sequence[NDArray[np.int64]]:
        return np.array_split(np.random.default_rng((SEED, epoch)).permutation(12), 4)

    def loss(self, rows: NDArray[np.int64], epoch: int, step: int) -> Tensor:
        return nn.functional.mse_loss(self.net(self.inputs[rows]), 2 * self.inputs[rows])

    def score(self) -> tuple[float, str]:
        self.scored.append({name: tensor.clone() for name, tensor in self.net.state_dict().items()})
        if self._figures:
            return self._figures[len(self.scored) - 1], ""
        loss = nn.functional.mse_loss(self.net.eval()(self.inputs), 2 * self.inputs)
        return -float(loss.detach()), ""


def silent(what: str, step: int, steps: int, remark: str) -> None:
    """Nobody watches."""


def interrupt_at(epoch: int, step: int) -> Progress:
    def progress(what: str, done: int, steps: int, remark: str) -> None:
        if (what, done) == (f"epoch {epoch}", step):
            raise CutOffError

    return progress


def train(task: LineTask, folder: Path, progress: Progress = silent) -> State:
    return TrainingLoop(task, folder, progress).run()


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(("epoch", "step"), [(1, 3), (2, 1), (2, 4), (3, 2)])
def test_an_interrupted_run_ends_with_the_same_weights(
    epoch: int, step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_loop, "_CHECKPOINT_SECONDS", 0.0)
    whole, resumed = LineTask(figures=(0.1, 0.2, 0.3)), LineTask(figures=(0.1, 0.2, 0.3))
    state = train(whole, tmp_path / "whole")
    with pytest.raises(CutOffError):
        train(resumed, tmp_path / "resumed", interrupt_at(epoch, step))
    torch.rand(100)  # a new process has other random numbers
    assert train(resumed, tmp_path / "resumed") == state
    assert same(resumed.weights, whole.weights)


def test_training_stops_after_patience_and_keeps_the_best_weights(tmp_path: Path) -> None:
    task = LineTask(figures=(0.5, 0.7, 0.6, 0.7, 0.9), course=replace(COURSE, epochs=5, patience=2))
    state = train(task, tmp_path)
    assert (state.epoch, state.best_epoch, state.best) == (4, 2, 0.7)
    assert same(task.weights, task.scored[1])


def test_without_an_average_the_latest_weights_are_scored(tmp_path: Path) -> None:
    latest: list[dict[str, Tensor]] = []
    task = LineTask(figures=(0.1, 0.2, 0.3), course=replace(COURSE, average=0.0))

    def remember(what: str, step: int, steps: int, remark: str) -> None:
        if step == 4:
            latest.append({name: tensor.clone() for name, tensor in task.weights.items()})

    train(task, tmp_path / "latest", remember)
    assert all(same(*pair) for pair in zip(latest, task.scored, strict=True))
    latest.clear()
    task = LineTask(figures=(0.1, 0.2, 0.3))
    train(task, tmp_path / "average", remember)
    assert not any(same(*pair) for pair in zip(latest, task.scored, strict=True))


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    first, again = LineTask(), LineTask()
    state = train(first, tmp_path)
    assert train(again, tmp_path) == state
    assert again.scored == []
    assert same(first.weights, again.weights)


def test_a_checkpoint_of_another_run_is_refused_by_name(tmp_path: Path) -> None:
    train(LineTask("one"), tmp_path)
    with pytest.raises(TrainingDataError, match=r"checkpoint\.pt belongs to a run with another recipe"):
        train(LineTask("two"), tmp_path)


@pytest.mark.parametrize("fall", [cosine, linear])
def test_rates_fall_from_one_to_zero(fall: Callable[[float], float]) -> None:
    factors = [fall(share) for share in np.linspace(0, 1, 11)]
    assert (factors[0], factors[-1]) == pytest.approx((1.0, 0.0))
    assert factors == sorted(factors, reverse=True)
