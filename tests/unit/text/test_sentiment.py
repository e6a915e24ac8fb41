"""Sentiment between -1 and 1, and the choice of its back end."""

import pytest

from emotion_pipeline.engine.errors import UnknownBackendError
from emotion_pipeline.engine.text.sentiment import VaderSentiment, load_sentiment


def test_kind_words_score_above_zero_and_harsh_ones_below() -> None:
    kind, harsh, plain, nothing = VaderSentiment().score(
        ["i love this it is wonderful", "this is terrible i hate it", "the meeting is at nine", ""]
    )
    assert kind > 0.5
    assert harsh < -0.5
    assert plain == nothing == 0.0


@pytest.mark.parametrize("text", ["\ud800", "\x00", "😀" * 50, "so " * 10_000 + "good", "שלום", "!!!" * 100])
def test_any_string_has_a_sentiment_in_range(text: str) -> None:
    (score,) = VaderSentiment().score([text])
    assert -1.0 <= score <= 1.0


def test_the_fingerprint_names_backend_version_and_lexicon() -> None:
    backend, name, version, digest = load_sentiment("vader").fingerprint.split(":")
    assert (backend, name) == ("vader", "lexicon")
    assert version
    assert len(digest) == 12
    assert VaderSentiment().fingerprint == load_sentiment("vader").fingerprint


def test_an_unknown_back_end_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownBackendError, match=r"'vadder'.*vader"):
        load_sentiment("vadder")
