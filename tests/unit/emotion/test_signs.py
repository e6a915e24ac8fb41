"""Emoji and emoticons: which words stand for them, and that they are felt where the words beside them leave it open."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from emotion_pipeline.engine.emotion.predictor import EmotionPredictor
from emotion_pipeline.engine.emotion.taxonomy import ANGER, BASE_EMOTIONS, HAPPINESS, SADNESS
from emotion_pipeline.engine.emotion.text_scores import score_in_memory
from emotion_pipeline.engine.sentiment.emotion import EmotionSentiment
from emotion_pipeline.engine.text.signs import with_phrases
from emotion_pipeline.training.text.data import read_labelled

PAIRS = [
    (text, happy, other, base)
    for base, pairs in yaml.safe_load(Path(__file__).with_name("sign_pairs.yaml").read_text()).items()
    for text, happy, other in pairs
]


@pytest.fixture(scope="module")
def predictor() -> EmotionPredictor:
    return EmotionPredictor()


@pytest.mark.parametrize(
    ("text", "phrased"),
    [
        ("no news :( 😢", "no news. I am sad."),
        ("😡", "I am angry."),
        ("great! 👍🏽", "great! great."),
        ("what?? 🤷🏻‍♀️ really", "what?? I am not sure. really"),
        ("wow...😱 ok", "wow... I am scared. ok"),
        ("❤️ you", "I love it. you"),
    ],
)
def test_a_phrase_stands_where_the_sign_stood(text: str, phrased: str) -> None:
    assert with_phrases(text) == phrased


@pytest.mark.parametrize("text", ["", "fine.", "at 10:00", "see http://x.de/a", "f(x):(y)", "🏠 number 7", "C:/Data"])
def test_what_is_no_sign_of_feeling_stays(text: str) -> None:
    assert with_phrases(text) is None


def test_messages_that_differ_by_a_sign_alone_differ_in_emotion(predictor: EmotionPredictor) -> None:
    results = predictor.predict([text.format(sign) for text, *signs, _base in PAIRS for sign in signs])
    expected = [base for *_pair, other in PAIRS for base in (HAPPINESS, other)]
    right = np.array([result.base == base for result, base in zip(results, expected, strict=True)])
    assert len(PAIRS) >= 60
    assert right.mean() >= 0.92, [r.base for r, hit in zip(results, right, strict=True) if not hit]


def test_words_that_say_what_is_felt_are_not_overruled(predictor: EmotionPredictor) -> None:
    angry, sad, happy = predictor.predict(
        ["I hate this stupid company :)", "my grandmother died, I miss her ❤️", "I love this so much, thank you 😭"]
    )
    assert (angry.base, sad.base, happy.base) == (ANGER, SADNESS, HAPPINESS)


def test_sentiment_has_the_sign_of_the_emoji(predictor: EmotionPredictor) -> None:
    up, down = EmotionSentiment(predictor).score(["the new menu is out 👍", "the new menu is out 👎"])
    assert up > 0.2
    assert down < -0.2


def test_rows_of_a_batch_without_signs_are_untouched(predictor: EmotionPredictor) -> None:
    alone = predictor.predict("the train leaves at nine")[0]
    beside = predictor.predict(["so happy 😊", "the train leaves at nine", "👎"])[1]
    assert beside.base_probability == pytest.approx(alone.base_probability, abs=0.01)


def test_rows_of_goemotions_with_signs_lose_nothing_that_counts(predictor: EmotionPredictor, shared_data: Path) -> None:
    corpus = shared_data / "goemotions"
    dev = read_labelled(corpus / "dev.tsv", corpus / "labels.txt")
    rows = [row for row, text in enumerate(dev.texts) if with_phrases(text) is not None]
    texts = [dev.texts[row] for row in rows]
    model = predictor._loaded()
    with_signs = np.array([BASE_EMOTIONS.index(result.base) for result in predictor.predict(texts)])
    without = score_in_memory(model, texts).base.argmax(axis=1)
    accuracy, before = (dev.bases[rows, bases].mean().item() for bases in (with_signs, without))
    assert len(rows) > 200
    assert accuracy >= before - 0.03, f"{accuracy:.3f} of {len(rows)} rows, {before:.3f} without phrases"
