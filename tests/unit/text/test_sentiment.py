"""Sentiment between -1 and 1, and the choice of its back end."""

import pytest

from emotion_pipeline.engine.common.errors import UnknownBackendError
from emotion_pipeline.engine.emotion.predictor import EmotionPredictor
from emotion_pipeline.engine.emotion.taxonomy import LABELS, SENTIMENT_GROUPS
from emotion_pipeline.engine.sentiment.emotion import EmotionSentiment
from emotion_pipeline.engine.sentiment.registry import load_sentiment
from emotion_pipeline.engine.sentiment.vader import VaderSentiment

PREDICTOR = EmotionPredictor()


def test_kind_words_score_above_zero_and_harsh_ones_below() -> None:
    kind, harsh, plain, nothing = VaderSentiment().score(
        ["i love this it is wonderful", "this is terrible i hate it", "the meeting is at nine", ""]
    )
    assert kind > 0.5
    assert harsh < -0.5
    assert plain == nothing == 0.0


def test_the_emotion_model_tells_kind_from_harsh_and_leaves_the_middle_to_plain_texts() -> None:
    kind, harsh, plain, *nothing = EmotionSentiment(PREDICTOR).score(
        ["thank you so much, i love it", "this is terrible i hate it", "the meeting is at nine", "", " \n"]
    )
    assert kind > 0.5
    assert harsh < -0.5
    assert abs(plain) < 0.3
    assert nothing == [0.0, 0.0]


def test_an_irritated_text_without_a_harsh_word_is_below_zero() -> None:
    (score,) = EmotionSentiment(PREDICTOR).score(["why do you keep wasting my time with this nonsense"])
    assert score < 0


def test_every_label_has_its_place_among_the_sentiments() -> None:
    assert sorted(label for group in SENTIMENT_GROUPS.values() for label in group) == sorted(LABELS)


def test_the_emotion_back_end_takes_a_loaded_predictor_and_its_fingerprint_follows_the_model() -> None:
    backend = load_sentiment("emotion", PREDICTOR)
    assert backend.fingerprint == load_sentiment("emotion").fingerprint
    kind, *rest, formula = backend.fingerprint.split(":")
    assert (kind, formula) == ("emotion", "2")
    assert rest == PREDICTOR.model_fingerprint.split(":")[1:]
    # Which results are uncertain does not touch the sentiment.
    assert load_sentiment("emotion", EmotionPredictor(confidence_threshold=0.1)).fingerprint == backend.fingerprint


@pytest.mark.parametrize("text", ["\ud800", "\x00", "😀" * 50, "so " * 10_000 + "good", "שלום", "!!!" * 100])
def test_any_string_has_a_sentiment_in_range(text: str) -> None:
    for backend in (VaderSentiment(), EmotionSentiment(PREDICTOR)):
        (score,) = backend.score([text])
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
