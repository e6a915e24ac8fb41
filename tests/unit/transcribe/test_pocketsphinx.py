"""PocketSphinx on real speech."""

from pathlib import Path

import numpy as np
import pytest

from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.audio.voice import speech_spans
from emotion_pipeline.engine.transcribe.pocketsphinx import PocketsphinxTranscriber
from emotion_pipeline.engine.types import SAMPLE_RATE, Channel, Span

ALONE = PocketsphinxTranscriber(workers=1)


@pytest.fixture(scope="module")
def channel(shared_data: Path) -> Channel:
    """Two sentences of one reader, three seconds apart."""
    folder = shared_data / "speech" / "read"
    pause = np.zeros(3 * SAMPLE_RATE, dtype=np.float32)
    return np.concatenate([decode(folder / "LJ001-0008.flac")[0], pause, decode(folder / "LJ001-0002.flac")[0]])


def test_words_are_in_order_inside_the_speech_and_as_sure_as_they_say(channel: Channel) -> None:
    speech = speech_spans(channel)
    words = ALONE.transcribe(channel, speech, "speaker_7")
    text = [word.text for word in words]
    assert {"been", "surpassed", "being", "comparatively"} <= set(text)
    assert text.index("surpassed") < text.index("comparatively")
    assert {word.speaker for word in words} == {"speaker_7"}
    assert all(0.0 <= word.probability <= 1.0 for word in words)
    assert all(word.text and "(" not in word.text and "<" not in word.text for word in words)
    assert [word.start for word in words] == sorted(word.start for word in words)
    for word in words:
        assert word.start <= word.end
        assert any(span.start <= word.start and word.end <= span.end for span in speech)


def test_more_processes_give_the_same_words(channel: Channel) -> None:
    speech = speech_spans(channel)
    alone = ALONE.transcribe(channel, speech, "speaker_1")
    assert alone
    assert PocketsphinxTranscriber(workers=2).transcribe(channel, speech, "speaker_1") == alone


def test_what_was_heard_before_changes_nothing(channel: Channel) -> None:
    last = speech_spans(channel)[-1:]
    first = ALONE.transcribe(channel, last, "speaker_1")
    ALONE.transcribe(channel[::-1].copy(), [Span(0.0, 2.0)], "speaker_1")
    assert ALONE.transcribe(channel, last, "speaker_1") == first


def test_no_speech_gives_no_words(channel: Channel) -> None:
    assert ALONE.transcribe(channel, [], "speaker_1") == ()


def test_a_span_beyond_the_audio_gives_no_words_and_spoils_nothing(channel: Channel) -> None:
    end = channel.size / SAMPLE_RATE
    assert ALONE.transcribe(channel, [Span(end + 1.0, end + 2.0)], "speaker_1") == ()
    assert ALONE.transcribe(np.zeros(0, dtype=np.float32), [Span(0.0, 1.0)], "speaker_1") == ()
    assert ALONE.transcribe(channel, speech_spans(channel)[:1], "speaker_1")


def test_the_fingerprint_names_model_version_and_search() -> None:
    backend, model, version, parameters = ALONE.fingerprint.split(":")
    assert (backend, model) == ("pocketsphinx", "en-us")
    assert version[0].isdigit()
    assert "pad=0.2" in parameters
    assert PocketsphinxTranscriber(workers=3).fingerprint == ALONE.fingerprint
