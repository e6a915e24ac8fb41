"""A committee of small feed-forward networks, applied with numpy: no training, no framework.

A member is a chain of dense layers with a rectifier between them; a member of one layer is a logistic regression. The
committee's opinion is the mean of its members' log-probabilities.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

Floats = NDArray[np.float64]
Layer = tuple[Floats, Floats]
"""Weights, shape ``(n_in, n_out)``, and offsets, shape ``(n_out,)``."""


@dataclass(frozen=True, slots=True)
class Committee:
    """Members, each a sequence of layers that maps the same features to the same classes."""

    members: tuple[tuple[Layer, ...], ...]

    def log_probabilities(self, inputs: Floats) -> Floats:
        """Mean log-probability, shape ``(n, n_classes)``, of ``inputs``, shape ``(n, n_features)``; not calibrated."""
        opinions = [log_softmax(_forward(member, inputs), axis=1) for member in self.members]
        return log_softmax(np.mean(opinions, axis=0), axis=1)

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """Arrays by name, ``member.layer.weights`` and ``member.layer.offsets``."""
        return {
            f"{m}.{n}.{name}": array.astype(np.float32)
            for m, member in enumerate(self.members)
            for n, layer in enumerate(member)
            for name, array in zip(("weights", "offsets"), layer, strict=True)
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[np.float32]], depths: Sequence[int]) -> "Committee":
        """The committee that ``tensors`` came from; ``depths`` is the number of layers of each member."""

        def layer(m: int, n: int) -> Layer:
            return tensors[f"{m}.{n}.weights"].astype(np.float64), tensors[f"{m}.{n}.offsets"].astype(np.float64)

        return cls(tuple(tuple(layer(m, n) for n in range(depth)) for m, depth in enumerate(depths)))


def _forward(layers: Sequence[Layer], inputs: Floats) -> Floats:
    values = inputs
    for weights, offsets in layers[:-1]:
        values = np.maximum(values @ weights + offsets, 0)
    weights, offsets = layers[-1]
    return values @ weights + offsets
