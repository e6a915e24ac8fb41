"""Functionals of movement: what they say of made voices, and what a microphone cannot change in them."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel
from emotion_pipeline.engine.tone.acoustic.descriptors import FORMANT_NAMES, N_BINS, N_MELS, Descriptors, describe
from emotion_pipeline.engine.tone.acoustic.dynamics import dynamics

EDGES = np.abs(np.arange(N_BINS) - 6 * np.arange(N_MELS)[:, None] - 10)
FILTERS: NDArray[np.float32] = np.where(EDGES < 10, 0.05, 0).astype(np.float32)
VOWELS = {"a": (750, 1250, 2600), "e": (500, 1800, 2500), "i": (300, 2250, 3000)}


def vowel(
    name: str, hertz: NDArray[np.float64] | float = 100.0, loudness: NDArray[np.float64] | float = 1.0
) -> Channel:
    """Pulses through three resonances, one second."""
    phase = np.cumsum(np.broadcast_to(np.asarray(hertz, dtype=np.float64), SAMPLE_RATE)) / SAMPLE_RATE
    sound = np.diff(np.floor(phase), prepend=0) * loudness
    for place in VOWELS[name]:
        radius = np.exp(-np.pi * 80 / SAMPLE_RATE)
        sound = signal.lfilter([1], [1, -2 * radius * np.cos(2 * np.pi * place / SAMPLE_RATE), radius**2], sound)
    return (sound / np.abs(sound).max()).astype(np.float32)


def frames(samples: Channel) -> Descriptors:
    return describe(samples, FILTERS)


@pytest.mark.parametrize("name", sorted(VOWELS))
def test_the_formants_of_a_vowel_are_found_to_a_harmonic(name: str) -> None:
    tracks = frames(vowel(name)).formants
    found = 1000 * 2 ** np.median(tracks[tracks.any(axis=1)][:, :3], axis=0)
    assert np.abs(found - np.array(VOWELS[name])).max() < 100


def test_what_is_unvoiced_has_no_formants(rng: np.random.Generator) -> None:
    found = frames(rng.standard_normal(SAMPLE_RATE).astype(np.float32))
    assert not found.formants[~found.voiced].any()
    assert found.formants.shape[1] == len(FORMANT_NAMES)


def test_a_voice_that_rises_as_it_grows_loud_is_told_from_one_that_falls() -> None:
    louder, up = np.linspace(0.2, 1, SAMPLE_RATE), np.linspace(110, 180, SAMPLE_RATE)
    rising, falling = (dynamics(frames(vowel("a", hertz, louder))) for hertz in (up, up[::-1]))
    assert rising["pitch_with_level"] > 0.9
    assert falling["pitch_with_level"] < -0.9
    assert rising["pitch_loud_quiet"] > 4
    assert rising["pitch_end_start"] > 4
    assert rising["pitch_contour1"] * falling["pitch_contour1"] < 0


def test_a_filter_in_the_microphone_moves_averages_but_not_how_far_the_timbre_ranges() -> None:
    hertz = 120 + 30 * np.sin(2 * np.pi * 3 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    plain = vowel("a", hertz, np.linspace(0.5, 1, SAMPLE_RATE))
    bright = np.convolve(plain, [1, -0.7])[:-1].astype(np.float32)
    for i in (1, 2):
        first, second = (dynamics(frames(samples))[f"mfcc{i}_range"] for samples in (plain, bright))
        assert first == pytest.approx(second, rel=0.15)
    assert abs(frames(plain).shape[:, 0].mean() - frames(bright).shape[:, 0].mean()) > 1.5


def test_a_voice_that_does_not_move_is_correlated_with_nothing() -> None:
    found = dynamics(frames(vowel("e")))
    assert all(np.isfinite(value) for value in found.values())
    assert abs(found["pitch_contour1"]) < 0.1


def test_a_single_frame_of_speech_has_finite_functionals() -> None:
    assert all(np.isfinite(value) for value in dynamics(frames(vowel("a")[:400])).values())
