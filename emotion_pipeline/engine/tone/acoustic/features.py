"""Functionals: one fixed-length vector of named numbers for one utterance.

Statistics over time of the frames that ``descriptors`` finds. Nothing here is learned, and nothing knows of labels; a
number that depends on the recording level, on a constant offset or on how long the utterance is does not belong here.
"""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel
from emotion_pipeline.engine.tone.acoustic.descriptors import (
    FRAMES_PER_SECOND,
    HARMONIC_NAMES,
    N_BINS,
    N_MELS,
    N_MFCC,
    SHAPE_NAMES,
    Descriptors,
    describe,
)
from emotion_pipeline.engine.tone.acoustic.dynamics import MODULATION_BANDS, dynamics

_MFCC_NAMES: Final = tuple(f"mfcc{i + 1}" for i in range(N_MFCC))

Floats = NDArray[np.float32]


def functionals(samples: Channel, filters: Floats) -> tuple[Floats, float]:
    """Acoustic functionals of one utterance, and how many seconds of it are loud enough to be speech.

    samples: ``float32``, shape ``(n_samples,)``, 16 kHz mono; meaningful up to 10 s, callers cut longer ones.
    filters: the mel filterbank, see ``descriptors.mel_filters``.

    Returns a ``float32`` vector of shape ``(len(feature_names()),)``, finite for any input, and the seconds. Silence
    gives a vector of zeros and 0 seconds.
    """
    frames = describe(samples, filters)
    if not frames.active.any():
        return np.zeros(len(feature_names()), dtype=np.float32), 0.0
    vector = np.array(list(_measured(frames).values()), dtype=np.float32)
    return vector, float(frames.active.sum() / FRAMES_PER_SECOND)


@lru_cache(maxsize=1)
def feature_names() -> tuple[str, ...]:
    """Names of the functionals in the order of the vector, for example ``pitch_mean`` or ``mfcc3_deviation``."""
    noise = np.random.default_rng(0).standard_normal(SAMPLE_RATE // 2).astype(np.float32)
    return tuple(_measured(describe(noise, np.ones((N_MELS, N_BINS), dtype=np.float32))))


def _measured(frames: Descriptors) -> dict[str, float]:
    speech = _trimmed(frames)
    return {
        **_pitch(speech),
        **_level(speech),
        **_rhythm(speech),
        **_voice_quality(speech),
        **_spectrum(speech),
        **dynamics(speech),
    }


def _trimmed(frames: Descriptors) -> Descriptors:
    """The frames from the first to the last active one."""
    where = np.flatnonzero(frames.active)
    inside = slice(int(where[0]), int(where[-1]) + 1)
    return Descriptors(*(getattr(frames, name)[inside] for name in Descriptors.__slots__))


def _spread(values: Floats, name: str, shares: tuple[int, ...] = (10, 50, 90)) -> dict[str, float]:
    """Mean, standard deviation and percentiles; all zero where there is nothing to measure."""
    if len(values) == 0:
        values = np.zeros(1, dtype=np.float32)
    at = np.percentile(values, shares)
    named = {f"{name}_p{share}": float(value) for share, value in zip(shares, at, strict=True)}
    return {f"{name}_mean": float(values.mean()), f"{name}_deviation": float(values.std()), **named}


def _trend(values: Floats, seconds: Floats) -> float:
    """Least-squares slope per second."""
    if len(values) < 3:
        return 0.0
    x = seconds - seconds.mean()
    return float(x @ (values - values.mean()) / (x @ x))


def _runs(mask: NDArray[np.bool_]) -> list[slice]:
    """Stretches of True, in order."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [slice(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def _pitch(speech: Descriptors) -> dict[str, float]:
    voiced = speech.pitch[speech.voiced]
    seconds = (np.flatnonzero(speech.voiced) / FRAMES_PER_SECOND).astype(np.float32)
    runs = [run for run in _runs(speech.voiced) if run.stop - run.start >= 5]
    steps = [np.diff(speech.pitch[run]) * FRAMES_PER_SECOND for run in runs]
    motion = np.concatenate(steps) if steps else np.zeros(1, dtype=np.float32)
    ends = [(float(speech.pitch[run][:3].mean()), float(speech.pitch[run][-3:].mean())) for run in runs]
    slopes = np.array([_trend(speech.pitch[run], _seconds(run)) for run in runs] or [0.0], dtype=np.float32)
    peaks = np.array([speech.pitch[run].max() for run in runs] or [0.0], dtype=np.float32)
    spread = _spread(voiced, "pitch", (5, 20, 50, 80, 95))
    last = np.median(voiced[-20:]) - np.median(voiced) if len(voiced) else 0.0
    return {
        **spread,
        "pitch_range": spread["pitch_p95"] - spread["pitch_p5"],
        "pitch_skew": spread["pitch_p95"] + spread["pitch_p5"] - 2 * spread["pitch_p50"],
        "pitch_trend": _trend(voiced, seconds),
        "pitch_final": float(last),
        "pitch_rising": float(np.maximum(motion, 0).mean()),
        "pitch_falling": float(np.maximum(-motion, 0).mean()),
        "pitch_roughness": float(np.median(np.abs(motion))),
        "pitch_run_slope_mean": float(slopes.mean()),
        "pitch_run_slope_deviation": float(slopes.std()),
        "pitch_run_excursion": float(np.mean([abs(a - b) for a, b in ends])) if ends else 0.0,
        "pitch_peak_deviation": float(peaks.std()),
    }


def _seconds(run: slice) -> Floats:
    return (np.arange(run.start, run.stop) / FRAMES_PER_SECOND).astype(np.float32)


def _level(speech: Descriptors) -> dict[str, float]:
    level = speech.level
    seconds = (np.arange(len(level)) / FRAMES_PER_SECOND).astype(np.float32)
    motion = np.diff(level, prepend=level[:1])
    third = max(1, len(level) // 3)
    return {
        **_spread(level, "level", (5, 20, 50, 80, 95)),
        **_spread(level[speech.voiced], "level_voiced", (10, 90)),
        "level_trend": _trend(level, seconds),
        "level_final": float(level[-third:].mean() - level[:third].mean()),
        "level_rising": float(np.maximum(motion, 0).mean()),
        "level_motion_deviation": float(motion.std()),
        "level_crest": float(level.max() - level.mean()),
    }


def _rhythm(speech: Descriptors) -> dict[str, float]:
    duration = len(speech.level) / FRAMES_PER_SECOND
    voiced = [(run.stop - run.start) / FRAMES_PER_SECOND for run in _runs(speech.voiced)]
    unvoiced = [(run.stop - run.start) / FRAMES_PER_SECOND for run in _runs(~speech.voiced)]
    pauses = [length for run in _runs(~speech.active) if (length := (run.stop - run.start) / FRAMES_PER_SECOND) >= 0.1]
    nuclei = _nuclei(speech)
    return {
        "voiced_share": float(speech.voiced.mean()),
        "active_share": float(speech.active.mean()),
        "voiced_runs_per_second": len(voiced) / duration,
        "voiced_run_mean": float(np.mean(voiced or [0.0])),
        "voiced_run_deviation": float(np.std(voiced or [0.0])),
        "unvoiced_run_mean": float(np.mean(unvoiced or [0.0])),
        "unvoiced_run_deviation": float(np.std(unvoiced or [0.0])),
        "pauses_per_second": len(pauses) / duration,
        "pause_share": sum(pauses) / duration,
        "nuclei_per_second": len(nuclei) / duration,
        "nuclei_interval_deviation": float(np.diff(nuclei).std()) if len(nuclei) > 2 else 0.0,
        **_modulation(speech.level),
    }


def _nuclei(speech: Descriptors) -> Floats:
    """Times of the voiced peaks of the smoothed level in seconds: roughly one a syllable (de Jong & Wempe, 2009)."""
    from scipy.signal import find_peaks

    smooth = np.convolve(speech.level, np.hanning(9) / np.hanning(9).sum(), mode="same")
    peaks, _ = find_peaks(smooth, prominence=2.0, distance=6)
    return (peaks[speech.voiced[peaks]] / FRAMES_PER_SECOND).astype(np.float32)


def _modulation(level: Floats) -> dict[str, float]:
    """Shares of the level's own spectrum in bands of rhythm."""
    spectrum = np.abs(np.fft.rfft((level - level.mean()) * np.hanning(len(level)), 1024)) ** 2
    hertz = np.fft.rfftfreq(1024, 1 / FRAMES_PER_SECOND)
    total = spectrum[hertz <= 20].sum() + 1e-9
    return {
        f"modulation_{low:g}_{high:g}": float(spectrum[(hertz >= low) & (hertz < high)].sum() / total)
        for low, high in MODULATION_BANDS
    }


def _voice_quality(speech: Descriptors) -> dict[str, float]:
    voiced = speech.voiced
    both = voiced[1:] & voiced[:-1]
    odds = np.clip(speech.periodicity[voiced], 0.01, 0.999)
    jitter = np.abs(np.diff(speech.pitch))[both]
    shimmer = np.abs(np.diff(speech.level))[both]
    named = {
        **_spread(10 * np.log10(odds / (1 - odds)), "harmonicity"),
        **_spread(jitter, "jitter", (50, 90)),
        **_spread(shimmer, "shimmer", (50, 90)),
    }
    for column, name in enumerate(HARMONIC_NAMES):
        named |= _spread(speech.harmonics[voiced, column], name)
    return named


def _spectrum(speech: Descriptors) -> dict[str, float]:
    """Timbre over the voiced frames, its spread over all of them, and how fast it moves."""
    voiced = speech.voiced if speech.voiced.any() else speech.active
    named: dict[str, float] = {}
    for column, name in enumerate(SHAPE_NAMES):
        values = speech.shape[:, column]
        named |= _spread(values[voiced], f"{name}_voiced")
        named |= {f"{name}_mean": float(values.mean()), f"{name}_deviation": float(values.std())}
    return named | _cepstrum(speech.mfcc, voiced)


def _cepstrum(mfcc: Floats, voiced: NDArray[np.bool_]) -> dict[str, float]:
    motion = np.abs(mfcc[2:] - mfcc[:-2]) if len(mfcc) > 2 else np.zeros((1, N_MFCC), dtype=np.float32)
    statistics = {
        "mean": mfcc.mean(axis=0),
        "deviation": mfcc.std(axis=0),
        "voiced_mean": mfcc[voiced].mean(axis=0),
        "voiced_deviation": mfcc[voiced].std(axis=0),
        "motion": motion.mean(axis=0),
        "motion_deviation": motion.std(axis=0),
    }
    return {
        f"{name}_{statistic}": float(values[i])
        for statistic, values in statistics.items()
        for i, name in enumerate(_MFCC_NAMES)
    }
