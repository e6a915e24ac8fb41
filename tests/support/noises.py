"""Everything that a microphone hears when nobody speaks: seeded generators of noise, signals, music and breath.

No item holds a voice, so whatever words come out of one are invented. ``NOISES`` names them; ``noises`` makes them, the
same for the same seed. How loud an item is, is part of it: levels are relative to full scale.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, lfilter, resample_poly, sosfilt

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel

SEED = 20_261_121
SECONDS = 16.0

Samples: TypeAlias = NDArray[np.float64]
Rng: TypeAlias = np.random.Generator
# Draws that many samples of an item, at 16 kHz.
Make: TypeAlias = Callable[[Rng, int], Samples]
# Draws one note of that frequency in Hz and that length in seconds, peak about 1.
Timbre: TypeAlias = Callable[[Rng, float, float], Samples]


@dataclass(frozen=True, slots=True)
class Noise:
    name: str
    samples: Channel


def noises(seed: int = SEED, seconds: float = SECONDS) -> Iterator[Noise]:
    """Every item of ``NOISES`` in turn, each from a generator of its own, so that adding one changes no other."""
    for name in NOISES:
        yield noise(name, seed, seconds)


def noise(name: str, seed: int = SEED, seconds: float = SECONDS) -> Noise:
    rng = np.random.default_rng([seed, *name.encode()])
    made = NOISES[name](rng, round(seconds * SAMPLE_RATE))
    return Noise(name, np.clip(made, -1.0, 1.0).astype(np.float32))


# What the items are made of.


def clock(n: int) -> Samples:
    return np.arange(n) / SAMPLE_RATE


def to_level(samples: Samples, dbfs: float) -> Samples:
    """Scaled to that root mean square."""
    rms = float(np.sqrt(np.mean(np.square(samples))))
    return samples * (10 ** (dbfs / 20) / rms) if rms else samples


def coloured(rng: Rng, n: int, exponent: float) -> Samples:
    """Noise whose power falls with that power of the frequency: 0 is white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    frequency = np.maximum(np.fft.rfftfreq(n, 1 / SAMPLE_RATE), 20.0)
    return np.fft.irfft(spectrum / frequency ** (exponent / 2), n)


def band(samples: Samples, low: float, high: float) -> Samples:
    return np.asarray(sosfilt(butter(2, [low, high], "bandpass", fs=SAMPLE_RATE, output="sos"), samples))


def wander(rng: Rng, n: int, hertz: float) -> Samples:
    """A slow random curve in [0, 1] that turns about ``hertz`` times a second."""
    knots = rng.random(max(4, int(n / SAMPLE_RATE * hertz) + 4))
    return np.interp(np.linspace(0, len(knots) - 1, n), np.arange(len(knots)), knots)


def swept(frequency: Samples) -> Samples:
    return np.sin(2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE)


def placed(n: int, starts: NDArray[np.floating], make: Callable[[], Samples]) -> Samples:
    """A new sound at each start in seconds, added where they overlap."""
    out = np.zeros(n)
    for start in starts:
        at = int(start * SAMPLE_RATE)
        sound = make()[: max(0, n - at)]
        out[at : at + len(sound)] += sound
    return out


def at_random(rng: Rng, n: int, per_second: float) -> NDArray[np.floating]:
    seconds = n / SAMPLE_RATE
    return np.sort(rng.uniform(0, seconds, rng.poisson(per_second * seconds)))


def burst(rng: Rng, seconds: float, decay: float, low: float = 100.0, high: float = 7_000.0) -> Samples:
    """Filtered noise that dies away."""
    n = round(seconds * SAMPLE_RATE)
    return band(rng.standard_normal(n), low, high) * np.exp(-clock(n) * decay)


def keyed(n: int, sound: Samples, on: float, off: float) -> Samples:
    """``sound`` for ``on`` seconds, nothing for ``off`` seconds, and so on."""
    return sound * (clock(n) % (on + off) < on)


def in_a_room(rng: Rng, samples: Samples, seconds: float = 1.2) -> Samples:
    tail = rng.standard_normal(round(seconds * SAMPLE_RATE)) * np.exp(
        -6 * np.arange(round(seconds * SAMPLE_RATE)) / (seconds * SAMPLE_RATE)
    )
    wet = np.asarray(fftconvolve(samples, tail))[: len(samples)]
    return samples + 0.4 * wet * (np.abs(samples).max() / max(1e-9, np.abs(wet).max()))


def over_the_telephone(samples: Samples) -> Samples:
    """Through 8 kHz, 300 to 3400 Hz, and the eight bits of mu-law (ITU-T G.711)."""
    narrow = np.asarray(resample_poly(samples, 1, 2))
    narrow = np.asarray(sosfilt(butter(4, [300, 3_400], "bandpass", fs=8_000, output="sos"), narrow)).clip(-1, 1)
    companded = np.round(np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256) * 127) / 127
    return np.asarray(resample_poly(np.sign(companded) * (256 ** np.abs(companded) - 1) / 255, 2, 1))[: len(samples)]


# Hiss, hum and rooms.


def silence(rng: Rng, n: int) -> Samples:
    return np.zeros(n)


def last_bit(rng: Rng, n: int) -> Samples:
    return rng.integers(-1, 2, n) / 2**15


def offset(rng: Rng, n: int, level: float, hiss: float) -> Samples:
    return level + to_level(rng.standard_normal(n), hiss)


def hiss(rng: Rng, n: int, exponent: float, dbfs: float) -> Samples:
    return to_level(coloured(rng, n, exponent), dbfs)


def swelling(rng: Rng, n: int, exponent: float, hertz: float) -> Samples:
    return to_level(coloured(rng, n, exponent) * wander(rng, n, hertz) ** 2, -20)


def hum(rng: Rng, n: int, hertz: float, harmonics: int, dbfs: float) -> Samples:
    time = clock(n)
    parts = [np.sin(2 * np.pi * hertz * k * time + rng.uniform(0, 6)) / k for k in range(1, harmonics + 1)]
    return to_level(np.sum(parts, axis=0), dbfs) + to_level(rng.standard_normal(n), -70)


def rain(rng: Rng, n: int) -> Samples:
    drops = placed(n, at_random(rng, n, 60), lambda: burst(rng, 0.02, 300, 1_500, 7_000) * rng.uniform(0.2, 1))
    return to_level(coloured(rng, n, 0.5), -34) + to_level(drops, -32)


def wind(rng: Rng, n: int) -> Samples:
    gusts = wander(rng, n, 0.5) ** 2
    whistle = band(rng.standard_normal(n), 380, 460) * gusts**2
    return to_level(coloured(rng, n, 2) * (0.2 + gusts), -20) + to_level(whistle, -36)


def engine(rng: Rng, n: int) -> Samples:
    turns = 25 + 30 * wander(rng, n, 0.3)
    strokes = np.sum([swept(turns * k) * rng.uniform(0.3, 1) / k for k in range(1, 20)], axis=0)
    return to_level(strokes, -18) + to_level(coloured(rng, n, 1.5), -30)


def fan(rng: Rng, n: int) -> Samples:
    blades = 1 + 0.3 * np.sin(2 * np.pi * 23 * clock(n))
    return to_level(coloured(rng, n, 1.2) * blades, -28) + hum(rng, n, 100, 6, -40)


def sea(rng: Rng, n: int) -> Samples:
    waves = np.maximum(0.05, np.sin(2 * np.pi * 0.12 * clock(n) + rng.uniform(0, 6))) ** 2
    return to_level(coloured(rng, n, 0.8) * waves, -24)


def babble_free_room(rng: Rng, n: int) -> Samples:
    thumps = placed(n, at_random(rng, n, 0.6), lambda: burst(rng, 0.3, 15, 40, 300) * rng.uniform(0.2, 1))
    return in_a_room(rng, to_level(coloured(rng, n, 1.6), -46) + to_level(thumps, -34))


# Signals.


def pure(rng: Rng, n: int, hertz: float, dbfs: float = -12) -> Samples:
    return to_level(np.sin(2 * np.pi * hertz * clock(n)), dbfs)


def sweep(rng: Rng, n: int, low: float, high: float, seconds: float) -> Samples:
    return to_level(swept(low * (high / low) ** (clock(n) % seconds / seconds)), -12)


def dual(n: int, low: float, high: float) -> Samples:
    time = clock(n)
    return 0.2 * (np.sin(2 * np.pi * low * time) + np.sin(2 * np.pi * high * time))


def call_progress(rng: Rng, n: int, low: float, high: float, on: float, off: float) -> Samples:
    return keyed(n, dual(n, low, high), on, off)


def touch_tones(rng: Rng, n: int, on: float, off: float) -> Samples:
    """Rows and columns of ITU-T Q.23."""
    starts = np.arange(0, n / SAMPLE_RATE, on + off)
    rows, columns = [697, 770, 852, 941], [1_209, 1_336, 1_477, 1_633]
    return placed(n, starts, lambda: dual(round(on * SAMPLE_RATE), rng.choice(rows), rng.choice(columns)))


def special_information(rng: Rng, n: int) -> Samples:
    """The three rising tones before "the number you have dialled" (ITU-T E.180)."""
    phase = clock(n) % 2.0
    steps = np.select([phase < 0.33, phase < 0.66, phase < 1.0], [950.0, 1_400.0, 1_800.0], 0.0)
    return 0.3 * swept(steps) * (steps > 0)


def modem(rng: Rng, n: int) -> Samples:
    bits = np.repeat(rng.choice([1_070.0, 1_270.0], n // 53 + 1), 53)[:n]
    return 0.2 * swept(bits) + 0.1 * swept(np.repeat(rng.choice([2_025.0, 2_225.0], n // 53 + 1), 53)[:n])


def beeps(rng: Rng, n: int, hertz: float, on: float, off: float) -> Samples:
    return keyed(n, 0.3 * np.sin(2 * np.pi * hertz * clock(n)), on, off)


def siren(rng: Rng, n: int, low: float, high: float, per_second: float, harmonics: int) -> Samples:
    frequency = low + (high - low) * (0.5 - 0.5 * np.cos(2 * np.pi * per_second * clock(n)))
    return to_level(np.sum([swept(frequency * k) / k for k in range(1, harmonics + 1)], axis=0), -16)


def two_tone_horn(rng: Rng, n: int) -> Samples:
    frequency = np.where(clock(n) % 1.2 < 0.6, 435.0, 580.0)
    return to_level(np.sum([swept(frequency * k) / k for k in range(1, 12)], axis=0), -16)


def old_ringer(rng: Rng, n: int) -> Samples:
    strokes = np.arange(0, n / SAMPLE_RATE, 0.05)
    bells = placed(n, strokes, lambda: bell(rng, 1_400 * rng.uniform(0.99, 1.01), 0.3))
    return to_level(keyed(n, bells, 2.0, 3.0), -22)


# Bodies and things.


def breath(rng: Rng, low: float, high: float) -> Samples:
    n = round(rng.uniform(0.5, 1.6) * SAMPLE_RATE)
    shape = np.sin(np.pi * np.linspace(0, 1, n)) ** rng.uniform(1, 3)
    return band(coloured(rng, n, 0.5), low, high) * shape


def breaths(rng: Rng, n: int, low: float, high: float, dbfs: float) -> Samples:
    starts = np.arange(0.3, n / SAMPLE_RATE, 2.1) + rng.uniform(-0.2, 0.4, len(np.arange(0.3, n / SAMPLE_RATE, 2.1)))
    return to_level(placed(n, starts, lambda: breath(rng, low, high)), dbfs) + to_level(rng.standard_normal(n), -66)


def panting(rng: Rng, n: int) -> Samples:
    starts = np.arange(0, n / SAMPLE_RATE, 0.42)
    burst = lambda: band(rng.standard_normal(4_800), 500, 3_000) * np.hanning(4_800)  # noqa: E731
    return to_level(placed(n, starts, burst), -28) + to_level(rng.standard_normal(n), -64)


def snore(rng: Rng, n: int) -> Samples:
    rattle = (1 + np.sin(2 * np.pi * 28 * clock(n))) ** 4
    inhaling = np.maximum(0, np.sin(2 * np.pi * 0.25 * clock(n)))
    return to_level(band(coloured(rng, n, 1) * rattle * inhaling, 80, 900), -26)


def clicks(rng: Rng, n: int, per_second: float) -> Samples:
    return placed(n, at_random(rng, n, per_second), lambda: np.array([0.8, -0.5, 0.2]) * rng.uniform(0.2, 1))


def crackle(rng: Rng, n: int) -> Samples:
    pops = placed(n, at_random(rng, n, 25), lambda: burst(rng, 0.004, 900, 500, 6_000) * rng.pareto(2.0))
    return to_level(pops, -30) + to_level(coloured(rng, n, 1), -44)


def typing(rng: Rng, n: int) -> Samples:
    def key() -> Samples:
        down, up = burst(rng, 0.06, 90, 800, 6_000), burst(rng, 0.06, 120, 1_500, 7_000) * 0.5
        return np.concatenate([down, np.zeros(rng.integers(300, 1_500)), up]) * rng.uniform(0.5, 1)

    return to_level(placed(n, at_random(rng, n, 6), key), -32) + to_level(coloured(rng, n, 1), -56)


def knocks(rng: Rng, n: int) -> Samples:
    rounds = np.arange(0.5, n / SAMPLE_RATE, 2.5)
    starts = np.concatenate([first + np.arange(4) * 0.22 for first in rounds])
    return in_a_room(rng, to_level(placed(n, starts, lambda: burst(rng, 0.12, 60, 90, 900)), -24))


def steps(rng: Rng, n: int) -> Samples:
    starts = np.arange(0.2, n / SAMPLE_RATE, 0.55)
    return in_a_room(rng, to_level(placed(n, starts, lambda: burst(rng, 0.15, 40, 60, 2_500)), -30))


def applause(rng: Rng, n: int) -> Samples:
    return to_level(placed(n, at_random(rng, n, 120), lambda: burst(rng, 0.03, 200, 700, 3_500)), -22)


def handling(rng: Rng, n: int) -> Samples:
    rubs = placed(n, at_random(rng, n, 1.5), lambda: breath(rng, 60, 1_200) * rng.uniform(0.2, 1))
    return to_level(rubs, -26) + to_level(clicks(rng, n, 4), -40)


def paper(rng: Rng, n: int) -> Samples:
    rustle = wander(rng, n, 12) ** 4 * wander(rng, n, 0.8)
    return to_level(band(rng.standard_normal(n), 1_500, 7_500) * rustle, -30)


def dishes(rng: Rng, n: int) -> Samples:
    return to_level(placed(n, at_random(rng, n, 3), lambda: bell(rng, rng.uniform(900, 3_500), 0.5)), -26)


def birds(rng: Rng, n: int, harmonics: int) -> Samples:
    def chirp() -> Samples:
        m = round(rng.uniform(0.06, 0.3) * SAMPLE_RATE)
        path = rng.uniform(1_800, 4_500) + rng.uniform(-1_200, 1_200) * np.sin(np.linspace(0, rng.uniform(2, 14), m))
        tone = np.sum([swept(path * k) / k**2 for k in range(1, harmonics + 1)], axis=0)
        return tone * np.hanning(m) * rng.uniform(0.2, 1)

    return to_level(placed(n, at_random(rng, n, 4), chirp), -24) + to_level(coloured(rng, n, 1), -50)


def crickets(rng: Rng, n: int) -> Samples:
    trill = (np.sin(2 * np.pi * 32 * clock(n)) > 0) * (clock(n) % 0.9 < 0.5)
    return to_level(np.sin(2 * np.pi * 4_300 * clock(n)) * trill, -26) + to_level(coloured(rng, n, 1), -46)


def drill(rng: Rng, n: int) -> Samples:
    speed = 90 + 60 * (wander(rng, n, 0.6) > 0.4) + 10 * wander(rng, n, 3)
    buzz = np.sum([swept(speed * k) for k in range(1, 30)], axis=0)
    return to_level(buzz, -18) + to_level(rng.standard_normal(n), -30)


def train(rng: Rng, n: int) -> Samples:
    starts = np.concatenate([first + np.array([0, 0.13]) for first in np.arange(0.1, n / SAMPLE_RATE, 0.7)])
    rails = placed(n, starts, lambda: burst(rng, 0.15, 40, 80, 1_500))
    return to_level(coloured(rng, n, 1.8), -24) + to_level(rails, -22)


# Music.


def enveloped(samples: Samples, attack: float, release: float) -> Samples:
    edge = np.minimum(clock(len(samples)) / attack, clock(len(samples))[::-1] / release)
    return samples * np.clip(edge, 0, 1)


def plucked(rng: Rng, hertz: float, seconds: float) -> Samples:
    """Karplus and Strong 1983: a burst of noise in a delay line that averages its neighbours."""
    period = max(2, round(SAMPLE_RATE / hertz))
    excitation = np.zeros(round(seconds * SAMPLE_RATE))
    excitation[:period] = rng.uniform(-1, 1, len(excitation[:period]))
    feedback = np.zeros(period + 2)
    feedback[0], feedback[period], feedback[period + 1] = 1.0, -0.498, -0.498
    return enveloped(np.asarray(lfilter([1.0], feedback, excitation)), 0.001, 0.03)


def organ(rng: Rng, hertz: float, seconds: float) -> Samples:
    time = clock(round(seconds * SAMPLE_RATE))
    stops = {0.5: 0.6, 1: 1.0, 1.5: 0.3, 2: 0.7, 3: 0.4, 4: 0.4, 6: 0.2, 8: 0.25}
    tone = sum(level * np.sin(2 * np.pi * hertz * k * time) for k, level in stops.items() if hertz * k < 7_500)
    return enveloped(np.asarray(tone) / 2.5, 0.02, 0.05)


def electric_piano(rng: Rng, hertz: float, seconds: float) -> Samples:
    """Frequency modulation after Chowning 1973."""
    time = clock(round(seconds * SAMPLE_RATE))
    index = 2.5 * np.exp(-3 * time)
    tone = np.sin(2 * np.pi * hertz * time + index * np.sin(2 * np.pi * hertz * 2 * time))
    return enveloped(tone * np.exp(-1.8 * time), 0.004, 0.05)


def bell(rng: Rng, hertz: float, seconds: float) -> Samples:
    time = clock(round(seconds * SAMPLE_RATE))
    partials = [(1.0, 1.0), (2.0, 0.6), (2.4, 0.5), (3.0, 0.4), (4.5, 0.25), (5.33, 0.2)]
    tone = [
        a * np.sin(2 * np.pi * hertz * k * time) * np.exp(-time * (2 + 2 * k)) for k, a in partials if hertz * k < 7_800
    ]
    return enveloped(np.sum(tone, axis=0) / 2, 0.001, 0.02)


def bowed(rng: Rng, hertz: float, seconds: float) -> Samples:
    """A saw with vibrato through the resonances of a wooden body."""
    time = clock(round(seconds * SAMPLE_RATE))
    depth = 0.012 * np.clip(time / 0.3, 0, 1)
    frequency = hertz * (1 + depth * np.sin(2 * np.pi * rng.uniform(5, 6.5) * time))
    saw = np.sum([swept(frequency * k) / k for k in range(1, int(7_000 / hertz) + 1)], axis=0)
    body = saw * 0.3 + band(saw, 250, 330) + band(saw, 420, 520) + band(saw, 900, 1_300) + 0.5 * band(saw, 2_000, 3_200)
    return enveloped(body / 2, 0.08, 0.1)


def blown(rng: Rng, hertz: float, seconds: float) -> Samples:
    """A flute: few harmonics, vibrato, and the player's air."""
    time = clock(round(seconds * SAMPLE_RATE))
    tremor = np.sin(2 * np.pi * rng.uniform(4.5, 6) * time)
    frequency = hertz * (1 + 0.006 * tremor)
    tone = sum(a * swept(frequency * k) for k, a in [(1, 1.0), (2, 0.45), (3, 0.2), (4, 0.06)])
    air = band(rng.standard_normal(len(time)), hertz, min(7_000, 6 * hertz)) * 0.06
    return enveloped((np.asarray(tone) * (1 + 0.15 * tremor) + air) / 1.6, 0.06, 0.08)


def reed(rng: Rng, hertz: float, seconds: float) -> Samples:
    """A clarinet: odd harmonics."""
    time = clock(round(seconds * SAMPLE_RATE))
    harmonics = [k for k in (1, 3, 5, 7, 9, 11) if hertz * k < 7_500]
    return enveloped(np.sum([np.sin(2 * np.pi * hertz * k * time) / k for k in harmonics], axis=0), 0.04, 0.06)


def brass(rng: Rng, hertz: float, seconds: float) -> Samples:
    """Harmonics that open up with the loudness (Risset and Mathews 1969)."""
    time = clock(round(seconds * SAMPLE_RATE))
    loudness = np.clip(time / 0.08, 0, 1) * np.clip((seconds - time) / 0.08, 0, 1)
    harmonics = range(1, int(7_000 / hertz) + 1)
    return np.sum([np.sin(2 * np.pi * hertz * k * time) * loudness**k / k**0.7 for k in harmonics], axis=0) / 3


def square_lead(rng: Rng, hertz: float, seconds: float) -> Samples:
    time = clock(round(seconds * SAMPLE_RATE))
    harmonics = range(1, int(7_000 / hertz) + 1, 2)
    return enveloped(np.sum([np.sin(2 * np.pi * hertz * k * time) / k for k in harmonics], axis=0), 0.005, 0.02)


SCALE = np.array([0, 2, 4, 5, 7, 9, 11])


def pitch(degree: int, root: float) -> float:
    octave, step = divmod(degree, 7)
    return float(root * 2 ** (octave + SCALE[step] / 12))


def melody(rng: Rng, n: int, timbre: Timbre, root: float, beat: float) -> Samples:
    """A random walk on the major scale, with rests."""
    out, at, degree = np.zeros(n), 0, int(rng.integers(0, 8))
    while at < n:
        seconds = beat * float(rng.choice([0.5, 1, 1, 1, 2]))
        if rng.random() > 0.12:
            sound = timbre(rng, pitch(degree, root), seconds * rng.uniform(0.8, 1.1))[: n - at]
            out[at : at + len(sound)] += sound * rng.uniform(0.6, 1)
        degree = int(np.clip(degree + rng.choice([-2, -1, -1, 1, 1, 2, 4, -4]), -3, 10))
        at += round(seconds * SAMPLE_RATE)
    return to_level(out, -20)


def chords(rng: Rng, n: int, timbre: Timbre, root: float, seconds: float) -> Samples:
    """I, vi, IV, V in triads."""
    out = np.zeros(n)
    for bar, at in enumerate(range(0, n, round(seconds * SAMPLE_RATE))):
        first = [0, 5, 3, 4][bar % 4]
        triad = np.sum([timbre(rng, pitch(first + third, root), seconds) for third in (0, 2, 4)], axis=0)[: n - at]
        out[at : at + len(triad)] += triad
    return to_level(out, -20)


def arpeggio(rng: Rng, n: int, timbre: Timbre, root: float, beat: float) -> Samples:
    degrees = iter([first + step for first in [0, 5, 3, 4] * 50 for step in (0, 2, 4, 7, 4, 2, 0, 4)])
    return to_level(
        placed(n, np.arange(0, n / SAMPLE_RATE, beat), lambda: timbre(rng, pitch(next(degrees), root), beat * 2)), -20
    )


def drums(rng: Rng, n: int, beat: float = 0.5) -> Samples:
    def kick() -> Samples:
        time = clock(4_000)
        return np.sin(2 * np.pi * (50 * time + 6 * (1 - np.exp(-30 * time)))) * np.exp(-12 * time)

    seconds = n / SAMPLE_RATE
    kicks = placed(n, np.arange(0, seconds, 2 * beat), kick)
    snares = placed(n, np.arange(beat, seconds, 2 * beat), lambda: burst(rng, 0.2, 25, 180, 6_000))
    hats = placed(n, np.arange(0, seconds, beat / 2), lambda: 0.4 * burst(rng, 0.05, 90, 5_000, 7_800))
    return to_level(kicks + snares + hats, -20)


def waltz(rng: Rng, n: int) -> Samples:
    beat = 0.4
    bars = np.arange(0, n / SAMPLE_RATE, 3 * beat)
    roots = iter([0, 0, 3, 4] * 30)
    basses = placed(n, bars, lambda: electric_piano(rng, pitch(next(roots), 110.0), 0.4))
    after = np.sort(np.concatenate([bars + beat, bars + 2 * beat]))
    strums = placed(n, after, lambda: np.sum([electric_piano(rng, pitch(d, 220.0), 0.3) for d in (0, 2, 4)], axis=0))
    tune = melody(rng, n, electric_piano, 440.0, beat)
    return to_level(to_level(basses, -24) + to_level(strums, -26) + to_level(tune, -20), -18)


def band_playing(rng: Rng, n: int, lead: Timbre) -> Samples:
    parts = [drums(rng, n), chords(rng, n, electric_piano, 220.0, 2.0), melody(rng, n, plucked, 82.0, 0.5)]
    return to_level(np.sum([*parts, 1.3 * melody(rng, n, lead, 392.0, 0.5)], axis=0), -16)


def strings(rng: Rng, n: int) -> Samples:
    voices = [melody(rng, n, bowed, root, 0.6) for root in (110.0, 220.0, 330.0, 440.0)]
    return in_a_room(rng, to_level(np.sum(voices, axis=0), -20))


def glissando(rng: Rng, n: int, low: float, high: float, harmonics: int) -> Samples:
    """A slide that wanders, as on a theremin or a trombone."""
    frequency = low + (high - low) * wander(rng, n, 1.5)
    frequency = frequency * (1 + 0.01 * np.sin(2 * np.pi * 5.5 * clock(n)))
    loud = 0.3 + 0.7 * wander(rng, n, 1.0)
    return to_level(np.sum([swept(frequency * k) / k for k in range(1, harmonics + 1)], axis=0) * loud, -18)


def on_hold(rng: Rng, n: int) -> Samples:
    return over_the_telephone(band_playing(rng, n, blown))


def clipped(rng: Rng, n: int, make: Make, times: float) -> Samples:
    return np.clip(make(rng, n) * times, -0.95, 0.95)


def telephoned(rng: Rng, n: int, make: Make) -> Samples:
    return over_the_telephone(make(rng, n))


def coarse(rng: Rng, n: int, make: Make, bits: int) -> Samples:
    steps = 2 ** (bits - 1)
    return np.round(make(rng, n) * steps) / steps


def dropping_out(rng: Rng, n: int, make: Make) -> Samples:
    """Packets of 20 ms lost, one in five."""
    return make(rng, n) * np.repeat(rng.random(n // 320 + 1) > 0.2, 320)[:n]


NOISES: dict[str, Make] = {
    "digital silence": silence,
    "the last bit flickering": last_bit,
    "a constant offset": partial(offset, level=0.3, hiss=-70),
    "a negative offset with hiss": partial(offset, level=-0.5, hiss=-40),
    **{
        f"{colour} noise at {dbfs} dBFS": partial(hiss, exponent=exponent, dbfs=dbfs)
        for colour, exponent in [("white", 0.0), ("pink", 1.0), ("brown", 2.0)]
        for dbfs in (-60, -45, -30, -18, -6)
    },
    "white noise that swells": partial(swelling, exponent=0.0, hertz=1.0),
    "pink noise that swells as fast as syllables": partial(swelling, exponent=1.0, hertz=5.0),
    "mains hum of 50 Hz": partial(hum, hertz=50, harmonics=12, dbfs=-24),
    "mains hum of 60 Hz": partial(hum, hertz=60, harmonics=12, dbfs=-24),
    "loud mains buzz": partial(hum, hertz=100, harmonics=40, dbfs=-12),
    "rain": rain,
    "wind": wind,
    "sea": sea,
    "an engine": engine,
    "a fan": fan,
    "a drill": drill,
    "a train": train,
    "a room": babble_free_room,
    **{f"a tone of {hertz} Hz": partial(pure, hertz=hertz) for hertz in (100, 220, 440, 1_000, 3_000)},
    "a slow sweep": partial(sweep, low=60, high=7_500, seconds=8),
    "fast sweeps": partial(sweep, low=200, high=2_500, seconds=0.7),
    "touch tones": partial(touch_tones, on=0.15, off=0.1),
    "slow touch tones": partial(touch_tones, on=0.5, off=0.4),
    "a European dial tone": partial(pure, hertz=425),
    "an American dial tone": partial(call_progress, low=350, high=440, on=60, off=0),
    "ring-back": partial(call_progress, low=440, high=480, on=2, off=4),
    "British ring-back": partial(call_progress, low=400, high=450, on=0.4, off=0.2),
    "busy": partial(call_progress, low=480, high=620, on=0.5, off=0.5),
    "the number is not in service": special_information,
    "a modem": modem,
    "short beeps": partial(beeps, hertz=1_000, on=0.1, off=0.4),
    "long beeps": partial(beeps, hertz=440, on=0.8, off=0.6),
    "a wailing siren": partial(siren, low=500, high=1_500, per_second=0.25, harmonics=6),
    "a yelping siren": partial(siren, low=600, high=1_400, per_second=3.0, harmonics=6),
    "a two-tone horn": two_tone_horn,
    "an old telephone": old_ringer,
    "quiet breaths": partial(breaths, low=400, high=5_000, dbfs=-42),
    "loud breaths": partial(breaths, low=300, high=3_500, dbfs=-24),
    "panting": panting,
    "snoring": snore,
    "clicks": partial(clicks, per_second=3),
    "many clicks": partial(clicks, per_second=40),
    "crackle": crackle,
    "typing": typing,
    "knocks on a door": knocks,
    "steps": steps,
    "applause": applause,
    "a microphone handled": handling,
    "paper": paper,
    "dishes": dishes,
    "birds": partial(birds, harmonics=1),
    "birds with harmonics": partial(birds, harmonics=4),
    "crickets": crickets,
    "a plucked melody": partial(melody, timbre=plucked, root=196.0, beat=0.4),
    "plucked chords": partial(chords, timbre=plucked, root=147.0, seconds=1.2),
    "a plucked arpeggio": partial(arpeggio, timbre=plucked, root=131.0, beat=0.2),
    "an electric piano": partial(melody, timbre=electric_piano, root=262.0, beat=0.35),
    "an electric piano's chords": partial(chords, timbre=electric_piano, root=220.0, seconds=1.6),
    "an organ": partial(melody, timbre=organ, root=262.0, beat=0.5),
    "an organ's chords": partial(chords, timbre=organ, root=165.0, seconds=2.0),
    "bells": partial(melody, timbre=bell, root=523.0, beat=0.5),
    "a cello": partial(melody, timbre=bowed, root=98.0, beat=0.7),
    "a violin": partial(melody, timbre=bowed, root=330.0, beat=0.5),
    "strings in a hall": strings,
    "a flute": partial(melody, timbre=blown, root=440.0, beat=0.45),
    "a clarinet": partial(melody, timbre=reed, root=196.0, beat=0.45),
    "a trumpet": partial(melody, timbre=brass, root=233.0, beat=0.4),
    "brass chords": partial(chords, timbre=brass, root=147.0, seconds=1.5),
    "a square wave's melody": partial(melody, timbre=square_lead, root=220.0, beat=0.25),
    "a theremin": partial(glissando, low=150, high=700, harmonics=2),
    "a trombone's slide": partial(glissando, low=90, high=260, harmonics=20),
    "drums": drums,
    "a waltz": waltz,
    "a band": partial(band_playing, lead=square_lead),
    "a band with strings": partial(band_playing, lead=bowed),
    "music on hold": on_hold,
    "clipped music": partial(clipped, make=partial(band_playing, lead=reed), times=8.0),
    "clipped brown noise": partial(clipped, make=partial(hiss, exponent=2.0, dbfs=-6.0), times=6.0),
    "white noise over the telephone": partial(telephoned, make=partial(hiss, exponent=0.0, dbfs=-24.0)),
    "pink noise over the telephone": partial(telephoned, make=partial(hiss, exponent=1.0, dbfs=-24.0)),
    "breaths over the telephone": partial(telephoned, make=partial(breaths, low=300, high=3_500, dbfs=-28.0)),
    "pink noise of eight bits": partial(coarse, make=partial(hiss, exponent=1.0, dbfs=-40.0), bits=8),
    "noise with lost packets": partial(dropping_out, make=partial(hiss, exponent=1.0, dbfs=-24.0)),
    "music with lost packets": partial(dropping_out, make=partial(melody, timbre=organ, root=196.0, beat=0.5)),
}
