"""PocketSphinx on real speech."""

from pathlib import Path

import numpy as np
import pytest

from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel
from emotion_pipeline.engine.transcribe.base import Decoding
from emotion_pipeline.engine.transcribe.pocketsphinx import PocketsphinxRecogniser

ALONE = PocketsphinxRecogniser(workers=1)


@pytest.fixture(scope="module")
def sentences(shared_data: Path) -> list[Channel]:
    """Two sentences of one reader."""
    folder = shared_data / "speech" / "read"
    return [decode(folder / name)[0] for name in ("LJ001-0008.flac", "LJ001-0002.flac")]


def heard(recogniser: PocketsphinxRecogniser, items: list[Channel]) -> list[Decoding]:
    return recogniser.decode(items, "en", 0.0)


def test_words_are_in_order_inside_the_item_and_as_sure_as_they_say(sentences: list[Channel]) -> None:
    first, second = heard(ALONE, sentences)
    assert {"been", "surpassed"} <= set(first.text.split())
    assert {"being", "comparatively"} <= set(second.text.split())
    for item, decoding in zip(sentences, (first, second), strict=True):
        assert all(0.0 <= word.probability <= 1.0 for word in decoding.words)
        assert all(word.text and "(" not in word.text and "<" not in word.text for word in decoding.words)
        assert [word.start for word in decoding.words] == sorted(word.start for word in decoding.words)
        assert all(0 <= word.start <= word.end <= len(item) / SAMPLE_RATE + 0.03 for word in decoding.words)
        assert decoding.average_log_probability is not None
        assert decoding.average_log_probability <= 0.0
        assert decoding.no_speech_probability is None


def test_more_processes_give_the_same_words(sentences: list[Channel]) -> None:
    alone = heard(ALONE, sentences)
    assert alone[0].words
    assert heard(PocketsphinxRecogniser(workers=2), sentences) == alone


def test_what_was_heard_before_changes_nothing(sentences: list[Channel]) -> None:
    first = heard(ALONE, sentences[1:])
    heard(ALONE, [sentences[0][::-1].copy()])
    assert heard(ALONE, sentences[1:]) == first


def test_nothing_to_hear_gives_no_words_and_spoils_nothing(sentences: list[Channel]) -> None:
    nothing = np.zeros(0, dtype=np.float32)
    assert heard(ALONE, []) == []
    assert heard(ALONE, [nothing]) == [Decoding((), None, None)]
    assert heard(ALONE, [nothing, sentences[0]])[1].words


def test_it_knows_english_only_and_says_so(sentences: list[Channel]) -> None:
    assert ALONE.language_of(sentences).code == "en"
    assert ALONE.language_of(sentences).probability is None
    with pytest.raises(BackendUnavailableError, match="pocketsphinx knows English only, not 'fr'"):
        ALONE.decode(sentences, "fr", 0.0)


def test_the_fingerprint_names_model_version_and_search() -> None:
    backend, model, version, parameters = ALONE.fingerprint.split(":")
    assert (backend, model) == ("pocketsphinx", "en-us")
    assert version[0].isdigit()
    assert "pad=0.2" in parameters
    assert PocketsphinxRecogniser(workers=3).fingerprint == ALONE.fingerprint
