"""Random changes to a recording that leave its tone of voice as it was: for training only.

Each imitates something that differs between two recordings of the same voice: the speaker's size and pace (speed), the
room, the microphone (equaliser), noise, a telephone. Nothing here is used when a recording is scored.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from emotion_pipeline.engine.types import SAMPLE_RATE, Channel

Floats = NDArray[np.float64]
Response = Callable[[Floats], Floats]
"""Gain as a function of frequency in Hz."""

_SPEEDS: Final = (90, 94, 97, 103, 106, 110)  # per cent; pitch and formants move along, as between two speakers


def augment(samples: Channel, rng: np.random.Generator) -> Channel:
    """One random variant: ``float32``, mono 16 kHz, of about the same length and the same power."""
    varied = samples
    if rng.random() < 0.7:
        varied = _at_speed(varied, int(rng.choice(_SPEEDS)))
    if rng.random() < 0.3:
        varied = _in_room(varied, rng)
    if rng.random() < 0.6:
        varied = _equalised(varied, rng)
    if rng.random() < 0.5:
        varied = _with_noise(varied, rng)
    if rng.random() < 0.2:
        varied = _over_telephone(varied)
    before, after = float(np.mean(samples**2)), float(np.mean(varied**2))
    gain = np.sqrt(before / after) if after > 0 else 1.0
    return (varied * gain).astype(np.float32)


def _at_speed(samples: Channel, per_cent: int) -> Channel:
    return signal.resample_poly(samples, 100, per_cent).astype(np.float32)


def _in_room(samples: Channel, rng: np.random.Generator) -> Channel:
    """Reverberation of 0.1 to 0.5 s, 6 to 18 dB below the voice: exponentially decaying noise (J.-D. Polack, 1988)."""
    decay = rng.uniform(0.1, 0.5)
    time = np.arange(int(decay * SAMPLE_RATE)) / SAMPLE_RATE
    tail = rng.standard_normal(len(time)) * np.exp(-6.9 * time / decay)
    tail *= np.sqrt(10 ** (-rng.uniform(6, 18) / 10) / np.sum(tail**2))
    tail[0] += 1
    return signal.fftconvolve(samples, tail)[: len(samples)].astype(np.float32)


def _equalised(samples: Channel, rng: np.random.Generator) -> Channel:
    """A smooth random frequency response, 4 dB standard deviation at eight points from 60 Hz to 8 kHz."""
    points = np.log2(np.geomspace(60, SAMPLE_RATE / 2, 8))
    gains = rng.normal(0, 4, len(points))
    return _filtered(samples, lambda hertz: 10 ** (np.interp(np.log2(hertz + 1), points, gains) / 20))


def _over_telephone(samples: Channel) -> Channel:
    """Only 300 to 3400 Hz, the band of ITU-T G.712, with skirts of a sixth-order Butterworth filter."""

    def response(hertz: Floats) -> Floats:
        return 1 / np.sqrt((1 + (300 / (hertz + 1)) ** 12) * (1 + (hertz / 3400) ** 12))

    return _filtered(samples, response)


def _with_noise(samples: Channel, rng: np.random.Generator) -> Channel:
    """Noise of a random colour (white to brown) at 8 to 30 dB below the recording."""
    colour = rng.uniform(0, 1)
    noise = _filtered(rng.standard_normal(len(samples), dtype=np.float32), lambda hertz: (hertz + 20.0) ** -colour)
    wanted = np.mean(samples**2) * 10 ** (-rng.uniform(8, 30) / 10)
    return (samples + noise * np.sqrt(wanted / (np.mean(noise**2) + 1e-12))).astype(np.float32)


def _filtered(samples: Channel, response: Response) -> Channel:
    size: int = len(samples) + len(samples) % 2
    hertz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE).astype(np.float64)
    return np.fft.irfft(np.fft.rfft(samples, size) * response(hertz), size)[: len(samples)].astype(np.float32)
