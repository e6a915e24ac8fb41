"""A committee of small classifiers, applied with numpy: no training, no framework.

A member is either a chain of dense layers with a rectifier between them (of one layer: a logistic regression), or a
kernel machine, which compares with examples instead. The committee's opinion is the mean of its members'
log-probabilities.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

Floats = NDArray[np.float64]
# Weights, shape ``(n_in, n_out)``, and offsets, shape ``(n_out,)``.
Layer = tuple[Floats, Floats]

_NEAREST: Final = 5


class Member(Protocol):
    """One opinion."""

    @property
    def depth(self) -> int:
        """Number of layers; 0 for a kernel machine."""
        ...

    def logits(self, inputs: Floats) -> Floats:
        """Scores, shape ``(n, n_classes)``, of ``inputs``, shape ``(n, n_features)``."""
        ...

    def tensors(self) -> dict[str, Floats]:
        """Arrays by name."""
        ...


@dataclass(frozen=True, slots=True)
class Chain:
    """Dense layers with a rectifier between them."""

    layers: tuple[Layer, ...]

    @property
    def depth(self) -> int:
        return len(self.layers)

    def logits(self, inputs: Floats) -> Floats:
        values = inputs
        for weights, offsets in self.layers[:-1]:
            values = np.maximum(values @ weights + offsets, 0)
        weights, offsets = self.layers[-1]
        return values @ weights + offsets

    def tensors(self) -> dict[str, Floats]:
        return {
            f"{n}.{name}": array
            for n, layer in enumerate(self.layers)
            for name, array in zip(("weights", "offsets"), layer, strict=True)
        }


@dataclass(frozen=True, slots=True)
class KernelMachine:
    """A linear map of how alike an input is to each of some examples, by a Gaussian kernel."""

    # Shape ``(n_landmarks, n_features)``.
    landmarks: Floats
    # Likeness is ``exp(-steepness * squared distance)``.
    steepness: float
    output: Layer

    @property
    def depth(self) -> int:
        return 0

    def likeness(self, inputs: Floats) -> Floats:
        """Shape ``(n, n_landmarks)``, in (0, 1]."""
        return np.exp(-self.steepness * self.distances(inputs))

    def distances(self, inputs: Floats) -> Floats:
        """Squared distances to the examples, shape ``(n, n_landmarks)``."""
        own, theirs = (inputs**2).sum(axis=1), (self.landmarks**2).sum(axis=1)
        return np.maximum(own[:, None] + theirs - 2 * inputs @ self.landmarks.T, 0)

    def logits(self, inputs: Floats) -> Floats:
        weights, offsets = self.output
        return self.likeness(inputs) @ weights + offsets

    def tensors(self) -> dict[str, Floats]:
        weights, offsets = self.output
        steepness = np.array([self.steepness])
        return {"landmarks": self.landmarks, "steepness": steepness, "weights": weights, "offsets": offsets}


@dataclass(frozen=True, slots=True)
class Committee:
    """Members that map the same features to the same classes."""

    members: tuple[Member, ...]

    def log_probabilities(self, inputs: Floats) -> Floats:
        """Mean log-probability, shape ``(n, n_classes)``, of ``inputs``, shape ``(n, n_features)``; not calibrated."""
        opinions = [log_softmax(member.logits(inputs), axis=1) for member in self.members]
        return log_softmax(np.mean(opinions, axis=0), axis=1)

    def novelty(self, inputs: Floats) -> Floats:
        """Mean squared distance per feature to the nearest known examples, shape ``(n,)``; 0 where none are kept."""
        machines = [member for member in self.members if isinstance(member, KernelMachine)]
        if not machines:
            return np.zeros(len(inputs))
        distances = (np.sort(machine.distances(inputs), axis=1)[:, :_NEAREST] for machine in machines)
        return np.mean([near.mean(axis=1) for near in distances], axis=0) / inputs.shape[1]

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """Arrays by name, for example ``member.layer.weights``."""
        named = ((m, name, array) for m, member in enumerate(self.members) for name, array in member.tensors().items())
        return {f"{m}.{name}": array.astype(np.float32) for m, name, array in named}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[np.float32]], depths: Sequence[int]) -> "Committee":
        """The committee that ``tensors`` came from; ``depths`` is the number of layers of each member.

        Raises ``KeyError`` for an array that is missing.
        """
        exact = {name: array.astype(np.float64) for name, array in tensors.items()}
        return cls(tuple(_member(exact, str(m), depth) for m, depth in enumerate(depths)))


def _member(tensors: Mapping[str, Floats], name: str, depth: int) -> Member:
    def layer(prefix: str) -> Layer:
        return tensors[f"{prefix}.weights"], tensors[f"{prefix}.offsets"]

    if depth:
        return Chain(tuple(layer(f"{name}.{n}") for n in range(depth)))
    steepness = float(tensors[f"{name}.steepness"][0])
    return KernelMachine(tensors[f"{name}.landmarks"], steepness, layer(name))
