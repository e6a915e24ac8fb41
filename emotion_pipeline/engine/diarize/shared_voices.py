"""What two channels of a call have in common: by how much it is later on one, and whose voice it is, frame by frame.

Two recordings of one voice are coherent at one lag, of either sign and polarity, whatever their levels; two people are
coherent at none. What a channel keeps of it is decided in ``bleed``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d
from scipy.signal import butter, sosfilt

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Waveform

HOP_S: Final = 0.01
# Lags are counted in samples at half the rate: a telephone carries no more.
_RATE: Final = SAMPLE_RATE // 2
_HOP: Final = round(HOP_S * _RATE)
# What a telephone carries: no leak is complete outside.
LOWEST_HZ, HIGHEST_HZ = 150.0, 3700.0
# Samples at the full rate over which a correlation is taken: four seconds.
_BLOCK: Final = 65_536
_SMALLEST: Final = 1e-9

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SharedRules:
    """When two channels share a voice and whose it is, in seconds and decibels.

    Chosen on the mixes of ``benchmarks.two_channels``.
    """

    # Lines, echoes, recorders that start apart.
    farthest_lag: float = 0.4
    # A peak of the correlation is certain from so many standard deviations on, and minor below this share of the first.
    certain_peak: float = 7.0
    minor_peak: float = 0.15
    most_lags: int = 6
    # Coherence from which on a frame is shared: one voice has 0.5 to 1, two people have below 0.1.
    coherence: float = 0.35
    # Over which coherence and levels are taken; a syllable.
    context: float = 0.3
    # Quieter frames than this share of a channel's loud ones tell nothing of levels.
    loud: float = 0.1
    # Two voices: at least this share of the shared frames each, their levels on both sides of 0 dB or this far apart.
    least_share: float = 0.1
    beside_zero: float = 0.3
    far_apart: float = 3.0
    # A lag is one person's where the frames of theirs outnumber the other's by this share of all.
    of_one: float = 0.8
    # A single voice: by its level from here on. Below, it belongs to the side that has nothing else to say for itself,
    # from so many seconds on that the other has, four times as many; else to the louder by this; else to the earlier.
    clear_level: float = 6.0
    alone: float = 0.5
    least_level: float = 0.5
    least_lag: float = 0.0003


@dataclass(frozen=True, slots=True)
class SharedVoices:
    """What one channel shares with the other."""

    # Frames of 10 ms by which the other's voices are later on this channel; empty where nothing is certain.
    lags: tuple[int, ...]
    # For each frame 1 where a shared voice is this channel's own, -1 where it is the other's, else 0.
    owner: NDArray[np.int8]


def shared_voices(
    waveform: Waveform, voiced: Sequence[Flags], rules: SharedRules | None = None
) -> tuple[SharedVoices, SharedVoices, bool]:
    """Return what each of two channels shares with the other, and whether it is decided whose it is.

    :param waveform: float32, shape (2, n_samples), 16 kHz
    :param voiced: for each channel the frames of 10 ms in which somebody is heard
    :return: an undecided voice is the first channel's
    """
    rules = rules or SharedRules()
    n_frames = len(voiced[0])
    lags = _lags(waveform, rules)
    if not lags:
        nobody = SharedVoices((), np.zeros(n_frames, dtype=np.int8))
        return nobody, nobody, True
    late = [round(lag / _HOP) for lag in lags]
    scores, levels = np.empty((2, len(lags), n_frames))
    in_band = _in_band(waveform)
    for index, lag in enumerate(lags):
        coherence, levels[index], is_loud = _compared(in_band, lag, n_frames, rules)
        scores[index] = coherence * (voiced[0] & shifted(voiced[1], -late[index]) & is_loud)
    best = scores.argmax(axis=0)
    alike = scores.max(axis=0) >= rules.coherence
    alone = _alone(voiced, alike, best, late)
    level = levels[best, np.arange(n_frames)]
    first, is_decided = _owners(level[alike], best[alike], np.array(lags) / _RATE, alone, rules)
    owner = np.zeros((2, n_frames), dtype=np.int8)
    owner[0, alike] = first
    for index, frames in enumerate(late):
        there = shifted(np.where(best == index, owner[0], 0), frames)
        owner[1] = np.where(there != 0, -there, owner[1])
    sides = {side: {late[kind] for kind in np.unique(best[alike][first == side])} for side in (1, -1)}
    return (
        SharedVoices(tuple(-frames for frames in sides[-1]), owner[0]),
        SharedVoices(tuple(sides[1]), owner[1]),
        is_decided,
    )


def shifted(values: NDArray[Any], by: int) -> NDArray[Any]:
    """Return values later by so many places, earlier below 0, and zero where there are none."""
    moved = np.zeros_like(values)
    length = max(0, len(values) - abs(by))
    moved[max(0, by) :][:length] = values[max(0, -by) :][:length]
    return moved


def widened(flags: Flags, frames: int) -> Flags:
    """Return flags that also hold so many frames before and after those that are set."""
    return np.asarray(maximum_filter1d(flags, 2 * frames + 1), dtype=bool)


def _lags(waveform: Waveform, rules: SharedRules) -> list[int]:
    """Return by how many samples the second channel may be later than the first, the most certain one first.

    Generalised cross-correlation with phase transform (Knapp and Carter 1976), summed over blocks of four seconds.
    """
    lowest, highest = (round(hertz * 2 * _BLOCK / SAMPLE_RATE) for hertz in (LOWEST_HZ, HIGHEST_HZ))
    total = np.zeros(_BLOCK + 1, dtype=np.complex128)
    for start in range(0, waveform.shape[1], _BLOCK):
        first, second = np.fft.rfft(waveform[:, start : start + _BLOCK], 2 * _BLOCK)[:, lowest:highest]
        cross = second * first.conj()
        total[lowest:highest] += cross / np.maximum(np.abs(cross), _SMALLEST)
    farthest = round(rules.farthest_lag * _RATE)
    correlation = np.fft.irfft(total[: _BLOCK // 2 + 1], _BLOCK)
    correlation = np.abs(np.concatenate([correlation[-farthest:], correlation[: farthest + 1]]))
    # The median of a normal variable's magnitude is 0.6745 standard deviations.
    certain = max(rules.certain_peak * np.median(correlation) / 0.6745, rules.minor_peak * correlation.max())
    peaks = np.flatnonzero((correlation == maximum_filter1d(correlation, 9)) & (correlation > certain))
    return (peaks[np.argsort(-correlation[peaks])][: rules.most_lags] - farthest).tolist()


def _in_band(waveform: Waveform) -> Waveform:
    """Return both channels at 8 kHz, their high frequencies raised, so that not vowels alone are compared."""
    band = butter(4, [LOWEST_HZ, HIGHEST_HZ], "bandpass", fs=SAMPLE_RATE, output="sos")
    return np.diff(np.asarray(sosfilt(band, waveform, axis=1))[:, ::2], axis=1, prepend=0).astype(np.float32)


def _compared(in_band: Waveform, lag: int, n_frames: int, rules: SharedRules) -> tuple[Floats, Floats, Flags]:
    """Return for each frame of the first channel how coherent the second is at a lag, and by how many dB it is louder.

    :return: coherence in [0, 1], level difference, and whether the frame is loud enough for both
    """
    first, second = in_band
    second = shifted(second, -lag)
    products = np.zeros((3, n_frames * _HOP), dtype=np.float32)
    length = min(products.shape[1], len(first))
    for row, (left, right) in enumerate(((first, second), (first, first), (second, second))):
        products[row, :length] = (left * right)[:length]
    frames = products.reshape(3, n_frames, _HOP).sum(axis=2, dtype=np.float64)
    cross, *powers = uniform_filter1d(frames, round(rules.context / HOP_S), axis=1)
    floors = [np.percentile(power, 5) for power in powers]
    above = [np.maximum(power - floor, _SMALLEST) for power, floor in zip(powers, floors, strict=True)]
    loud = [power > rules.loud * np.percentile(power, 90) for power in powers]
    coherence = np.abs(cross) / np.sqrt(np.maximum(powers[0] * powers[1], _SMALLEST**2))
    is_loud = np.asarray(loud[0] | loud[1], dtype=np.bool_)
    return coherence, 10 * np.log10(above[0] / above[1]), is_loud


def _alone(voiced: Sequence[Flags], alike: Flags, best: NDArray[np.intp], late: Sequence[int]) -> tuple[float, float]:
    """Return for each channel how many seconds of its speech are far from anything that it shares."""
    there = np.any([shifted(alike & (best == index), frames) for index, frames in enumerate(late)], axis=0)
    around = round(0.5 / HOP_S)
    first, second = (
        float((speech & ~widened(shared, around)).sum() * HOP_S)
        for speech, shared in zip(voiced, (alike, there), strict=True)
    )
    return first, second


def _owners(
    levels: Floats, kinds: NDArray[np.intp], lags: Floats, alone: tuple[float, float], rules: SharedRules
) -> tuple[NDArray[np.int8], bool]:
    """Return for each shared frame 1 where its voice is the first channel's, -1 where the second's; and if decided.

    Of two voices each is louder on its own channel than the other voice is, whatever the channels' gains.
    """
    if len(levels) == 0:
        return np.zeros(0, dtype=np.int8), True
    low, high, spread, share = _two_levels(levels)
    # One voice's levels scatter around one centre: split, they lie about three of these deviations apart.
    on_both_sides = low < -rules.beside_zero and high > rules.beside_zero and high - low > 2 * spread
    if share < rules.least_share or not (on_both_sides or high - low > max(rules.far_apart, 5 * spread)):
        side, is_decided = _side(float(np.median(levels)), float(np.median(lags[kinds])), alone, rules)
        return np.full(len(levels), side, dtype=np.int8), is_decided
    owner = np.where(levels > (low + high) / 2, 1, -1).astype(np.int8)
    # Where each person has lags of their own, these tell more than the levels of single frames.
    balance = {kind: float(owner[kinds == kind].mean()) for kind in np.unique(kinds)}
    if max(balance.values()) > rules.of_one and min(balance.values()) < -rules.of_one:
        for kind, mean in balance.items():
            if abs(mean) > rules.of_one:
                owner[kinds == kind] = np.sign(mean)
    return owner, True


def _side(level: float, lag: float, alone: tuple[float, float], rules: SharedRules) -> tuple[int, bool]:
    """Return whose a single shared voice is, 1 or -1, and whether anything tells."""
    if abs(level) >= rules.clear_level:
        return (1 if level > 0 else -1), True
    first, second = alone
    if second > rules.alone + 4 * first:
        return 1, True
    if first > rules.alone + 4 * second:
        return -1, True
    if abs(level) >= rules.least_level:
        return (1 if level > 0 else -1), True
    return (1 if lag > -rules.least_lag else -1), abs(lag) >= rules.least_lag


def _two_levels(levels: Floats) -> tuple[float, float, float, float]:
    """Return the two centres of levels, the deviation of most of them from theirs, and the smaller one's share."""
    low, high = np.percentile(levels, [5, 95])
    is_high = levels > (low + high) / 2
    for _ in range(20):
        if is_high.all() or not is_high.any():
            return float(low), float(high), 0.0, 0.0
        low, high = np.median(levels[~is_high]), np.median(levels[is_high])
        is_high = levels > (low + high) / 2
    deviation = float(np.percentile(np.abs(levels - np.where(is_high, high, low)), 70))
    return float(low), float(high), deviation, float(min(is_high.mean(), 1 - is_high.mean()))
