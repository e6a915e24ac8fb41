"""A second look at what voice activity took for speech: is it a voice, or an instrument, a siren, a bird?

The detector is right where it is sure, and fooled now and then by a note that swells in; that shows in middling
probabilities. Such a stretch is judged by how its spectrum moves. The harmonics of a voice glide all the time while its
formants move slowly and far: an instrument's stand still during a note and jump, together with everything else, at the
next one. Where there is speech at all is found in ``voice``.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel

# The rule below; raise the number when it or one of its constants changes.
FINGERPRINT: Final = "verify:1"

# Mean probability from which on the detector is believed: three in four real stretches, one in twenty false ones.
SURE: Final = 0.95

_GLIDING: Final = 4.0
_VARIETY: Final = 2.0
# A logistic regression's, rounded, with the weight of the detector's own log odds as 1. It was fitted to 620 unsure
# stretches of speech (English, German, Bangla, synthesised; clean and through rooms, telephones and noise) and 230
# false ones out of ten hours of generated music; the offset is moved so that none of the clean speech among them is
# lost.
_OFFSET: Final = 9.4

_PAUSE: Final = 0.35
_LOOKED_AT: Final = 30 * SAMPLE_RATE
# 64 ms: the harmonics of a low voice stand apart, and a glide of a few per cent moves the upper ones by a bin.
_WINDOW: Final = 1_024
_HOP: Final = 512
_HARMONICS: Final = slice(100 * _WINDOW // SAMPLE_RATE, 4_000 * _WINDOW // SAMPLE_RATE)
# Of 18 bands, about a third of an octave each: their levels are the coarse shape of a spectrum, its formants.
_BAND_EDGES: Final = (np.geomspace(120, 7_600, 19) * _WINDOW / SAMPLE_RATE).astype(int)
# Share of the loudest frame's energy (-30 dB); frames below are pauses and tell nothing.
_AUDIBLE: Final = 1e-3
# Share of the loudest frame's energy (-40 dB) below which levels are not told apart.
_FLOOR: Final = 1e-4


def is_voice(samples: Channel, probabilities: NDArray[np.float32]) -> bool:
    """Tell whether a stretch that voice activity found holds a voice.

    :param samples: the stretch without padding; float32, shape (n_samples,), 16 kHz, [-1, 1]
    :param probabilities: of speech in its frames; float32, shape (n_frames,), [0, 1], at least one
    """
    speaking = probabilities[probabilities >= _PAUSE]
    sure = float(np.mean(speaking if len(speaking) else probabilities))
    if sure >= SURE:
        return True
    if not samples.any():
        return False
    gliding, variety = _movement(samples[:_LOOKED_AT])
    odds = max(sure, 1e-3) / (1 - sure)
    return bool(np.log(odds) + _GLIDING * np.log(gliding) + _VARIETY * np.log(variety) + _OFFSET > 0)


def _movement(samples: Channel) -> tuple[float, float]:
    """Return how far harmonics glide for each step of the coarse shape, and how far that shape gets around.

    The first is one minus the cosine of neighbouring spectra, in the steadiest quarter of them, over the mean change of
    the bands' levels from frame to frame; the second is the standard deviation of those levels over time. Levels are
    natural logarithms of energy, relative to the mean of their frame. Both are above 0.
    """
    spectra = _spectra(samples)
    energy = np.square(spectra).sum(axis=1)
    audible = energy >= _AUDIBLE * energy.max()
    both = audible[1:] & audible[:-1]
    if not both.any():
        audible[:], both[:] = True, True
    fine = np.sqrt(spectra[:, _HARMONICS])
    fine /= np.linalg.norm(fine, axis=1, keepdims=True) + np.finfo(np.float32).tiny
    steadiest = np.quantile((fine[1:] * fine[:-1]).sum(axis=1)[both], 0.75)
    bands = np.add.reduceat(np.square(spectra), _BAND_EDGES, axis=1)[:, :-1]
    levels = np.log(bands + _FLOOR * energy.max() / bands.shape[1] + np.finfo(np.float32).tiny)
    levels -= levels.mean(axis=1, keepdims=True)
    step = np.abs(np.diff(levels, axis=0))[both].mean()
    return float((1.001 - steadiest) / (step + 0.02)), float(levels[audible].std(axis=0).mean() + 0.02)


def _spectra(samples: Channel) -> NDArray[np.float32]:
    """Return magnitudes, shape (n_frames, n_bins), of at least two frames."""
    from scipy.fft import rfft

    padded = np.pad(samples, (0, max(0, _WINDOW + _HOP - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    return np.abs(np.asarray(rfft(frames * np.hanning(_WINDOW).astype(np.float32), axis=1)))
