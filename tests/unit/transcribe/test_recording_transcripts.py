"""One recording to one transcript, and which channel is whose."""

from pathlib import Path

import numpy as np
import pytest

from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.transcribe.pocketsphinx import PocketsphinxTranscriber
from emotion_pipeline.engine.transcribe.recording import channel_of, speakers_of, transcribe_recording
from emotion_pipeline.engine.types import SAMPLE_RATE, Waveform

READER = PocketsphinxTranscriber(workers=1)


@pytest.fixture(scope="module")
def two_readers(shared_data: Path) -> Waveform:
    return decode(shared_data / "speech" / "stereo" / "stereo_diarization.wav", keep_channels=True)


def noise(rng: np.random.Generator, level: float = 0.1) -> Waveform:
    return rng.normal(0, level, (1, SAMPLE_RATE)).astype(np.float32)


def test_each_channel_of_a_two_sided_call_has_its_own_words(two_readers: Waveform) -> None:
    transcript = transcribe_recording(two_readers, READER)
    said = {
        speaker: {word.text for word in transcript.words if word.speaker == speaker}
        for speaker in ("speaker_1", "speaker_2")
    }
    assert {word.speaker for word in transcript.words} == set(said)
    assert {"began", "confused", "complaint", "wizard", "curtain"} <= said["speaker_1"]
    assert "extremely" in said["speaker_2"] - said["speaker_1"]
    assert [word.start for word in transcript.words] == sorted(word.start for word in transcript.words)
    assert [span.start for span in transcript.speech] == sorted(span.start for span in transcript.speech)
    assert (transcript.language, transcript.language_probability) == ("en", None)


def test_one_voice_on_both_channels_is_one_speaker(two_readers: Waveform) -> None:
    twice = np.stack([two_readers[0], two_readers[0]])
    transcript = transcribe_recording(twice, READER)
    assert transcript.words
    assert {word.speaker for word in transcript.words} == {"speaker_1"}
    assert transcript == transcribe_recording(two_readers[:1], READER)


def test_a_recording_without_speech_has_an_empty_transcript(rng: np.random.Generator) -> None:
    transcript = transcribe_recording(noise(rng), READER)
    assert (transcript.words, transcript.speech, transcript.text) == ((), (), "")


def test_channels_that_differ_by_little_are_one_speaker(rng: np.random.Generator) -> None:
    voice = noise(rng)
    assert speakers_of(np.concatenate([voice, voice + noise(rng, 0.001)])) == ("speaker_1",)
    assert speakers_of(np.concatenate([voice, np.float32(0.9) * voice])) == ("speaker_1",)


def test_channels_that_differ_are_two_speakers(rng: np.random.Generator) -> None:
    assert speakers_of(np.concatenate([noise(rng), noise(rng)])) == ("speaker_1", "speaker_2")
    assert speakers_of(np.concatenate([noise(rng), noise(rng, 0.0)])) == ("speaker_1", "speaker_2")


@pytest.mark.parametrize("channels", [1, 2, 3, 6])
def test_silence_is_one_speaker_however_many_channels_it_has(channels: int) -> None:
    assert speakers_of(np.zeros((channels, SAMPLE_RATE), dtype=np.float32)) == ("speaker_1",)


def test_a_speaker_is_heard_on_their_own_channel(rng: np.random.Generator) -> None:
    both = np.concatenate([noise(rng), noise(rng)])
    assert np.array_equal(channel_of(both, "speaker_1"), both[0])
    assert np.array_equal(channel_of(both, "speaker_2"), both[1])


def test_a_single_speaker_is_heard_on_the_mean_of_all_channels(rng: np.random.Generator) -> None:
    voice = noise(rng)
    heard = channel_of(np.concatenate([voice, 0.95 * voice]), "speaker_1")
    assert heard == pytest.approx(0.975 * voice[0], abs=1e-6)


def test_a_speaker_who_is_not_there_is_an_error_that_names_those_who_are(rng: np.random.Generator) -> None:
    with pytest.raises(ValueError, match=r"'speaker_2' does not speak in this recording; its speakers are speaker_1$"):
        channel_of(noise(rng), "speaker_2")
    with pytest.raises(ValueError, match=r"its speakers are speaker_1, speaker_2$"):
        channel_of(np.concatenate([noise(rng), noise(rng)]), "speaker_3")
