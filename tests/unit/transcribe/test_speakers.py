"""Which channel of a recording is whose."""

from pathlib import Path

import numpy as np
import pytest

from emotion_pipeline.engine.audio.channels import speakers_of, voice_index, voices_of
from emotion_pipeline.engine.audio.encode import encode_flac
from emotion_pipeline.engine.common.errors import MediaError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Waveform

BOTH = ("speaker_1", "speaker_2")


def noise(rng: np.random.Generator, level: float = 0.1) -> Waveform:
    return rng.normal(0, level, (1, SAMPLE_RATE)).astype(np.float32)


@pytest.fixture
def kept(tmp_path: Path):
    """Write a waveform as the copy that later stages read."""

    def keep(waveform: Waveform) -> Path:
        encode_flac(waveform, tmp_path / "kept.flac")
        return tmp_path / "kept.flac"

    return keep


def test_channels_that_differ_by_little_are_one_speaker(rng: np.random.Generator, kept) -> None:
    voice = noise(rng)
    assert speakers_of(kept(np.concatenate([voice, voice + noise(rng, 0.001)]))) == ("speaker_1",)
    assert speakers_of(kept(np.concatenate([voice, np.float32(0.9) * voice]))) == ("speaker_1",)


def test_channels_that_differ_are_two_speakers(rng: np.random.Generator, kept) -> None:
    assert speakers_of(kept(np.concatenate([noise(rng), noise(rng)]))) == BOTH
    assert speakers_of(kept(np.concatenate([noise(rng), noise(rng, 0.0)]))) == BOTH


@pytest.mark.parametrize("channels", [1, 2])
def test_silence_is_one_speaker_however_many_channels_it_has(channels: int, kept) -> None:
    assert speakers_of(kept(np.zeros((channels, SAMPLE_RATE), dtype=np.float32))) == ("speaker_1",)


def test_a_speaker_is_heard_on_their_own_channel(rng: np.random.Generator) -> None:
    block = np.concatenate([noise(rng), noise(rng)])
    assert np.array_equal(voices_of(block, BOTH)[voice_index("speaker_2", BOTH)], block[1])


def test_a_single_speaker_is_heard_on_the_mean_of_more_than_two_channels(rng: np.random.Generator) -> None:
    channels = np.concatenate([noise(rng), noise(rng), noise(rng)])
    assert voices_of(channels, ("speaker_1",)) == pytest.approx(channels.mean(axis=0, keepdims=True), abs=1e-6)


def test_a_single_speaker_on_an_inverted_pair_is_not_silent(rng: np.random.Generator) -> None:
    voice = noise(rng)
    assert np.array_equal(voices_of(np.concatenate([voice, -voice]), ("speaker_1",)), voice)


def test_a_third_speaker_of_a_two_sided_call_is_an_error_that_names_the_two() -> None:
    with pytest.raises(ValueError, match=r"'speaker_3' does not speak.*its speakers are speaker_1, speaker_2$"):
        voice_index("speaker_3", BOTH)


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(b"no audio")
    with pytest.raises(MediaError, match=r"broken\.wav"):
        speakers_of(tmp_path / "broken.wav")
