"""The documented rule (happy agrees with positive, angry with negative) and the score beyond it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion_pipeline.engine.agreement import (
    CHANCE,
    Agreement,
    Leaning,
    agreement_score,
    contradicts,
    is_leaking,
    is_masked,
    leaning_of_tone,
    leaning_of_words,
    tone_sentiment_match,
    weighted_mean,
)
from emotion_pipeline.engine.tone.labels import ACOUSTIC_TONES, TONES


@pytest.mark.parametrize(
    ("base", "sentiment", "expected"),
    [
        *(("Anger", 0.91, True), ("Sadness", 0.2, True), ("Happiness", -0.2, True)),
        *(("Anger", -0.91, False), ("Anger", 0.05, False), ("Happiness", -0.05, False), ("Happiness", 0.9, False)),
        *(("Neutral", 0.9, False), ("Other", -0.9, False), ("Anger", None, False)),
    ],
)
def test_a_sentiment_contradicts_an_emotion_of_the_other_sign(
    base: str, sentiment: float | None, expected: bool
) -> None:
    assert contradicts(base, sentiment) is expected


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


GLAD, CALM, CROSS = Leaning(1.0, 0.0, 0.0), Leaning(0.0, 1.0, 0.0), Leaning(0.0, 0.0, 1.0)
UNSURE = Leaning(1 / 3, 1 / 3, 1 / 3)
LEANINGS = st.tuples(*[st.floats(0.01, 1.0)] * 3).map(
    lambda parts: Leaning(parts[0] / sum(parts), parts[1] / sum(parts), parts[2] / sum(parts))
)


@pytest.mark.parametrize(
    ("tone", "words", "score"),
    [
        (GLAD, GLAD, 1.0),
        (CROSS, CROSS, 1.0),
        (CALM, CALM, 1.0),
        (GLAD, CROSS, -1.0),
        (CROSS, GLAD, -1.0),
        (GLAD, CALM, -0.1),
        (UNSURE, UNSURE, 0.0),
        (UNSURE, CALM, 0.25),
    ],
)
def test_agreement_is_1_for_the_same_0_for_chance_and_minus_1_for_opposites(
    tone: Leaning, words: Leaning, score: float
) -> None:
    assert agreement_score(tone, words) == pytest.approx(score, abs=1e-9)


@given(LEANINGS, LEANINGS)
def test_agreement_is_symmetric_and_stays_in_its_range(tone: Leaning, words: Leaning) -> None:
    assert -1.0 <= agreement_score(tone, words) <= 1.0
    assert agreement_score(tone, words) == pytest.approx(agreement_score(words, tone))


def test_chance_is_what_all_pairs_of_classes_agree_by_on_average() -> None:
    classes = (GLAD, CALM, CROSS)
    scores = [agreement_score(tone, words) for tone in classes for words in classes]
    weights = [CHANCE + score * ((1 - CHANCE) if score > 0 else CHANCE) for score in scores]
    assert sorted(set(np.round(weights, 9))) == [0.0, 0.5, 1.0]
    assert np.mean(weights) == pytest.approx(CHANCE)


def test_an_unsure_voice_moves_the_score_towards_nothing() -> None:
    half_sure = Leaning(0.1, 0.3, 0.6)
    assert agreement_score(CROSS, GLAD) < agreement_score(half_sure, GLAD) < 0
    assert agreement_score(CROSS, CROSS) > agreement_score(half_sure, CROSS) > 0


def test_a_voice_leans_by_the_tones_that_its_model_knows() -> None:
    # Beyond the priors 1/4, 1/4 and 1/2: 0.35 / 0.75, nothing and nothing; what is left goes to all three.
    voice = leaning_of_tone({"happy": 0.6, "neutral": 0.1, "angry": 0.1, "sad": 0.2})
    rest = (1 - 0.35 / 0.75) / 3
    assert (voice.positive, voice.neutral, voice.negative) == pytest.approx((0.35 / 0.75 + rest, rest, rest))
    assert leaning_of_tone({"happy": 0.0, "calm": 0.0, "fearful": 1.0}).negative == pytest.approx(1)


@pytest.mark.parametrize("tones", [ACOUSTIC_TONES, TONES])
def test_a_voice_of_which_nothing_is_known_leans_to_neither_side(tones: tuple[str, ...]) -> None:
    voice = leaning_of_tone(dict.fromkeys(tones, 1 / len(tones)))
    assert (voice.positive, voice.neutral, voice.negative) == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    for words in (GLAD, CALM, CROSS):
        assert not is_masked(voice, words)
        assert not is_leaking(voice, words)
    assert agreement_score(voice, GLAD) == pytest.approx(agreement_score(voice, CROSS))


def _voice(tone: str, probability: float, tones: tuple[str, ...] = ACOUSTIC_TONES) -> Leaning:
    """A voice with that tone, the others sharing what is left."""
    rest = (1 - probability) / (len(tones) - 1)
    return leaning_of_tone(dict.fromkeys(tones, rest) | {tone: probability})


@pytest.mark.parametrize("tones", [ACOUSTIC_TONES, TONES])
def test_only_a_certain_voice_is_masked_or_leaking(tones: tuple[str, ...]) -> None:
    assert is_masked(_voice("angry", 0.9, tones), GLAD)
    assert is_leaking(_voice("happy", 0.9, tones), CROSS)
    for unsure in (_voice("angry", 0.3, tones), _voice("sad", 0.3, tones), _voice("neutral", 0.9, tones)):
        assert not is_masked(unsure, GLAD)
    for unsure in (_voice("happy", 0.3, tones), _voice("neutral", 0.9, tones)):
        assert not is_leaking(unsure, CROSS)


def test_words_that_are_not_certain_mask_and_leak_nothing() -> None:
    hardly_glad, hardly_cross = Leaning(0.45, 0.35, 0.2), Leaning(0.2, 0.35, 0.45)
    assert not is_masked(CROSS, hardly_glad)
    assert not is_leaking(GLAD, hardly_cross)


def test_a_segment_that_matches_is_neither_masked_nor_leaking() -> None:
    assert not is_masked(CROSS, GLAD, Agreement.MATCH)
    assert not is_leaking(GLAD, CROSS, Agreement.MATCH)
    assert is_masked(CROSS, GLAD, Agreement.DO_NOT_MATCH)


def test_words_lean_by_sentiment_and_emotion_alike() -> None:
    words = leaning_of_words(-0.5, {"Happiness": 0.1, "Anger": 0.3, "Sadness": 0.2, "Neutral": 0.3, "Other": 0.1})
    assert (words.positive, words.neutral, words.negative) == pytest.approx((0.05, 0.45, 0.5))


@pytest.mark.parametrize(
    ("tone", "words", "masked", "leaking"),
    [
        (CROSS, GLAD, True, False),
        (GLAD, CROSS, False, True),
        (GLAD, GLAD, False, False),
        (CALM, GLAD, False, False),
        (CROSS, CALM, False, False),
        (UNSURE, GLAD, False, False),
    ],
)
def test_masked_are_positive_words_in_a_negative_voice_and_leaking_the_reverse(
    tone: Leaning, words: Leaning, masked: bool, leaking: bool
) -> None:
    assert (is_masked(tone, words), is_leaking(tone, words)) == (masked, leaking)
