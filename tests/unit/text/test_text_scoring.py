"""Emotion and sentiment of texts together: the numbers of each by itself, and one pass of the model where that tells
both."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from emotion_pipeline.engine.emotion.encoder_model import EncoderEmotionModel
from emotion_pipeline.engine.emotion.predictor import EmotionPredictor
from emotion_pipeline.engine.emotion.scores import Scores
from emotion_pipeline.engine.emotion.text_scores import WINDOW, windows_of
from emotion_pipeline.engine.sentiment.base import Sentiment, SentimentBackend, TextNotScoredError, UnscoredReason
from emotion_pipeline.engine.sentiment.emotion import EmotionSentiment
from emotion_pipeline.engine.sentiment.text_scoring import score_texts
from emotion_pipeline.engine.sentiment.vader import VaderSentiment

PREDICTOR = EmotionPredictor()
TEXTS = ["Exciting news!", "I am furious with you.", "", " ", "ok \U0001f600", "so happy " * 400]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts each pass of the model reads."""
    sizes: list[int] = []
    score = EncoderEmotionModel.score

    def counting(
        self: EncoderEmotionModel, texts: Sequence[str], features: NDArray[np.float32] | None = None
    ) -> Scores:
        sizes.append(len(texts))
        return score(self, texts, features)

    monkeypatch.setattr(EncoderEmotionModel, "score", counting)
    return sizes


@pytest.mark.parametrize("sentiment", [EmotionSentiment(PREDICTOR), VaderSentiment()], ids=["emotion", "vader"])
def test_a_score_is_what_predictor_and_sentiment_give_each_by_itself(sentiment: SentimentBackend) -> None:
    scores = score_texts(TEXTS, PREDICTOR, sentiment)
    assert [score.text for score in scores] == TEXTS
    assert [score.emotion for score in scores] == PREDICTOR.predict(TEXTS)
    assert [score.sentiment_score for score in scores] == sentiment.score(TEXTS)


def test_the_model_reads_each_text_once_for_both_and_signs_once_more(read: list[int]) -> None:
    score_texts(TEXTS, PREDICTOR, EmotionSentiment(PREDICTOR))
    windows = [windows_of(text) for text in TEXTS if len(text) > WINDOW]
    signs = sum("\U0001f600" in text for text in TEXTS)
    assert read == [len(TEXTS) - len(windows), signs, sum(map(len, windows))]


def test_the_sentiment_of_another_model_does_not_follow() -> None:
    assert EmotionSentiment(PREDICTOR).follows_from(PREDICTOR)
    assert not EmotionSentiment(EmotionPredictor()).follows_from(PREDICTOR)


def test_no_texts_have_no_scores() -> None:
    assert score_texts([], PREDICTOR, EmotionSentiment(PREDICTOR)) == []


def test_a_score_is_one_flat_object() -> None:
    [score] = score_texts(["Exciting news!"], PREDICTOR, VaderSentiment())
    plain = score.to_dict()
    assert plain == {"text": "Exciting news!", **score.emotion.to_dict(), "sentiment_score": score.sentiment_score}
    assert list(plain)[:3] == ["text", "base", "base_probability"]


class _CheerfulBackend(VaderSentiment):
    """A back end that hears nothing but praise."""

    def score(self, texts: Sequence[str]) -> list[float]:
        return [0.9 for _ in texts]


def test_a_text_whose_sentiment_contradicts_its_emotion_has_a_notice() -> None:
    angry, happy = score_texts(["I am furious with you.", "Exciting news!"], PREDICTOR, _CheerfulBackend())
    assert (angry.to_dict()["base"], angry.to_dict()["notices"]) == ("Anger", ("contradictory",))
    assert happy.to_dict()["notices"] == ()


class _SilentBackend:
    """A back end that has no score for a text, as a service may."""

    fingerprint = "silent:none:1:000000000000"
    languages = frozenset({"en"})

    def score(self, texts: Sequence[str]) -> list[float]:
        raise TextNotScoredError(0, UnscoredReason.REFUSED)

    def sentiments(self, texts: Sequence[str]) -> list[Sentiment]:
        return [Sentiment(None, UnscoredReason.REFUSED) for _ in texts]


def test_a_text_without_a_sentiment_keeps_its_emotion() -> None:
    [score] = score_texts(["Exciting news!"], PREDICTOR, _SilentBackend())
    assert score.emotion.base == "Happiness"
    assert score.to_dict()["sentiment_score"] is None
