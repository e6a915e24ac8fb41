"""A wav2vec2 tone checkpoint on its device, loaded whole and heard once, and the report of somebody who asks for that.

What makes a checkpoint whole is ``checkpoint``; what is done with logits is ``wav2vec2``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.types import Channel
from emotion_pipeline.engine.models.devices import Precision, TorchDevice
from emotion_pipeline.engine.models.weights import check_outputs
from emotion_pipeline.engine.tone.built_in_clip import excited_clip, subdued_clip
from emotion_pipeline.engine.tone.wav2vec2.checkpoint import load_checkpoint
from emotion_pipeline.engine.tone.wav2vec2.checkpoint_files import CheckpointFiles, checkpoint_at

if TYPE_CHECKING:
    import torch

# Added to a window's variance before it is divided by, as the feature extractor of the checkpoints does.
_SMALLEST_VARIANCE: Final = 1e-7

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What is known of a checkpoint that was loaded whole; one that is not raises instead."""

    source: str
    revision: str
    # Path of the file.
    weights: str
    sha256: str
    n_keys: int
    # ``speech`` or ``stock``, see ``speech_network.Head``.
    head: str
    labels: tuple[str, ...]
    # Difference between the largest and the smallest probability on the built-in clip; 0 is flat.
    spread: float
    # Largest difference between the probabilities of the two built-in clips; 0 hears nothing.
    difference: float
    # Whether two loads of the file give the same logits, bit for bit.
    repeatable: bool


class LoadedCheckpoint:
    """A checkpoint on its device, which was heard to tell two clips apart.

    :raises ArtefactError: it is not whole, or its output is flat; the message names the keys
    """

    def __init__(self, files: CheckpointFiles, device: TorchDevice = "cpu", precision: Precision = "float32") -> None:
        checkpoint = load_checkpoint(files)
        self.labels, self.n_keys = checkpoint.labels, checkpoint.n_keys
        self.network = checkpoint.network.prepare(device, precision)
        self._scales_input = checkpoint.scales_input
        self._file = files.weights
        check_outputs(
            files.weights, self.logits([excited_clip(), subdued_clip()]), "logits", "Name another checkpoint."
        )

    def logits(self, batch: Sequence[Channel]) -> Floats:
        """Logits of one batch, shape ``(len(batch), n_labels)``."""
        import torch

        with torch.inference_mode():
            logits = self.network([self._wave(samples) for samples in batch]).cpu().numpy()
        if not np.isfinite(logits).all():
            raise BackendUnavailableError(
                f"the tone model {self._file} gave values that are not numbers in {self.network.precision}; take "
                f"precision 'float32'"
            )
        return logits

    def states(self, batch: Sequence[Channel]) -> list[Floats]:
        """See ``wav2vec2.Wav2Vec2ToneModel.states``."""
        import torch

        with torch.inference_mode():
            states, lengths = self.network.states([self._wave(samples) for samples in batch])
        return [state[:length].float().cpu().numpy() for state, length in zip(states, lengths, strict=True)]

    def _wave(self, samples: Channel) -> "torch.Tensor":
        """One window as the checkpoint wants it, on the device; scaled by its own samples, never by padding."""
        import torch

        wave = torch.from_numpy(np.ascontiguousarray(samples)).to(self.network.device)
        return scaled(wave) if self._scales_input else wave


def scaled(wave: "torch.Tensor") -> "torch.Tensor":
    """A wave of zero mean and unit variance, as the feature extractor of the checkpoints makes it."""
    return (wave - wave.mean()) / (wave.var(correction=0) + _SMALLEST_VARIANCE).sqrt()


def verify(
    source: str | Path | None = None, revision: str | None = None, sha256: str | None = None, cache: Path | None = None
) -> VerifyReport:
    """Load a checkpoint twice in float32 on the CPU, check all of it, and say what it is; see ``checkpoint_at``.

    :raises BackendUnavailableError: files are missing or cannot be fetched
    :raises ArtefactError: the checkpoint is not whole or its output is flat; the message names the keys
    """
    files = checkpoint_at(source, revision, sha256, cache)
    clips = [excited_clip(), subdued_clip()]
    loaded = LoadedCheckpoint(files)
    first, second = loaded.logits(clips), LoadedCheckpoint(files).logits(clips)
    chances = np.exp(log_probabilities(first))
    return VerifyReport(
        source=files.name,
        revision=files.revision,
        weights=str(files.weights),
        sha256=files.sha256,
        n_keys=loaded.n_keys,
        head=str(loaded.network.head),
        labels=loaded.labels,
        spread=float(np.ptp(chances[0])),
        difference=float(np.abs(chances[0] - chances[1]).max()),
        repeatable=bool((first == second).all()),
    )


def log_probabilities(logits: Floats) -> Floats:
    """Logarithms of the softmax of each row of logits, shape ``(n, n_labels)``."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
