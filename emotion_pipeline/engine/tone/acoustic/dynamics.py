"""Functionals of how a voice changes within an utterance: movement, contrast and what moves together with what.

A microphone, a room or a codec shifts a spectrum as a whole, and so does the size of a speaker. Differences within one
utterance are left alone by that, which is why they carry over to recordings that nobody trained on. Averages, which do
not, are ``features``; formants stand here because only their relations are steady.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from emotion_pipeline.engine.tone.acoustic.descriptors import (
    FORMANT_NAMES,
    FRAMES_PER_SECOND,
    HARMONIC_NAMES,
    N_MELS,
    N_MFCC,
    SHAPE_NAMES,
    Descriptors,
)

Floats = NDArray[np.float32]

MODULATION_BANDS: Final = ((0.5, 2.0), (2.0, 4.0), (4.0, 8.0), (8.0, 16.0))  # Hz: phrase, stress, syllable, phone
_SHAPES: Final = ("alpha_ratio", "hammarberg", "slope_0_500", "slope_500_1500", "tilt", "centroid", "spread", "entropy")
_WITH_PITCH: Final = ("alpha_ratio", "h1_a3", "mfcc1", "mfcc2", "formant1", "periodicity")
_BANDS: Final = 8
_RANGED: Final = 8  # cepstral coefficients whose range and skewness are taken
_CONTOUR: Final = 4  # cosine coefficients of a contour
_FEW: Final = 5  # fewer voiced frames than this say nothing: all active ones stand in
_STILL: Final = 0.02  # a deviation (in dB, semitones, octaves) that is no movement

# Typical deviations of pitch, level, ten cepstral coefficients, alpha ratio, periodicity and first formant.
_COVARIANCE_SCALE: Final = np.array([4, 8, 3, 2, 1.5, 1.2, 1, 1, 0.8, 0.8, 0.7, 0.7, 8, 0.15, 0.4])


def dynamics(speech: Descriptors) -> dict[str, float]:
    """Named functionals of the frames of one utterance, at least one of them active; finite for any input."""
    frames = speech.voiced if speech.voiced.sum() >= _FEW else speech.active
    series = _series(speech, frames)
    return {
        **_formants(speech, frames),
        **_relations(series, speech.level[frames]),
        **_with_pitch(series),
        **_contours(speech),
        **_ranges(speech.mfcc[frames]),
        **_modulations(speech.mel),
        **_covariance(speech),
    }


def _series(speech: Descriptors, frames: NDArray[np.bool_]) -> dict[str, Floats]:
    """Tracks by name, each of shape ``(n,)``: what may follow the level of the voice."""
    return {
        "pitch": speech.pitch[frames],
        **{name: speech.shape[frames, SHAPE_NAMES.index(name)] for name in _SHAPES},
        **{name: speech.harmonics[frames, i] for i, name in enumerate(HARMONIC_NAMES)},
        **{name: speech.formants[frames, i] for i, name in enumerate(FORMANT_NAMES[:2])},
        "periodicity": speech.periodicity[frames],
        **{f"mfcc{i + 1}": speech.mfcc[frames, i] for i in range(N_MFCC)},
    }


def _formants(speech: Descriptors, frames: NDArray[np.bool_]) -> dict[str, float]:
    tracks = speech.formants[frames]
    steps = np.abs(np.diff(speech.formants, axis=0))[speech.voiced[1:] & speech.voiced[:-1]]
    statistics = {
        "mean": tracks.mean(axis=0),
        "deviation": tracks.std(axis=0),
        **{
            f"p{share}": row
            for share, row in zip((10, 50, 90), np.percentile(tracks, (10, 50, 90), axis=0), strict=True)
        },
        "motion": steps.mean(axis=0) if len(steps) else np.zeros(len(FORMANT_NAMES)),
    }
    return {
        f"{name}_{statistic}": float(values[i])
        for statistic, values in statistics.items()
        for i, name in enumerate(FORMANT_NAMES)
    }


def _relations(series: dict[str, Floats], level: Floats) -> dict[str, float]:
    """How each track follows the level, and how far its loud frames lie from the quiet, its last from the first."""
    tracks = np.column_stack(list(series.values())).astype(np.float64)
    third = max(1, len(level) // 3)
    order = np.argsort(level, kind="stable")
    statistics = {
        "with_level": _correlations(tracks, level.astype(np.float64)),
        "loud_quiet": tracks[order[-third:]].mean(axis=0) - tracks[order[:third]].mean(axis=0),
        "end_start": tracks[-third:].mean(axis=0) - tracks[:third].mean(axis=0),
    }
    return {
        f"{name}_{statistic}": float(values[i])
        for statistic, values in statistics.items()
        for i, name in enumerate(series)
    }


def _with_pitch(series: dict[str, Floats]) -> dict[str, float]:
    tracks = np.column_stack([series[name] for name in _WITH_PITCH]).astype(np.float64)
    correlations = _correlations(tracks, series["pitch"].astype(np.float64))
    return {f"{name}_with_pitch": float(value) for name, value in zip(_WITH_PITCH, correlations, strict=True)}


def _correlations(tracks: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pearson's correlation of each column with ``other``, drawn to 0 where one of them moves by rounding only."""
    tracks, other = tracks - tracks.mean(axis=0), other - other.mean()
    still = len(other) * _STILL**2
    return other @ tracks / np.sqrt(((tracks**2).sum(axis=0) + still) * (other @ other + still))


def _contours(speech: Descriptors) -> dict[str, float]:
    named: dict[str, float] = {}
    for name, values in (("pitch", speech.pitch[speech.voiced]), ("level", speech.level)):
        named |= {f"{name}_contour{i + 1}": float(value) for i, value in enumerate(_contour(values))}
    return named


def _contour(values: Floats) -> NDArray[np.float64]:
    """The slow part of a contour, free of its mean and its length: the first coefficients of its cosine transform."""
    if len(values) < 2 * _CONTOUR:
        return np.zeros(_CONTOUR)
    even = np.interp(np.linspace(0, len(values) - 1, 64), np.arange(len(values)), values)
    return np.asarray(fft.dct(even - even.mean(), norm="ortho"))[1 : _CONTOUR + 1] / 8


def _ranges(mfcc: Floats) -> dict[str, float]:
    low, middle, high = np.percentile(mfcc[:, :_RANGED], (10, 50, 90), axis=0)
    named: dict[str, float] = {}
    for i in range(_RANGED):
        named[f"mfcc{i + 1}_range"] = float(high[i] - low[i])
        named[f"mfcc{i + 1}_skew"] = float(high[i] + low[i] - 2 * middle[i])
    return named


def _modulations(mel: Floats) -> dict[str, float]:
    """Rhythm by frequency: shares of each broad band's own spectrum, and how much the band moves."""
    bands = mel.reshape(len(mel), _BANDS, N_MELS // _BANDS).mean(axis=2)
    moving = (bands - bands.mean(axis=0)) * np.hanning(len(bands))[:, None]
    spectrum = np.abs(np.fft.rfft(moving, 1024, axis=0)) ** 2
    hertz = np.fft.rfftfreq(1024, 1 / FRAMES_PER_SECOND)
    total = spectrum[hertz <= 20].sum(axis=0) + 1e-6
    named = {f"band{i + 1}_deviation": float(value) for i, value in enumerate(bands.std(axis=0))}
    for low, high in MODULATION_BANDS:
        shares = spectrum[(hertz >= low) & (hertz < high)].sum(axis=0) / total
        named |= {f"band{i + 1}_{low:g}_{high:g}": float(share) for i, share in enumerate(shares)}
    return named


def _covariance(speech: Descriptors) -> dict[str, float]:
    """What moves with what: the matrix logarithm of the frames' covariance, its upper triangle.

    Covariances do not form a vector space; their logarithms do (V. Arsigny et al., "Log-Euclidean metrics for fast and
    simple calculus on diffusion tensors", Magnetic Resonance in Medicine 56(2), 2006). A fixed filter leaves the
    cepstrum's covariance as it is.
    """
    frames = speech.voiced if speech.voiced.sum() >= 4 * _FEW else speech.active
    tracks = (speech.pitch, speech.level, speech.mfcc[:, :10], speech.shape[:, 0], speech.periodicity)
    values = np.column_stack([*tracks, speech.formants[:, 0]])[frames].astype(np.float64) / _COVARIANCE_SCALE
    centred = values - values.mean(axis=0)
    matrix = centred.T @ centred / max(1, len(values) - 1) + 0.05 * np.eye(len(_COVARIANCE_SCALE))
    sizes, axes = np.linalg.eigh(matrix)
    logarithm = (axes * np.log(np.maximum(sizes, 1e-4))) @ axes.T
    rows, columns = np.triu_indices(len(logarithm))
    # Off the diagonal each number stands for two entries of the matrix.
    flat = logarithm[rows, columns] * np.where(rows == columns, 1, np.sqrt(2))
    return {f"covariance_{i}_{j}": float(value) for i, j, value in zip(rows, columns, flat, strict=True)}
