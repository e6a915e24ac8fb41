"""Cross-talk of a two-sided call: which speech on a channel is its own speaker's, and which leaked from the other.

A headset's microphone picks up its earphone, a telephone line echoes: a voice is then on both channels and would be
transcribed twice. When a voice gets to the other channel and whose it is tells ``shared_voices``. Here each frame is
judged: the spectrum of a leak follows that of the other channel at a constant number of decibels below; that of a
second speaker does not. The audio is left as it is, and so is a leak under its channel's own voice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel, Span, Waveform
from emotion_pipeline.engine.diarize.shared_voices import (
    HIGHEST_HZ,
    HOP_S,
    LOWEST_HZ,
    Flags,
    SharedVoices,
    shared_voices,
    shifted,
    widened,
)

_HOP: Final = round(HOP_S * SAMPLE_RATE)
_FRAME: Final = 512
_BANDS: Final = 20
_FRAMES_AT_ONCE: Final = 4096
# Power of a band in digital silence, far below what 16 bits can hold.
_QUIETEST: Final = 1e-9

# Shape ``(n_frames, n_bands)``.
Powers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LeakRules:
    """When speech on a channel is the other channel's, in seconds and decibels.

    Chosen on mixes of read and of synthetic speech with leaks of -10 to -40 dB, delayed, through a telephone's band and
    through rooms, and with none.
    """

    # A leak is looked for so far from each lag that is known, or from none: a room's echoes come later.
    around_lag: float = 0.05
    # Over which spectra are compared; a syllable or two.
    context: float = 0.5
    # Correlation of the two channels' log band powers from which on a leak's level is measured. Leaks have 0.75 to
    # 0.95, two people at once rarely more than 0.6.
    certain_likeness: float = 0.7
    # Correlation that is enough where that level is known.
    likeness: float = 0.6
    # Where it is not known whose a voice is, it is louder than its leak by at least this.
    least_difference: float = 6.0
    # Over which it is known whose a voice is.
    owner_context: float = 0.3
    # What in a band is louder than leak and noise together by more than this is said on the channel itself ...
    level_margin: float = 5.0
    # ... and makes the frame the channel's own from this share of its power on.
    most_unexplained: float = 0.15
    # The same where the voice is the other's in more than half of the context: a room adds what no level explains. With
    # less both may talk, and what no level explains is the own voice.
    most_unexplained_of_other: float = 0.25
    # Of certain likeness within a window; with less there is no leak.
    shortest_evidence: float = 0.25
    # Share of certain likeness where a leak is possible at all. People who speak at once sound alike in a twentieth of
    # that time, by chance.
    least_evidence: float = 0.1
    # Shorter pieces are left with the speech around them.
    shortest_piece: float = 0.25


class Sides(NamedTuple):
    """For each channel what is said on it, and what leaked into it."""

    own: list[tuple[Span, ...]]
    leaked: list[tuple[Span, ...]]
    # Whether nothing tells whose a voice is that both channels carry alike; it is the first channel's then.
    undecided: bool = False


def own_spans(waveform: Waveform, speech: Sequence[tuple[Span, ...]], rules: LeakRules | None = None) -> Sides:
    """Return the speech of each channel that is its own, and the speech that leaked into it; together all of it.

    :param waveform: float32, shape (2, n_samples), 16 kHz: a stretch of a call, better half a minute than a second,
        because lag and level of a leak are learnt from it
    :param speech: for each of the two channels where somebody is heard, in order, seconds from the start of the stretch
    :return: a span is split where own speech turns into leak
    """
    rules = rules or LeakRules()
    if not all(speech) or waveform.shape[1] < _FRAME:
        return Sides(list(speech), [(), ()])
    powers = [_band_powers(channel) for channel in waveform]
    voiced = [_inside(spans, len(powers[0])) for spans in speech]
    *shared, is_decided = shared_voices(waveform, voiced)
    sides = Sides([], [], not is_decided)
    for quiet, loud in ((0, 1), (1, 0)):
        leak = _leak(powers[quiet], powers[loud], voiced[quiet], voiced[loud], shared[quiet], rules)
        pieces = [piece for span in speech[quiet] for piece in _pieces(span, leak, rules.shortest_piece)]
        sides.own.append(tuple(span for span, is_leak in pieces if not is_leak))
        sides.leaked.append(tuple(span for span, is_leak in pieces if is_leak))
    return sides


def _leak(
    quiet: Powers, loud: Powers, voiced: Flags, other_voiced: Flags, shared: SharedVoices, rules: LeakRules
) -> Flags:
    """Return the frames in which ``quiet`` holds no more than what leaked from ``loud`` and noise."""
    lags, around, context = shared.lags or (0,), _frames(rules.around_lag), _frames(rules.context)
    shifts = sorted({shift for lag in lags for shift in range(lag - around, lag + around + 1)})
    likeness = _likeness(quiet, loud, shifts, context)
    # One tenth of a second smooths over the periods of a voice; the louder one may be heard a lag earlier or later.
    quiet, loud = (uniform_filter1d(powers, _frames(0.1), axis=0) for powers in (quiet, loud))
    loud = np.max([np.roll(loud, shift, axis=0) for shift in shifts], axis=0)
    noise = np.percentile(quiet, 5, axis=0)
    above_noise = np.maximum(quiet - noise, _QUIETEST)
    louder = loud.sum(axis=1) > above_noise.sum(axis=1) * _ratio(rules.least_difference)
    there = np.any([shifted(other_voiced, lag) for lag in lags], axis=0)
    talked_over = voiced & widened(there, context // 2)
    is_other = shared.owner < 0
    possible = talked_over & (louder | is_other) & (shared.owner <= 0)
    evidence = possible & ((likeness >= rules.certain_likeness) | is_other)
    if evidence.sum() < max(_frames(rules.shortest_evidence), rules.least_evidence * possible.sum()):
        return np.zeros(len(quiet), dtype=bool)
    coupling = np.median(above_noise[evidence] / np.maximum(loud[evidence], _QUIETEST), axis=0)
    beyond = np.maximum(quiet - (coupling * loud + noise) * _ratio(rules.level_margin), 0.0).sum(axis=1)
    owner = uniform_filter1d(shared.owner.astype(np.float64), _frames(rules.owner_context))
    most = np.where(owner < -0.5, rules.most_unexplained_of_other, rules.most_unexplained)
    explained = beyond <= most * quiet.sum(axis=1)
    # Where own speech ends and a leak begins both are in the context; there the level decides.
    alike = maximum_filter1d(likeness, context) >= rules.likeness
    return talked_over & explained & (owner <= 0) & (alike | (owner < 0))


def _likeness(powers: Powers, other: Powers, shifts: Sequence[int], context: int) -> NDArray[np.float64]:
    """Return the correlation of both channels' log band powers around each frame, at the lag where it is highest."""
    logs, others = _log_powers(powers), _log_powers(other)
    mean, variance = _moments(logs, context)
    best = np.full(len(logs), -1.0)
    for shift in shifts:
        shifted = np.roll(others, shift, axis=0)
        shifted_mean, shifted_variance = _moments(shifted, context)
        covariance = (uniform_filter1d(logs * shifted, context, axis=0) - mean * shifted_mean).sum(axis=1)
        correlation = covariance / np.sqrt(np.maximum(variance * shifted_variance, _QUIETEST))
        np.maximum(best, correlation, out=best)
    return best


def _moments(values: Powers, context: int) -> tuple[Powers, NDArray[np.float64]]:
    """Return each band's mean around each frame, and the variance around it summed over the bands."""
    mean = uniform_filter1d(values, context, axis=0)
    return mean, (uniform_filter1d(values * values, context, axis=0) - mean * mean).sum(axis=1)


def _log_powers(powers: Powers) -> Powers:
    """Return log powers in which the channel's noise has next to no variance."""
    return np.log10(powers + 2 * np.percentile(powers, 10, axis=0) + _QUIETEST)


def _band_powers(channel: Channel) -> Powers:
    """Return the power in mel bands of a frame of 32 ms around every hundredth of a second."""
    n_frames = len(channel) // _HOP + 1
    padded = np.pad(channel, (_FRAME // 2, _FRAME))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::_HOP][:n_frames]
    window, filters = np.hanning(_FRAME), _mel_filters()
    blocks = [frames[start : start + _FRAMES_AT_ONCE] for start in range(0, n_frames, _FRAMES_AT_ONCE)]
    return np.concatenate([np.abs(np.fft.rfft(block * window)) ** 2 @ filters for block in blocks])


def _mel_filters() -> NDArray[np.float64]:
    """Return triangles, evenly spaced in mel, as a matrix of shape ``(n_frequencies, n_bands)``."""
    lowest, highest = (2595 * np.log10(1 + hertz / 700) for hertz in (LOWEST_HZ, HIGHEST_HZ))
    edges = 700 * (10 ** (np.linspace(lowest, highest, _BANDS + 2) / 2595) - 1)
    frequency = np.fft.rfftfreq(_FRAME, 1 / SAMPLE_RATE)[:, np.newaxis]
    rising = (frequency - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - frequency) / np.diff(edges)[1:]
    return np.clip(np.minimum(rising, falling), 0.0, None)


def _pieces(span: Span, leak: Flags, shortest: float) -> list[tuple[Span, bool]]:
    """Return a span cut where leak and own speech change, each piece with whether it is leak."""
    first = min(round(span.start / HOP_S), len(leak) - 1)
    flags = leak[first : max(first + 1, round(span.end / HOP_S))]
    borders = [0, *(np.flatnonzero(np.diff(flags)) + 1).tolist(), len(flags)]
    runs = [(end - start, bool(flags[start])) for start, end in pairwise(borders)]
    while len(runs) > 1:
        index = min(range(len(runs)), key=lambda index: (runs[index][0], not runs[index][1]))
        if runs[index][0] >= _frames(shortest):
            break
        runs = _joined(runs, index)
    times = [span.start, *(span.start + HOP_S * np.cumsum([length for length, _ in runs[:-1]])).tolist(), span.end]
    return [(Span(start, end), is_leak) for (start, end), (_, is_leak) in zip(pairwise(times), runs, strict=True)]


def _joined(runs: list[tuple[int, bool]], index: int) -> list[tuple[int, bool]]:
    """Return the runs with one of them joined to its neighbours, which are both of the other kind."""
    around = runs[max(0, index - 1) : index + 2]
    joined = (sum(length for length, _ in around), not runs[index][1])
    return [*runs[: max(0, index - 1)], joined, *runs[index + 2 :]]


def _inside(spans: Sequence[Span], n_frames: int) -> Flags:
    inside = np.zeros(n_frames, dtype=bool)
    for span in spans:
        inside[round(span.start / HOP_S) : round(span.end / HOP_S) + 1] = True
    return inside


def _frames(seconds: float) -> int:
    return max(1, round(seconds / HOP_S))


def _ratio(decibels: float) -> float:
    return 10 ** (decibels / 10)
