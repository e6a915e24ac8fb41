"""Functionals of real, synthetic and hostile signals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel
from emotion_pipeline.engine.tone.acoustic.descriptors import N_BINS, N_MELS, describe, mel_filters
from emotion_pipeline.engine.tone.acoustic.features import feature_names, functionals
from emotion_pipeline.engine.tone.acoustic.pitch import HOP, track_pitch
from emotion_pipeline.engine.tone.windows import LONGEST, windows

FILTERS = np.full((N_MELS, N_BINS), 1 / N_BINS, dtype=np.float32)


def voice(hertz: NDArray[np.float64] | float, seconds: float = 1.0) -> Channel:
    """A buzz with falling harmonics, roughly what vocal folds give, syllables four times a second."""
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hertz, time.shape)) / SAMPLE_RATE
    buzz = sum(np.sin(k * phase) / k for k in range(1, 12))
    return (0.1 * buzz * (1.2 - np.cos(2 * np.pi * 4 * time))).astype(np.float32)


def named(samples: Channel) -> dict[str, float]:
    vector, _ = functionals(samples, FILTERS)
    return dict(zip(feature_names(), vector.tolist(), strict=True))


@pytest.mark.parametrize("hertz", [80.0, 120.0, 210.0, 333.0, 500.0])
def test_the_pitch_of_a_steady_voice_is_found_without_octave_errors(hertz: float) -> None:
    contour, periodicity = track_pitch(voice(hertz), 90)
    middle = contour[10:80]
    assert np.abs(middle / hertz - 1).max() < 0.02
    assert periodicity[10:80].min() > 0.9


def test_a_frame_of_pitch_is_centred_where_it_says(rng: np.random.Generator) -> None:
    samples = np.concatenate([voice(100.0, 0.5), voice(200.0, 0.5)])
    contour, _ = track_pitch(samples, 98)
    change = int(np.flatnonzero(contour > 150)[0])
    assert abs(change * HOP + HOP - SAMPLE_RATE / 2) < 3 * HOP


def test_noise_is_mostly_unvoiced(rng: np.random.Generator) -> None:
    contour, _ = track_pitch(rng.standard_normal(SAMPLE_RATE).astype(np.float32), 98)
    assert (contour > 0).mean() < 0.1


def test_a_higher_voice_has_a_higher_pitch_mean_by_the_right_interval() -> None:
    low, high = named(voice(110.0)), named(voice(220.0))
    assert high["pitch_mean"] - low["pitch_mean"] == pytest.approx(12, abs=0.2)


def test_a_rising_voice_has_a_positive_trend_and_a_falling_one_a_negative() -> None:
    up = np.linspace(120, 240, SAMPLE_RATE)
    assert named(voice(up))["pitch_trend"] > 8
    assert named(voice(up[::-1]))["pitch_trend"] < -8


def test_syllables_are_counted_at_their_rate() -> None:
    assert named(voice(150.0, 3.0))["nuclei_per_second"] == pytest.approx(4, abs=0.7)


def test_a_dull_voice_has_a_larger_share_of_low_frequencies_than_a_bright_one() -> None:
    bright = voice(150.0)
    dull = np.convolve(bright, np.ones(12) / 12, mode="same").astype(np.float32)
    assert named(dull)["alpha_ratio_mean"] > named(bright)["alpha_ratio_mean"] + 3


def test_the_names_are_unique_and_as_many_as_the_numbers() -> None:
    vector, _ = functionals(voice(150.0), FILTERS)
    assert len(set(feature_names())) == len(feature_names()) == len(vector)


def test_gain_and_offset_change_nothing() -> None:
    samples = voice(150.0)
    reference, _ = functionals(samples, FILTERS)
    for changed in (samples * 0.01, samples * 3, samples + 0.2):
        assert functionals(changed.astype(np.float32), FILTERS)[0] == pytest.approx(reference, abs=0.05, rel=1e-3)


def test_silence_around_an_utterance_changes_little() -> None:
    samples = voice(150.0)
    padded = np.concatenate([np.zeros(SAMPLE_RATE), samples, np.zeros(SAMPLE_RATE)]).astype(np.float32)
    assert named(padded)["pitch_mean"] == pytest.approx(named(samples)["pitch_mean"], abs=0.3)
    assert named(padded)["voiced_share"] == pytest.approx(named(samples)["voiced_share"], abs=0.05)


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(1), np.ones(1), np.full(9000, 0.5), np.full(300, np.nan)])
def test_a_signal_that_carries_nothing_gives_zeros_and_no_speech(samples: NDArray[np.float64]) -> None:
    vector, seconds = functionals(samples.astype(np.float32), FILTERS)
    assert seconds == 0
    assert not vector.any()


AMPLITUDES = st.floats(width=32, allow_nan=True, allow_infinity=True)


@given(hnp.arrays(np.float32, st.integers(0, 3000), elements=AMPLITUDES, fill=st.sampled_from([0.0, 1.0, -1.0])))
@settings(max_examples=60, deadline=None)
def test_the_functionals_of_any_signal_are_finite(samples: Channel) -> None:
    vector, seconds = functionals(samples, FILTERS)
    assert np.isfinite(vector).all()
    assert 0 <= seconds < len(samples) / SAMPLE_RATE + 0.1


@pytest.mark.parametrize("kind", ["clipped", "click", "noise", "whisper"])
def test_the_functionals_of_ill_treated_signals_are_finite(kind: str, rng: np.random.Generator) -> None:
    noise = rng.standard_normal(SAMPLE_RATE)
    click = np.zeros(SAMPLE_RATE)
    click[8000] = 1
    signals = {"clipped": np.sign(voice(150.0)), "click": click, "noise": noise, "whisper": noise * 1e-5}
    vector, seconds = functionals(signals[kind].astype(np.float32), FILTERS)
    assert np.isfinite(vector).all()
    assert seconds > 0


def test_the_mel_filters_cover_speech_and_let_no_band_out() -> None:
    filters = mel_filters()
    assert filters.shape == (N_MELS, N_BINS)
    assert (filters.sum(axis=1) > 0).all()
    assert describe(voice(150.0), filters).mfcc.std() > 0


def test_windows_are_whole_up_to_ten_seconds_and_then_five_to_ten_and_lose_nothing() -> None:
    for seconds in (0, 0.1, 9.99, 10.0, 10.01, 25.0, 61.7):
        samples = np.arange(int(seconds * SAMPLE_RATE), dtype=np.float32)
        cut = windows(samples)
        assert np.array_equal(np.concatenate(cut), samples)
        lengths = [len(window) / SAMPLE_RATE for window in cut]
        assert max(lengths) <= LONGEST + 1e-3
        assert len(cut) == 1 or min(lengths) >= 5 - 1e-3
