"""How loud a recording and its speakers are: integrated loudness and loudness range, heard as a stream.

ITU-R BS.1770-4 (K-weighting, blocks of 400 ms that overlap by 75 %, gates at -70 LUFS and 10 LU below the mean) and EBU
Tech 3342 (range: 10th to 95th percentile of blocks of 3 s, gates at -70 LUFS and 20 LU below the mean). Only the power
of every 100 ms is kept, so an hour takes 0.3 MB a channel.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Span, Waveform

STEPS_PER_SECOND: Final = 10
_STEP: Final = SAMPLE_RATE // STEPS_PER_SECOND
_BLOCK_STEPS: Final = 4
_RANGE_STEPS: Final = 30
_OFFSET: Final = -0.691
_SILENT_LUFS: Final = -70.0
_GATE_LU: Final = 10.0
_RANGE_GATE_LU: Final = 20.0
_RANGE_PERCENTILES: Final = (10, 95)

# float64, shape (n_channels, n_steps): mean square of every 100 ms after K-weighting.
Powers = NDArray[np.float64]


def powers(blocks: Iterable[Waveform]) -> Powers:
    """Return the K-weighted power of every whole 100 ms of each channel.

    :param blocks: float32, shape (n_channels, n), 16 kHz, successive, as ``decode.stream`` yields them
    """
    from scipy.signal import sosfilt  # half a second, which whoever only names this stage need not wait for

    state: NDArray[np.float64] | None = None
    rest: NDArray[np.float64] | None = None
    parts: list[Powers] = []
    for block in blocks:
        if state is None:
            state = np.zeros((len(_K_WEIGHTING), len(block), 2))
        weighted, state = sosfilt(_K_WEIGHTING, block.astype(np.float64), axis=-1, zi=state)
        weighted = weighted if rest is None else np.concatenate([rest, weighted], axis=1)
        whole = weighted.shape[1] // _STEP * _STEP
        parts.append(np.square(weighted[:, :whole]).reshape(len(weighted), -1, _STEP).mean(axis=2))
        rest = weighted[:, whole:]
    return np.concatenate(parts, axis=1) if parts else np.zeros((1, 0))


def integrated(stretches: Sequence[Powers]) -> float | None:
    """Return the loudness of stretches of sound in LUFS, channels summed; None where none passes the gates.

    :param stretches: successive or not; a block of 400 ms lies in one of them
    """
    blocks = _means(stretches, _BLOCK_STEPS)
    loud = blocks[_lufs(blocks) > _SILENT_LUFS]
    if not loud.size:
        return None
    gated = loud[_lufs(loud) > _lufs(loud.mean()) - _GATE_LU]
    return float(_lufs(gated.mean()))


def loudness_range(stretches: Sequence[Powers]) -> float | None:
    """Return by how many LU the loudness varies; None for less than 3 s of sound."""
    blocks = _means(stretches, _RANGE_STEPS)
    loud = blocks[_lufs(blocks) > _SILENT_LUFS]
    if not loud.size:
        return None
    gated = _lufs(loud)[_lufs(loud) > _lufs(loud.mean()) - _RANGE_GATE_LU]
    low, high = np.percentile(gated, _RANGE_PERCENTILES)
    return float(high - low)


def stretches_of(recording: Powers, spans: Iterable[Span], channel: int | None) -> list[Powers]:
    """Return what lies wholly in the spans, of one channel or, with None, of all."""
    rows = recording if channel is None else recording[channel : channel + 1]
    cuts = [(math.ceil(span.start * STEPS_PER_SECOND), math.floor(span.end * STEPS_PER_SECOND)) for span in spans]
    return [rows[:, first:last] for first, last in cuts if last > first]


def _means(stretches: Sequence[Powers], steps: int) -> NDArray[np.float64]:
    """Return the mean power of every block of so many steps, one beginning with each step."""
    means = []
    for stretch in stretches:
        if stretch.shape[1] >= steps:
            sums = np.cumsum(np.concatenate([[0.0], stretch.sum(axis=0)]))
            means.append((sums[steps:] - sums[:-steps]) / steps)
    return np.concatenate(means) if means else np.zeros(0)


def _lufs(power: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
    return _OFFSET + 10 * np.log10(np.maximum(power, 1e-20))


def _section(gain_db: float, quality: float, frequency: float) -> list[float]:
    """Return a second-order section: a high shelf, or with no gain a high pass.

    BS.1770 gives coefficients for 48 kHz only; these are the analogue filters behind them, at our rate (De Man 2014,
    "Evaluation of implementations of the EBU R128 loudness measurement").
    """
    k = math.tan(math.pi * frequency / SAMPLE_RATE)
    below = 1 + k / quality + k * k
    poles = [1.0, 2 * (k * k - 1) / below, (1 - k / quality + k * k) / below]
    if not gain_db:
        return [1.0, -2.0, 1.0, *poles]
    high = 10 ** (gain_db / 20)
    band = high**0.499666774155
    zeros = [high + band * k / quality + k * k, 2 * (k * k - high), high - band * k / quality + k * k]
    return [*(zero / below for zero in zeros), *poles]


_K_WEIGHTING: Final = np.array(
    [
        _section(3.999843853973347, 0.7071752369554196, 1681.974450955533),
        _section(0.0, 0.5003270373238773, 38.13547087602444),
    ]
)
