"""Fundamental frequency and periodicity of a voice, frame by frame.

The autocorrelation method of P. Boersma, "Accurate short-term analysis of the fundamental frequency and the
harmonics-to-noise ratio of a sampled sound" (IFA Proceedings 17, 1993): the autocorrelation of a windowed frame
divided by that of its window, a few candidates a frame, and the cheapest path through them. What is made of the
contour is no business of this module.
"""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel

# Samples from one frame to the next (10 ms).
HOP: Final = 160

LOWEST: Final = 70.0
# Range of the search in Hz: from a low male voice to an excited female one.
HIGHEST: Final = 600.0

_WINDOW: Final = 768  # 48 ms: three periods of the lowest pitch
_FFT: Final = 1536
_CANDIDATES: Final = 4
# Costs of Boersma 1993, section 5, for a 10 ms hop
_VOICING_THRESHOLD: Final = 0.40
_OCTAVE_COST: Final = 0.02
_JUMP_COST: Final = 0.35
_SWITCH_COST: Final = 0.14

Floats = NDArray[np.float32]


def track_pitch(samples: Channel, n_frames: int) -> tuple[Floats, Floats]:
    """Pitch in Hz and periodicity of each frame, both ``float32``, shape ``(n_frames,)``.

    Frame ``i`` is centred on sample ``i * HOP + HOP``. The pitch is 0 where the frame is unvoiced; periodicity is the
    height of the strongest peak of the normalised autocorrelation, in [0, 1].
    """
    correlation = _normalised_autocorrelation(samples, n_frames)
    lags, heights = _candidates(correlation)
    pitch = np.where(heights > 0, SAMPLE_RATE / lags, LOWEST).astype(np.float32)
    chosen = _cheapest_path(pitch, heights)
    frames = np.arange(n_frames)
    contour = np.where(chosen < _CANDIDATES, pitch[frames, np.minimum(chosen, _CANDIDATES - 1)], 0)
    return contour.astype(np.float32), np.clip(heights.max(axis=1), 0, 1)


@lru_cache(maxsize=1)
def _window() -> tuple[Floats, Floats]:
    window = np.hanning(_WINDOW + 2)[1:-1].astype(np.float32)
    own = np.fft.irfft(np.abs(np.fft.rfft(window, _FFT)) ** 2)
    return window, (own / own[0]).astype(np.float32)


def _normalised_autocorrelation(samples: Channel, n_frames: int) -> Floats:
    window, own = _window()
    left = (_WINDOW - 2 * HOP) // 2
    needed = (n_frames - 1) * HOP + _WINDOW
    padded = np.pad(samples, (left, max(0, needed - left - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::HOP][:n_frames]
    frames = (frames - frames.mean(axis=1, keepdims=True)) * window
    spectrum = np.fft.rfft(frames, _FFT, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    last = int(SAMPLE_RATE / LOWEST) + 2
    correlation = np.fft.irfft(power, _FFT, axis=1)[:, :last]
    # A frame of silence has no periodicity: the small constant keeps it at zero instead of at 0 / 0.
    return (correlation / (correlation[:, :1] + 1e-6) / own[:last]).astype(np.float32)


def _candidates(correlation: Floats) -> tuple[Floats, Floats]:
    """Lags (in samples, between the grid points) and heights of the highest local maxima of each frame."""
    first = int(SAMPLE_RATE / HIGHEST)
    left, middle, right = correlation[:, first - 1 : -2], correlation[:, first:-1], correlation[:, first + 1 :]
    lag = np.arange(first, first + middle.shape[1], dtype=np.float32)
    is_peak = (middle > left) & (middle >= right) & (middle > 0)
    # Shorter lags win a near tie, otherwise every contour would sink by octaves.
    ranked = np.where(is_peak, middle - _OCTAVE_COST * np.log2(lag * (LOWEST / SAMPLE_RATE)), -1).astype(np.float32)
    best = np.argpartition(-ranked, _CANDIDATES, axis=1)[:, :_CANDIDATES]
    rows = np.arange(len(correlation))[:, None]
    a, b, c = left[rows, best], middle[rows, best], right[rows, best]
    curvature = np.maximum(2 * b - a - c, 1e-9)
    shift = np.clip((c - a) / (2 * curvature), -0.5, 0.5)
    heights = np.where(ranked[rows, best] > -1, np.clip(b, 0, 1), 0)
    return (lag[best] + shift).astype(np.float32), heights.astype(np.float32)


def _cheapest_path(pitch: Floats, heights: Floats) -> NDArray[np.intp]:
    """Viterbi path over the candidates of each frame; index ``_CANDIDATES`` stands for unvoiced."""
    n_frames = len(pitch)
    octave = np.log2(pitch)
    gain = heights - _OCTAVE_COST * np.log2(LOWEST / pitch)
    gain = np.where(heights > 0, gain, -1.0)
    score = np.column_stack([gain, np.full(n_frames, _VOICING_THRESHOLD, dtype=np.float32)])
    jump = np.full((n_frames, _CANDIDATES + 1, _CANDIDATES + 1), _SWITCH_COST, dtype=np.float32)
    jump[:, -1, -1] = 0
    jump[1:, :-1, :-1] = _JUMP_COST * np.abs(octave[:-1, :, None] - octave[1:, None, :])
    origin = np.zeros((n_frames, _CANDIDATES + 1), dtype=np.intp)
    total = score[0]
    for i in range(1, n_frames):
        reached = total[:, None] - jump[i]
        origin[i] = reached.argmax(axis=0)
        total = reached.max(axis=0) + score[i]
    path = np.empty(n_frames, dtype=np.intp)
    path[-1] = int(total.argmax())
    for i in range(n_frames - 1, 0, -1):
        path[i - 1] = origin[i, path[i]]
    return path
