"""Low-level descriptors: what a voice is like in each 10 ms frame (level, pitch, timbre).

Statistics over an utterance are ``features``; this module knows nothing of utterances, labels or models. The choice
follows eGeMAPS (F. Eyben et al., "The Geneva Minimalistic Acoustic Parameter Set", IEEE Trans. Affective Computing
7(2), 2016), computed with numpy; the mel filters are librosa's.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel
from emotion_pipeline.engine.tone.acoustic.pitch import HOP, track_pitch

FRAMES_PER_SECOND: Final = SAMPLE_RATE / HOP
N_MELS: Final = 40
N_MFCC: Final = 14

# Columns of ``Descriptors.shape``: ratios in dB, slopes in dB per kHz, frequencies in octaves re 1 kHz.
SHAPE_NAMES: Final = (
    "alpha_ratio",
    "hammarberg",
    "slope_0_500",
    "slope_500_1500",
    "tilt",
    "centroid",
    "spread",
    "rolloff",
    "entropy",
    "flux",
)

# Columns of ``Descriptors.harmonics`` in dB: the first harmonic against the second, and against the third formant.
HARMONIC_NAMES: Final = ("h1_h2", "h1_a3")

# Columns of ``Descriptors.formants``: the strongest resonance in each of three ranges in octaves re 1 kHz (for most
# vowels the formants of those numbers), then by how many dB the first is above the others.
FORMANT_NAMES: Final = ("formant1", "formant2", "formant3", "a1_a2", "a1_a3")

_WINDOW: Final = 400  # 25 ms
_FFT: Final = 512
N_BINS: Final = _FFT // 2 + 1
_FORMANT_BINS: Final = 176  # up to 5.5 kHz, where four or five formants lie
_FORMANT_ORDER: Final = 12
_FORMANT_RANGES: Final = ((0.2, 1.0), (0.8, 2.6), (2.0, 3.8))  # kHz
_ENVELOPE: Final = 512
_FLOOR: Final = 1e-6  # 60 dB below the speech's own power: what lies deeper is the room, the codec or the microphone

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Descriptors:
    """Frames of one utterance, 10 ms apart; every array has ``n_frames`` rows and is finite."""

    # dB relative to the mean power of the active frames, shape ``(n_frames,)``.
    level: Floats
    # Whether the frame is loud enough to be speech, shape ``(n_frames,)``.
    active: NDArray[np.bool_]
    # Semitones above 55 Hz, 0 where unvoiced, shape ``(n_frames,)``.
    pitch: Floats
    voiced: NDArray[np.bool_]
    # Height of the autocorrelation peak, [0, 1], shape ``(n_frames,)``.
    periodicity: Floats
    # Cepstral coefficients 1 to 14, shape ``(n_frames, 14)``.
    mfcc: Floats
    # Spectral shape, shape ``(n_frames, len(SHAPE_NAMES))``.
    shape: Floats
    # Voice quality, shape ``(n_frames, len(HARMONIC_NAMES))``, 0 where unvoiced.
    harmonics: Floats
    # Resonances of the vocal tract, shape ``(n_frames, len(FORMANT_NAMES))``, 0 where unvoiced.
    formants: Floats
    # Natural logarithm of the power in each mel band, shape ``(n_frames, N_MELS)``.
    mel: Floats


def describe(samples: Channel, filters: Floats) -> Descriptors:
    """Descriptors of any signal, also of silence and of a single sample.

    The signal is freed of its offset and brought to unit power over its active frames first, so that neither gain nor
    a constant changes the result.
    """
    clean = _prepared(samples)
    power = _power_spectra(clean)
    energy = power.mean(axis=1)
    active = _active(energy)
    scale = float(energy[active].mean()) if active.any() else 0.0
    if scale > 0:
        power = power / scale
        clean = clean / np.float32(np.sqrt(scale))
    level = 10 * np.log10(power.mean(axis=1) + _FLOOR)
    hertz, periodicity = track_pitch(clean, len(power))
    voiced = (hertz > 0) & active
    mel = np.log(power @ filters.T + _FLOOR)
    mfcc = np.asarray(fft.dct(mel, axis=1, norm="ortho"))[:, 1 : N_MFCC + 1]
    return Descriptors(
        level=level.astype(np.float32),
        active=active,
        pitch=np.where(voiced, 12 * np.log2(np.maximum(hertz, 1) / 55), 0).astype(np.float32),
        voiced=voiced,
        periodicity=np.where(active, periodicity, 0).astype(np.float32),
        mfcc=mfcc.astype(np.float32),
        shape=_shape(power, mel),
        harmonics=_harmonics(power, hertz, voiced),
        formants=_formants(power, voiced),
        mel=mel.astype(np.float32),
    )


def _prepared(samples: Channel) -> Channel:
    clean = np.nan_to_num(np.asarray(samples, dtype=np.float32), nan=0.0, posinf=1.0, neginf=-1.0)
    if len(clean):
        clean = clean - clean.mean()
    if len(clean) < _WINDOW:
        clean = np.pad(clean, (0, _WINDOW - len(clean)))
    peak = np.abs(clean).max()
    return clean / peak if peak > 1e-6 else np.zeros_like(clean)


def _power_spectra(clean: Channel) -> Floats:
    frames = np.lib.stride_tricks.sliding_window_view(clean, _WINDOW)[::HOP]
    spectra = np.fft.rfft(frames * np.hamming(_WINDOW).astype(np.float32), _FFT, axis=1)
    return (spectra.real**2 + spectra.imag**2).astype(np.float32)


def _active(energy: Floats) -> NDArray[np.bool_]:
    """Frames within 30 dB of the loud ones; within 20 where the background is louder than that."""
    level = 10 * np.log10(energy + 1e-12)
    loud, background = np.percentile(level, [95, 5])
    threshold = max(loud - 30, min(background + 3, loud - 20))
    return (level >= threshold) & (energy > 1e-9)


def mel_filters() -> Floats:
    """The mel filterbank, shape ``(N_MELS, N_BINS)``, from librosa.

    Computed once, when a model is trained, and kept in its artefact: importing librosa compiles for 15 s on a fresh
    machine, and a model must see for ever the filters that it was trained with.
    """
    from librosa.filters import mel

    filters = mel(sr=SAMPLE_RATE, n_fft=_FFT, n_mels=N_MELS, fmin=60, fmax=7600, norm=None)
    return (filters / 8).astype(np.float32)


@lru_cache(maxsize=1)
def _kilohertz() -> Floats:
    return (np.arange(N_BINS) * (SAMPLE_RATE / _FFT / 1000)).astype(np.float32)


def _band(low: float, high: float) -> slice:
    """Bins of the spectrum between two frequencies in kHz."""
    width = SAMPLE_RATE / _FFT / 1000
    return slice(round(low / width), round(high / width) + 1)


def _decibel(power: Floats) -> Floats:
    return (10 * np.log10(power + _FLOOR)).astype(np.float32)


def _slope(power: Floats, low: float, high: float) -> Floats:
    """Least-squares slope of the spectrum in dB over a band, in dB per kHz."""
    band = _band(low, high)
    x = _kilohertz()[band]
    x = x - x.mean()
    return _decibel(power[:, band]) @ x / (x @ x)


def _shape(power: Floats, mel: Floats) -> Floats:
    low, high = power[:, _band(0.05, 1)].sum(axis=1), power[:, _band(1, 5)].sum(axis=1)
    peak_low, peak_high = power[:, _band(0, 2)].max(axis=1), power[:, _band(2, 5)].max(axis=1)
    speech = power[:, _band(0.06, 7.6)] + np.float32(_FLOOR)
    share = speech / speech.sum(axis=1, keepdims=True)
    octave = np.log2(_kilohertz()[_band(0.06, 7.6)])
    centroid = share @ octave
    spread = np.sqrt(np.maximum(share @ octave**2 - centroid**2, 0))
    rolloff = octave[(share.cumsum(axis=1) < 0.85).sum(axis=1).clip(max=len(octave) - 1)]
    entropy = -(share * np.log(share)).sum(axis=1) / np.log(share.shape[1])
    flux = np.abs(np.diff(mel, axis=0, prepend=mel[:1])).mean(axis=1)
    columns = (
        _decibel(low) - _decibel(high),
        _decibel(peak_low) - _decibel(peak_high),
        _slope(power, 0, 0.5),
        _slope(power, 0.5, 1.5),
        _slope(power, 0.1, 5),
        centroid,
        spread,
        rolloff,
        entropy,
        flux,
    )
    return np.column_stack(columns).astype(np.float32)


def _harmonics(power: Floats, hertz: Floats, voiced: NDArray[np.bool_]) -> Floats:
    """H1-H2 and H1-A3: how breathy (high) or pressed (low) the voice is."""
    rows = np.arange(len(power))
    width = SAMPLE_RATE / _FFT

    def amplitude(harmonic: int) -> Floats:
        nearest = np.clip(np.round(hertz * harmonic / width).astype(np.intp), 1, power.shape[1] - 2)
        around = np.stack([power[rows, nearest + step] for step in (-1, 0, 1)])
        return _decibel(around.max(axis=0))

    first = amplitude(1)
    third_formant = _decibel(power[:, _band(2.2, 3.2)].max(axis=1))
    columns = np.column_stack([first - amplitude(2), first - third_formant])
    return np.where(voiced[:, None], columns, 0).astype(np.float32)


def _formants(power: Floats, voiced: NDArray[np.bool_]) -> Floats:
    """Peaks of the linear-predictive envelope (J. Makhoul, "Linear Prediction", Proc. IEEE 63(4), 1975, on the band).

    Peaks rather than roots of the polynomial: as steady for statistics over an utterance, and much faster.
    """
    result = np.zeros((len(power), len(FORMANT_NAMES)), dtype=np.float32)
    if not voiced.any():
        return result
    rising = (_kilohertz()[:_FORMANT_BINS] / 5 + 0.02) ** 2  # evens out the fall of the voice source
    correlation = np.fft.irfft(power[voiced, :_FORMANT_BINS] * rising, axis=1)[:, : _FORMANT_ORDER + 1]
    polynomial = _prediction(correlation.astype(np.float64))
    envelope = -20 * np.log10(np.abs(np.fft.rfft(polynomial, _ENVELOPE, axis=1)) + 1e-6)
    width = (_FORMANT_BINS - 1) * (SAMPLE_RATE / _FFT / 1000) / (_ENVELOPE // 2)
    peak = np.zeros(envelope.shape, dtype=np.bool_)
    peak[:, 1:-1] = (envelope[:, 1:-1] > envelope[:, :-2]) & (envelope[:, 1:-1] >= envelope[:, 2:])
    bins, at = np.arange(envelope.shape[1]), np.zeros((len(envelope), 1))
    rows = np.arange(len(envelope))
    places, heights = [], []
    for low, high in _FORMANT_RANGES:
        inside = (bins * width >= low) & (bins * width <= high) & (bins > at + 0.2 / width)
        # Where a range has no peak its highest point stands in.
        best = np.where(inside, envelope + 1_000 * peak, -np.inf).argmax(axis=1)
        places.append(np.log2(np.maximum(best, 1) * width))
        heights.append(envelope[rows, best])
        at = best[:, None]
    result[voiced] = np.column_stack([*places, heights[0] - heights[1], heights[0] - heights[2]])
    return result


def _prediction(correlation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coefficients of the linear predictor of each row of autocorrelations, by the Levinson-Durbin recursion."""
    order = correlation.shape[1] - 1
    error = correlation[:, 0] * (1 + 1e-4) + 1e-9
    polynomial = np.zeros_like(correlation)
    polynomial[:, 0] = 1
    for i in range(1, order + 1):
        reflection = -(polynomial[:, :i] * correlation[:, i:0:-1]).sum(axis=1) / error
        polynomial[:, 1 : i + 1] += reflection[:, None] * polynomial[:, i - 1 :: -1][:, :i]
        error = error * (1 - reflection**2)
    return polynomial
