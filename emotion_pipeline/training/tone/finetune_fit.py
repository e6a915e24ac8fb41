"""The training loop of a wav2vec2 tone model: head and upper layers, rates by layer, stopping, checkpoints.

What the windows are comes from ``finetune_data``, the network from ``starting_point``. A run that is cut off goes on
from its last checkpoint and ends with the same weights as one that was not.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emotion_pipeline.engine.common.errors import TrainingDataError
from emotion_pipeline.engine.models.devices import Precision, TorchDevice
from emotion_pipeline.engine.tone.labels import ACOUSTIC_TONES
from emotion_pipeline.engine.tone.wav2vec2.loaded_checkpoint import scaled
from emotion_pipeline.engine.tone.wav2vec2.network import SpeechNetwork
from emotion_pipeline.training import checkpoint as training_checkpoint
from emotion_pipeline.training.tone import metrics
from emotion_pipeline.training.tone.finetune_data import LabelledSpeech, Split, Window

_LAYER: Final = re.compile(r"^wav2vec2\.encoder\.layers\.(\d+)\.")
_LAST_NORM: Final = "wav2vec2.encoder.layer_norm."
_SCORED_TOGETHER: Final = 16
_LARGEST_GRADIENT: Final = 1.0

Floats = NDArray[np.float64]
# Called with what is being done, the step, the number of steps, and a remark.
Progress = Callable[[str, int, int, str], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a checkpoint is fine-tuned. Rates are for AdamW, risen to in the share ``warmup`` of all steps, then falling.

    ``layers``: how many of the upper layers learn beside the head. ``layer_decay`` multiplies the rate from a layer to
    the one below. ``patience``: epochs without a better figure for the held-out speakers after which training stops.
    """

    epochs: int = 12
    batch: int = 16
    layers: int = 6
    encoder_rate: float = 3e-5
    head_rate: float = 1e-3
    layer_decay: float = 0.85
    weight_decay: float = 0.01
    warmup: float = 0.1
    smoothing: float = 0.05
    patience: int = 3


@dataclass
class _State:
    """What a checkpoint holds beside weights and optimiser."""

    epoch: int = 0
    step: int = 0
    best: float = -1.0
    best_epoch: int = 0
    since_best: int = 0


class ToneFit:
    """One run of training; ``identity`` names everything that it is made of, so that no other run takes it up."""

    def __init__(
        self,
        network: SpeechNetwork,
        scales_input: bool,
        speech: LabelledSpeech,
        split: Split,
        recipe: Recipe,
        folder: Path,
        *,
        identity: str,
        seed: int,
        device: TorchDevice,
        precision: Precision,
        progress: Progress,
    ) -> None:
        self.network, self.scales_input = network.to(device), scales_input
        self.network.precision = precision
        self.speech, self.split, self.recipe = speech, split, recipe
        self.folder, self.identity, self.seed, self.progress = folder, identity, seed, progress
        self.state = _State()
        self.learning = learning_parameters(self.network, recipe.layers)
        self.network.requires_grad_(False)
        for parameter in self.learning.values():
            parameter.requires_grad_(True)
        self.best = self._weights()
        self.windows = speech.windows_of(split.train)
        self.per_epoch = -(-len(self.windows) // recipe.batch)
        self.optimizer = torch.optim.AdamW(parameter_groups(self.network, self.learning, recipe))
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._rate)
        self.importance = importance_of(speech, self.windows)

    def run(self) -> SpeechNetwork:
        """Train to the end, from the last checkpoint where there is one; returns the best network, in eval mode."""
        self._resume()
        while self.state.epoch < self.recipe.epochs and self.state.since_best < self.recipe.patience:
            self._epoch()
            self._judge_epoch()
        self._put(self.best)
        return self.network.eval()

    def log_probabilities(self, clips: NDArray[np.int64]) -> Floats:
        """What the network makes of whole clips: mean log-probabilities over their windows, shape ``(n, 4)``."""
        self.network.eval()
        windows = self.speech.windows_of(clips)
        sums: dict[int, Floats] = {}
        counts: dict[int, int] = {}
        for batch in _parts(sorted(windows, key=lambda one: one.stop - one.start), _SCORED_TOGETHER):
            with torch.inference_mode():
                rows = self.network(self._waves(batch)).float().log_softmax(dim=-1).cpu().double().numpy()
            for window, row in zip(batch, rows, strict=True):
                sums[window.clip] = sums.get(window.clip, np.zeros(len(ACOUSTIC_TONES))) + row
                counts[window.clip] = counts.get(window.clip, 0) + 1
        return np.stack([sums[clip] / counts[clip] for clip in clips.tolist()])

    def _epoch(self) -> None:
        _train_mode(self.network, self.recipe.layers)
        order = np.random.default_rng((self.seed, self.state.epoch)).permutation(len(self.windows)).tolist()
        batches = list(_parts(order, self.recipe.batch))
        done, loss = self.state.step, 0.0
        for number, rows in enumerate(batches[done:], start=done + 1):
            loss += self._step(rows)
            self.state.step = number
            self.progress(f"epoch {self.state.epoch + 1}", number, len(batches), f"{loss / (number - done):.4f}")
        self.state.epoch, self.state.step = self.state.epoch + 1, 0

    def _step(self, rows: list[int]) -> float:
        windows = [self.windows[row] for row in rows]
        tones = torch.from_numpy(self.speech.tones[[one.clip for one in windows]]).to(self.network.device)
        importance = torch.from_numpy(self.importance[rows]).to(self.network.device)
        logits = self.network(self._waves(windows))
        costs = nn.functional.cross_entropy(logits, tones, reduction="none", label_smoothing=self.recipe.smoothing)
        loss = (costs * importance).mean()
        loss.backward()
        nn.utils.clip_grad_norm_(self.learning.values(), _LARGEST_GRADIENT)
        self.optimizer.step()
        self.scheduler.step()
        self.optimizer.zero_grad(set_to_none=True)
        return float(loss.detach())

    def _waves(self, windows: Sequence[Window]) -> list[Tensor]:
        waves = (torch.from_numpy(self.speech.samples(one)).to(self.network.device) for one in windows)
        return [scaled(wave) if self.scales_input else wave for wave in waves]

    def _judge_epoch(self) -> None:
        found, truth = self.log_probabilities(self.split.dev), self.speech.tones[self.split.dev]
        uar = metrics.unweighted_average_recall(truth, found.argmax(axis=1), len(ACOUSTIC_TONES))
        # Recall moves in large steps where there are few clips; likelihood decides between equals.
        figure = uar + 1e-3 * float(np.exp(found[np.arange(len(truth)), truth].mean()))
        self.progress(f"epoch {self.state.epoch}", 0, 0, f"held-out recall {uar:.4f}")
        self.state.since_best += 1
        if figure > self.state.best:
            self.state.best, self.state.best_epoch, self.state.since_best = figure, self.state.epoch, 0
            self.best = self._weights()
        self._save()

    def _rate(self, step: int) -> float:
        total = self.per_epoch * self.recipe.epochs
        warm = max(1, int(total * self.recipe.warmup))
        return (step + 1) / warm if step < warm else max(0.0, (total - step) / max(1, total - warm))

    def _weights(self) -> dict[str, Tensor]:
        return {name: parameter.detach().clone() for name, parameter in self.learning.items()}

    @torch.no_grad()
    def _put(self, weights: dict[str, Tensor]) -> None:
        for name, parameter in self.learning.items():
            parameter.copy_(weights[name])

    def _save(self) -> None:
        training_checkpoint.save(
            self.folder,
            self.optimizer,
            self.scheduler,
            identity=self.identity,
            state=asdict(self.state),
            weights=self._weights(),
            best=self.best,
        )

    def _resume(self) -> None:
        content = training_checkpoint.load(self.folder, self.network.device)
        if content is None:
            return
        if content["identity"] != self.identity:
            raise TrainingDataError(
                f"{self.folder / training_checkpoint.NAME} belongs to a run with another checkpoint, other clips or "
                f"another recipe: name another folder for unfinished work, or delete it."
            )
        self.state = _State(**content["state"])
        self._put(content["weights"])
        self.best = content["best"]
        training_checkpoint.restore(content, self.optimizer, self.scheduler)


def learning_parameters(network: SpeechNetwork, layers: int) -> dict[str, nn.Parameter]:
    """By name, what learns: everything behind the encoder, and of the encoder its upper ``layers`` and last norm."""
    first = network.config.num_hidden_layers - layers
    return {
        name: parameter
        for name, parameter in network.named_parameters()
        if not name.startswith("wav2vec2.")
        or ((found := _LAYER.match(name)) and int(found[1]) >= first)
        or (layers and name.startswith(_LAST_NORM))
    }


def parameter_groups(network: SpeechNetwork, learning: dict[str, nn.Parameter], recipe: Recipe) -> list[dict[str, Any]]:
    """Groups for AdamW: the rate falls from layer to layer, and vectors do not decay."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in learning.items():
        found = _LAYER.match(name)
        depth = network.config.num_hidden_layers - 1 - int(found[1]) if found else 0
        inside = name.startswith("wav2vec2.")
        rate = recipe.encoder_rate * recipe.layer_decay**depth if inside else recipe.head_rate
        groups.setdefault((rate, recipe.weight_decay if parameter.ndim > 1 else 0.0), []).append(parameter)
    return [{"params": members, "lr": rate, "weight_decay": decay} for (rate, decay), members in groups.items()]


def _train_mode(network: SpeechNetwork, layers: int) -> None:
    """Dropout where something learns, and nowhere else: what is frozen gives the same states every time."""
    network.train()
    network.wav2vec2.eval()
    all_layers = cast(nn.ModuleList, network.wav2vec2.encoder.layers)
    for layer in list(all_layers)[len(all_layers) - layers :]:
        layer.train()


def importance_of(speech: LabelledSpeech, windows: Sequence[Window]) -> NDArray[np.float32]:
    """How much each window counts, 1 on average: all tones the same, and a clip the same however long it is."""
    clips = np.array([window.clip for window in windows])
    of_clip = 1.0 / np.bincount(clips, minlength=len(speech.clips))[clips]
    tones = speech.tones[clips]
    of_tone = np.bincount(tones, weights=of_clip, minlength=len(ACOUSTIC_TONES))[tones]
    counted = of_clip / of_tone
    return (counted / counted.mean()).astype(np.float32)


def _parts(items: Sequence[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
