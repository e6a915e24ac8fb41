"""Drawing from a decoder's probabilities so that equal audio gives equal text, whatever else is decoded beside it.

The token with the highest sum of logit / temperature and Gumbel noise is a draw from the softmax of logit / temperature
(Gumbel 1954; Maddison et al., "A* Sampling", NeurIPS 2014). So all that has to be fixed is the noise: it follows from
the samples of the item, the temperature and the place of the token, and no random state is read or changed.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.types import Channel


@dataclass(frozen=True, slots=True)
class Draw:
    """The draws for one item at one temperature above 0."""

    seed: int
    temperature: float

    def noise(self, place: int, n_tokens: int) -> NDArray[np.float32]:
        """Return the noise on each token of the vocabulary at a place of the text, shape (n_tokens,)."""
        bits = np.random.Philox(key=np.array([self.seed, place], dtype=np.uint64))
        # In double precision: an exponential of exactly 0, one in millions of singles, would win over any logit.
        return -np.log(np.random.Generator(bits).standard_exponential(n_tokens)).astype(np.float32)


def draw_for(item: Channel, temperature: float) -> Draw:
    """Return the draws that belong to these samples at this temperature."""
    content = np.ascontiguousarray(item, dtype=np.float32).tobytes() + repr(float(temperature)).encode()
    return Draw(int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big"), temperature)


def noises(draws: Sequence[Draw], place: int, n_tokens: int) -> NDArray[np.float32]:
    """Return the noise of several items at one place, shape (len(draws), n_tokens)."""
    return np.stack([draw.noise(place, n_tokens) for draw in draws])
