"""A committee of kernel machines, applied with numpy: no training, no framework.

A machine compares some of the numbers of a vector with those of examples. The committee's scores are the weighted sum
of its machines'; they become probabilities in ``calibration``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.tone.acoustic.measure import sources
from emotion_pipeline.engine.tone.calibration import RawScores
from emotion_pipeline.engine.tone.labels import ACOUSTIC_TONES

Floats = NDArray[np.float64]

# What a machine tells: how much each tone is heard, then valence and arousal around 0.
OUTPUTS: Final = (*ACOUSTIC_TONES, "valence", "arousal")

# From differences of ridge regression's scores, which lie in about [0, 1], to logits.
_SHARPNESS: Final = 5.0


@dataclass(frozen=True, slots=True)
class KernelMachine:
    """A linear map of how alike an input is to each of some examples, by a Gaussian kernel."""

    # Key of ``measure.sources``.
    source: str
    # Shape ``(n_landmarks, n_features of the source)``.
    landmarks: Floats
    # Likeness is ``exp(-steepness * squared distance)``.
    steepness: float
    # Shape ``(n_landmarks, len(OUTPUTS))``.
    output: Floats
    # How much it counts beside the others.
    weight: float

    def likeness(self, inputs: Floats) -> Floats:
        """Shape ``(n, n_landmarks)``, in (0, 1], of vectors, shape ``(n, n_features)``."""
        values = inputs[:, sources()[self.source]]
        squares, landmark_squares = (values**2).sum(axis=1), (self.landmarks**2).sum(axis=1)
        distances = np.maximum(squares[:, None] + landmark_squares - 2 * values @ self.landmarks.T, 0)
        return np.exp(-self.steepness * distances)


@dataclass(frozen=True, slots=True)
class Committee:
    """Machines that map the same vectors to the same outputs, one or more."""

    machines: tuple[KernelMachine, ...]

    def scores(self, inputs: Floats) -> RawScores:
        """Scores of normalised vectors, shape ``(n, n_features)``; not calibrated, all alike far from the examples."""
        outputs = [machine.weight * machine.likeness(inputs) @ machine.output for machine in self.machines]
        mean = np.sum(outputs, axis=0) / sum(machine.weight for machine in self.machines)
        tones = len(ACOUSTIC_TONES)
        return RawScores(_SHARPNESS * mean[:, :tones], np.clip(mean[:, tones:] + 0.5, 0.0, 1.0))

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Arrays by name, for example ``0.landmarks``; landmarks in half precision."""
        named: dict[str, NDArray[Any]] = {}
        for number, machine in enumerate(self.machines):
            named[f"{number}.landmarks"] = machine.landmarks.astype(np.float16)
            named[f"{number}.output"] = machine.output.astype(np.float32)
        return named

    def description(self) -> list[dict[str, Any]]:
        """What ``from_tensors`` needs beside the arrays, a machine each."""
        return [{"source": m.source, "steepness": m.steepness, "weight": m.weight} for m in self.machines]

    @classmethod
    def from_tensors(
        cls, tensors: Mapping[str, NDArray[np.float32]], described: Sequence[Mapping[str, Any]]
    ) -> "Committee":
        """The committee that ``tensors`` and ``described`` came from. Raises ``KeyError`` for what is missing."""
        return cls(
            tuple(
                KernelMachine(
                    str(part["source"]),
                    tensors[f"{number}.landmarks"].astype(np.float64),
                    float(part["steepness"]),
                    tensors[f"{number}.output"].astype(np.float64),
                    float(part["weight"]),
                )
                for number, part in enumerate(described)
            )
        )
