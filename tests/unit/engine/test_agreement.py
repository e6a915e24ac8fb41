"""The documented rule: happy agrees with positive, angry with negative, every other tone with nothing."""

import pytest

from emotion_pipeline.engine.agreement import Agreement, tone_sentiment_match, weighted_mean


@pytest.mark.parametrize(
    ("tone", "sentiment", "expected"),
    [
        ("happy", 0.01, Agreement.MATCH),
        ("happy", -0.01, Agreement.DO_NOT_MATCH),
        ("happy", 0.0, Agreement.DO_NOT_MATCH),
        ("angry", -0.01, Agreement.MATCH),
        ("angry", 0.01, Agreement.DO_NOT_MATCH),
        ("angry", 0.0, Agreement.DO_NOT_MATCH),
        ("sad", -0.9, Agreement.UNKNOWN),
        ("neutral", 0.0, Agreement.UNKNOWN),
        ("calm", 0.9, Agreement.UNKNOWN),
        (None, 0.5, Agreement.UNKNOWN),
        ("happy", None, Agreement.UNKNOWN),
    ],
)
def test_tone_and_sentiment_agree_as_documented(tone: str | None, sentiment: float | None, expected: Agreement) -> None:
    assert tone_sentiment_match(tone, sentiment) is expected


def test_the_documented_spelling_is_kept() -> None:
    assert [str(value) for value in Agreement] == ["Match", "Do Not Match", "Unknown"]


def test_a_weighted_mean_weighs_and_is_none_without_weight() -> None:
    assert weighted_mean([1.0, -1.0], [3, 1]) == 0.5
    assert weighted_mean([1.0], [0]) is None
    assert weighted_mean([], []) is None
