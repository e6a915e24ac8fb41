"""The second look at what voice activity took for speech."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from support.media import tone
from support.noises import Timbre, bowed, brass, melody, noise, organ, to_level

from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.audio.verify import SURE, is_voice
from emotion_pipeline.engine.audio.voice_activity import FRAME_SAMPLES, VoiceRules, spans_of, speech_probabilities
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel


def unsure(samples: Channel, probability: float = 0.8) -> bool:
    return is_voice(samples, np.full(-(-len(samples) // FRAME_SAMPLES), probability, dtype=np.float32))


@pytest.mark.parametrize("timbre", [bowed, brass, organ])
@pytest.mark.parametrize("hertz", [90.0, 140.0, 330.0])
def test_a_note_is_no_voice(rng: np.random.Generator, timbre: Timbre, hertz: float) -> None:
    note = to_level(timbre(rng, hertz, 0.6), -20).astype(np.float32)
    assert not unsure(note)


def test_a_melody_is_no_voice(rng: np.random.Generator) -> None:
    assert not unsure(melody(rng, 3 * SAMPLE_RATE, brass, 110.0, 0.5).astype(np.float32))


def test_speech_is_a_voice_to_a_detector_in_doubt(repository: Path) -> None:
    channel = decode(repository / "samples" / "2026-11-02" / "sad_voice_message.ogg")[0]
    probabilities = speech_probabilities(channel)
    spans = spans_of(probabilities, channel.size / SAMPLE_RATE, VoiceRules(pad=0.0))
    assert len(spans) > 3
    for span in spans:
        assert unsure(channel[round(span.start * SAMPLE_RATE) : round(span.end * SAMPLE_RATE)])


def test_a_detector_that_is_sure_is_believed() -> None:
    steady = tone(200.0, 1.0)[0]
    assert unsure(steady, SURE + 0.01)
    assert not unsure(steady, SURE - 0.01)


def test_pauses_inside_a_stretch_do_not_make_it_doubtful() -> None:
    probabilities = np.array([0.99, 0.98, 0.1, 0.2, 0.99], dtype=np.float32)
    assert is_voice(tone(200.0, 5 * FRAME_SAMPLES / SAMPLE_RATE)[0], probabilities)


def test_silence_and_noise_are_judged_without_a_warning() -> None:
    assert not unsure(np.zeros(SAMPLE_RATE, dtype=np.float32), 0.6)
    assert isinstance(unsure(noise("white noise at -18 dBFS", seconds=1.0).samples), bool)


@given(
    hnp.arrays(np.float32, st.integers(1, 4_000), elements=st.floats(-1, 1, width=32)),
    st.floats(0.0, 1.0, width=32),
)
@settings(max_examples=50, deadline=None)
@pytest.mark.filterwarnings("error")
def test_any_samples_are_judged(samples: Channel, probability: float) -> None:
    assert unsure(samples, probability) in (True, False)
