"""Fine-tuning of a wav2vec2 tone model: what learns, from which windows, at which rates.

What the windows are comes from ``finetune_data``, the network from ``starting_point``; the loop itself is
``training.loop``.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emotion_pipeline.engine.models.devices import Precision, TorchDevice
from emotion_pipeline.engine.tone.labels import ACOUSTIC_TONES
from emotion_pipeline.engine.tone.wav2vec2.loaded_checkpoint import scaled
from emotion_pipeline.engine.tone.wav2vec2.network import SpeechNetwork
from emotion_pipeline.training.loop import Course, linear, parameter_groups
from emotion_pipeline.training.tone import metrics
from emotion_pipeline.training.tone.finetune_data import LabelledSpeech, Split, Window

_LAYER: Final = re.compile(r"^wav2vec2\.encoder\.layers\.(\d+)\.")
_LAST_NORM: Final = "wav2vec2.encoder.layer_norm."
_SCORED_TOGETHER: Final = 16

Floats = NDArray[np.float64]
_Items = TypeVar("_Items", list[Window], NDArray[np.int64])


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a checkpoint is fine-tuned. Rates are for AdamW: they rise over the share ``warmup`` of all steps, then fall.

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


class ToneTask:
    """A ``Task``: a network whose head and upper layers learn from the windows of the speakers in ``split.train``.

    ``identity`` names everything that the run is made of.
    """

    def __init__(
        self,
        network: SpeechNetwork,
        scales_input: bool,
        speech: LabelledSpeech,
        split: Split,
        recipe: Recipe,
        *,
        identity: str,
        seed: int,
        device: TorchDevice,
        precision: Precision,
    ) -> None:
        self._network, self._scales_input = network.to(device), scales_input
        self._network.precision = precision
        self.identity, self.seed = identity, seed
        self.course = Course(recipe.epochs, recipe.patience, recipe.warmup, linear)
        learning = learning_parameters(network, recipe.layers)
        network.requires_grad_(False)
        for parameter in learning.values():
            parameter.requires_grad_(True)
        self.weights = {name: parameter.data for name, parameter in learning.items()}
        self.groups = tone_groups(network, learning, recipe)
        self._speech, self._split, self._recipe = speech, split, recipe
        self._windows = speech.windows_of(split.train)
        self._importance = importance_of(speech, self._windows)

    def train_mode(self) -> None:
        _train_mode(self._network, self._recipe.layers)

    def batches(self, epoch: int) -> Sequence[NDArray[np.int64]]:
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self._windows))
        return list(_parts(order, self._recipe.batch))

    def loss(self, rows: NDArray[np.int64], epoch: int, step: int) -> Tensor:
        windows = [self._windows[row] for row in rows]
        tones = torch.from_numpy(self._speech.tones[[window.clip for window in windows]]).to(self._network.device)
        importance = torch.from_numpy(self._importance[rows]).to(self._network.device)
        logits = self._network(self._waves(windows))
        costs = nn.functional.cross_entropy(logits, tones, reduction="none", label_smoothing=self._recipe.smoothing)
        return (costs * importance).mean()

    def score(self) -> tuple[float, str]:
        chances, truth = self.log_probabilities(self._split.dev), self._speech.tones[self._split.dev]
        uar = metrics.unweighted_average_recall(truth, chances.argmax(axis=1), len(ACOUSTIC_TONES))
        # Recall moves in large steps where there are few clips; likelihood decides between equals.
        likelihood = float(np.exp(chances[np.arange(len(truth)), truth].mean()))
        return uar + 1e-3 * likelihood, f"held-out recall {uar:.4f}"

    def log_probabilities(self, clips: NDArray[np.int64]) -> Floats:
        """Return mean log-probabilities over the windows of whole clips, shape ``(n, 4)``."""
        self._network.eval()
        windows = self._speech.windows_of(clips)
        sums: dict[int, Floats] = {}
        counts: dict[int, int] = {}
        for batch in _parts(sorted(windows, key=lambda window: window.stop - window.start), _SCORED_TOGETHER):
            with torch.inference_mode():
                rows = self._network(self._waves(batch)).float().log_softmax(dim=-1).cpu().double().numpy()
            for window, row in zip(batch, rows, strict=True):
                sums[window.clip] = sums.get(window.clip, np.zeros(len(ACOUSTIC_TONES))) + row
                counts[window.clip] = counts.get(window.clip, 0) + 1
        return np.stack([sums[clip] / counts[clip] for clip in clips.tolist()])

    def _waves(self, windows: Sequence[Window]) -> list[Tensor]:
        waves = (torch.from_numpy(self._speech.samples(window)).to(self._network.device) for window in windows)
        return [scaled(wave) if self._scales_input else wave for wave in waves]


def learning_parameters(network: SpeechNetwork, layers: int) -> dict[str, nn.Parameter]:
    """Return by name what learns: all outside the encoder, and the encoder's upper ``layers`` and last norm."""
    first = network.config.num_hidden_layers - layers
    return {
        name: parameter
        for name, parameter in network.named_parameters()
        if not name.startswith("wav2vec2.")
        or ((layer := _LAYER.match(name)) and int(layer[1]) >= first)
        or (layers and name.startswith(_LAST_NORM))
    }


def tone_groups(network: SpeechNetwork, learning: dict[str, nn.Parameter], recipe: Recipe) -> list[dict[str, Any]]:
    """Return groups for AdamW: the rate falls from layer to layer; the head has a rate of its own."""
    top = network.config.num_hidden_layers - 1

    def rate_of(name: str) -> float:
        layer = _LAYER.match(name)
        depth = top - int(layer[1]) if layer else 0
        return recipe.encoder_rate * recipe.layer_decay**depth if name.startswith("wav2vec2.") else recipe.head_rate

    return parameter_groups(learning.items(), rate_of, recipe.weight_decay)


def _train_mode(network: SpeechNetwork, layers: int) -> None:
    """Use dropout only where something learns, so that frozen layers give the same states every time."""
    network.train()
    network.wav2vec2.eval()
    all_layers = cast(nn.ModuleList, network.wav2vec2.encoder.layers)
    for layer in list(all_layers)[len(all_layers) - layers :]:
        layer.train()


def importance_of(speech: LabelledSpeech, windows: Sequence[Window]) -> NDArray[np.float32]:
    """Return the weight of each window, mean 1: all tones weigh the same, and a clip the same whatever its length."""
    clips = np.array([window.clip for window in windows])
    of_clip = 1.0 / np.bincount(clips, minlength=len(speech.clips))[clips]
    tones = speech.tones[clips]
    of_tone = np.bincount(tones, weights=of_clip, minlength=len(ACOUSTIC_TONES))[tones]
    counted = of_clip / of_tone
    return (counted / counted.mean()).astype(np.float32)


def _parts(items: _Items, size: int) -> Iterator[_Items]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
