"""The 42 linguistic features: contract, meaning and stability."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import run

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from emotion_pipeline.engine.common.errors import ArtefactError, BackendUnavailableError, TrainingDataError
from emotion_pipeline.engine.text.feature_table import FEATURE_NAMES, FEATURES
from emotion_pipeline.engine.text.features import FeatureExtractor
from emotion_pipeline.engine.text.tfidf_components import TfidfProjection, fit_projection

# Shared by the property tests, which may not take function-scoped fixtures.
EXTRACTOR = FeatureExtractor()

MINIMA = np.array([feature.minimum for feature in FEATURES])
MAXIMA = np.array([np.inf if feature.maximum is None else feature.maximum for feature in FEATURES])

Features = dict[str, float]


@pytest.fixture
def features_of() -> Callable[[str], Features]:
    def extract(text: str) -> Features:
        return dict(zip(FEATURE_NAMES, EXTRACTOR.extract([text])[0].tolist(), strict=True))

    return extract


def test_there_are_exactly_42_features_with_unique_names() -> None:
    assert len(FEATURES) == len(set(FEATURE_NAMES)) == 42
    assert all(feature.name.isidentifier() and feature.unit and feature.meaning for feature in FEATURES)
    assert sum(name.startswith("nrc_") for name in FEATURE_NAMES) == 10


def test_importing_the_table_loads_nothing_of_ours_and_nothing_heavy() -> None:
    code = (
        "import sys; import emotion_pipeline.engine.text.feature_table as table;"
        "heavy = {'numpy', 'sklearn', 'nrclex', 'HanTa', 'scipy'} & set(sys.modules);"
        "ours = {m for m in sys.modules if m.startswith('emotion_pipeline.engine.text.')} - {table.__name__};"
        "print(sorted(heavy | ours))"
    )
    assert run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


@settings(deadline=None)
@given(st.text(st.characters(), max_size=80))
@example("")
@example("\x00\x00")
@example("\ud800 lone \udfff")
@example("😀😀🎉")
@example("' '' ’ _ __")
@example("kind of " * 4)
@example("𝔘𝔫𝔦𝔠𝔬𝔡𝔢 İ ß ŉ")
def test_features_of_any_string_are_finite_and_in_range(text: str) -> None:
    row = EXTRACTOR.extract([text])[0]
    assert np.isfinite(row).all()
    assert (row >= MINIMA - 1e-6).all(), text
    assert (row <= MAXIMA + 1e-6).all(), text


@pytest.mark.parametrize(
    "text",
    ["word " * 10_000, " ".join(f"w{i}" for i in range(10_000)), "a" * 1_000_000, "ha" * 5_000, "!" * 10_000],
    ids=["one word", "all different", "no space", "laughter", "marks"],
)
def test_very_long_text_has_finite_features(text: str) -> None:
    row = EXTRACTOR.extract([text])[0]
    assert np.isfinite(row).all()
    assert (row <= MAXIMA + 1e-6).all()


def test_no_texts_make_an_empty_matrix_of_42_columns() -> None:
    assert EXTRACTOR.extract([]).shape == (0, 42)


def test_a_text_has_the_same_features_alone_and_in_a_batch() -> None:
    texts = ["I am so happy!!!", "", "why did you do that", "um well you know it's fine"] * 700
    batch = EXTRACTOR.extract(texts)
    assert batch.dtype == np.float32
    np.testing.assert_array_equal(batch[-4:], np.vstack([EXTRACTOR.extract([text]) for text in texts[-4:]]))


def test_emolex_shares_follow_the_words_and_add_up_to_one(features_of: Callable[[str], Features]) -> None:
    angry = features_of("i hate this outrage it makes me furious")
    assert angry["nrc_anger"] > angry["nrc_joy"]
    assert sum(angry[name] for name in FEATURE_NAMES[:10]) == pytest.approx(1.0)
    assert sum(features_of("the of and")[name] for name in FEATURE_NAMES[:10]) == 0.0


def test_an_inflected_word_is_found_by_its_lemma(tmp_path: Path) -> None:
    lexicon = tmp_path / "lexicon.json"
    lexicon.write_text(json.dumps({"celebrate": ["joy", "positive"]}))
    row = FeatureExtractor(lexicon=lexicon).extract(["celebrated"])[0]
    assert row[FEATURE_NAMES.index("nrc_joy")] == row[FEATURE_NAMES.index("nrc_positive")] == 0.5


def test_part_of_speech_shares_add_up_to_one_and_contractions_count_as_two(
    features_of: Callable[[str], Features],
) -> None:
    tagged = features_of("don't")
    assert tagged["pos_verb"] == tagged["pos_particle"] == 0.5
    assert features_of("dont")["pos_particle"] == 0.5
    sentence = features_of("the old dog slowly ate two cakes and he sat on me yes")
    assert sum(value for name, value in sentence.items() if name.startswith("pos_")) == pytest.approx(1.0)
    for tag in ("noun", "verb", "adjective", "adverb", "pronoun", "determiner", "adposition", "conjunction", "numeral",
                "other"):  # fmt: skip
        assert sentence[f"pos_{tag}"] > 0, tag


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("token_count", "one two, three!", 3),
        ("mean_word_length", "a bcd", 2),
        ("lexical_variety", "No no yes yes", 0.5),
        ("capitals_share", "I am VERY ANGRY", 0.5),
        ("elongation_share", "sooo good", 0.5),
        ("exclamation_count", "wow!! yes!", 3),
        ("question", "really?", 1),
        ("question", "why did you do that", 1),
        ("question", "so can you help me", 1),
        ("question", "what a day", 0),
        ("question", "i know what you did", 0),
        ("emoji_count", "nice 😀 :) <3", 3),
        ("negation_share", "do not go", 1 / 3),
        ("negation_share", "Don’t", 1),
        ("intensifier_share", "really very good day", 0.5),
        ("hedge_share", "maybe", 1),
        ("hedge_share", "i guess it works", 0.25),
        ("first_person_share", "I'm my own boss", 0.5),
        ("second_person_share", "you lost your bag", 0.5),
        ("filler_share", "um you know it broke", 0.4),
        ("laughter_share", "hahaha lol that's it", 0.5),
        ("laughter_share", "he has had a hat", 0),
        ("tfidf_unseen_share", "the zzyzxq", 0.5),
    ],
)
def test_a_feature_means_what_its_row_says(
    features_of: Callable[[str], Features], name: str, text: str, value: float
) -> None:
    assert features_of(text)[name] == pytest.approx(value)


def test_rare_words_have_a_higher_mean_idf_than_common_ones(features_of: Callable[[str], Features]) -> None:
    assert features_of("embarrassing nonsense")["tfidf_mean_idf"] > features_of("i am the")["tfidf_mean_idf"] > 0


def test_the_fingerprint_changes_with_the_lexicon_and_only_with_it(tmp_path: Path) -> None:
    lexicon = tmp_path / "own.json"
    lexicon.write_text('{"good": ["positive"]}')
    assert FeatureExtractor().fingerprint == EXTRACTOR.fingerprint
    assert FeatureExtractor(lexicon=lexicon).fingerprint != EXTRACTOR.fingerprint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("{", "not JSON"),
        ("[1]", "wrong form"),
        ('{"good": "positive"}', "wrong form"),
        ('{"good": ["lovely"]}', "lovely"),
    ],
)
def test_an_unusable_lexicon_is_refused_by_name(tmp_path: Path, content: str | None, message: str) -> None:
    lexicon = tmp_path / "lexicon.json"
    if content is not None:
        lexicon.write_text(content)
    with pytest.raises(BackendUnavailableError, match=message) as caught:
        FeatureExtractor(lexicon=lexicon)
    assert "lexicon.json" in str(caught.value)


def test_the_projection_is_fitted_reproducibly_and_used(tmp_path: Path) -> None:
    texts = [["good", "day", "sir"], ["bad", "day", "madam"], ["good", "night"], ["bad", "night", "sir"]] * 6
    first, second = (fit_projection(texts, tmp_path / name, {"made_with": "a test"}) for name in ("a", "b"))
    assert first.fingerprint == second.fingerprint
    assert first.transform([["good", "unheard"]])[0, -1] == 0.5
    assert FeatureExtractor(projection=tmp_path / "a").fingerprint != EXTRACTOR.fingerprint


@pytest.mark.parametrize("texts", [[["once"]], [["only", "three", "words"]] * 9])
def test_too_little_text_for_a_projection_is_refused(tmp_path: Path, texts: list[list[str]]) -> None:
    with pytest.raises(TrainingDataError, match="texts"):
        fit_projection(texts, tmp_path / "out", {})
    assert not (tmp_path / "out").exists()


def test_a_missing_projection_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="absent"):
        TfidfProjection.load(tmp_path / "absent")
