"""A waveform as it is drawn: the lowest and the highest sample of as many stretches as a picture is wide."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Waveform

# Points along a waveform: about one per pixel.
_COLUMNS: Final = 900
_STEP: Final = SAMPLE_RATE // 50


@dataclass(frozen=True, slots=True)
class Envelope:
    """A waveform as it is drawn: times in seconds, and the lowest and the highest sample around each."""

    times: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray
    seconds: float


def envelope_of(blocks: Iterable[Waveform]) -> Envelope:
    """Return the envelope of a recording's first channel, read as a stream, in up to ``_COLUMNS`` equal stretches."""
    lowest: list[np.ndarray] = []
    highest: list[np.ndarray] = []
    for block in blocks:
        edges = np.arange(0, block.shape[1], _STEP)
        lowest.append(np.minimum.reduceat(block[0], edges))
        highest.append(np.maximum.reduceat(block[0], edges))
    low, high = np.concatenate(lowest), np.concatenate(highest)
    width = max(1, -(-len(low) // _COLUMNS))
    starts = np.arange(0, len(low), width)
    seconds = _STEP / SAMPLE_RATE
    return Envelope(
        (starts + width / 2) * seconds,
        np.minimum.reduceat(low, starts),
        np.maximum.reduceat(high, starts),
        len(low) * seconds,
    )
