"""The shipped model through its public door: results, strange input, damage, threads."""

import json
import logging
import random
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.strange import strange_strings
from support.thorough import EVERY

from emotion_pipeline.engine.common.errors import ArtefactError, BackendUnavailableError, TrainingDataError
from emotion_pipeline.engine.common.types import EmotionResult
from emotion_pipeline.engine.emotion.model import SHIPPED, load_model
from emotion_pipeline.engine.emotion.predictor import IN_WINDOWS, NOT_ENGLISH, EmotionPredictor
from emotion_pipeline.engine.emotion.scores import Scores
from emotion_pipeline.engine.emotion.taxonomy import (
    BASE_EMOTIONS,
    INTENSITIES,
    INTENSITY_DIMENSIONS,
    LABELS,
    SUB_EMOTIONS,
)
from emotion_pipeline.engine.emotion.text_scores import WINDOW, score_in_memory, windows_of
from emotion_pipeline.engine.models.artefact import read_artefact
from emotion_pipeline.engine.models.loaded_models import LOADED
from emotion_pipeline.engine.text.features import FeatureExtractor
from emotion_pipeline.training.evaluation.text import evaluate_intensity, evaluate_text

# Shared by all tests of this file: it holds no state but the loaded model.
PREDICTOR = EmotionPredictor()


def assert_valid(result: EmotionResult) -> None:
    assert tuple(result.base_probabilities) == BASE_EMOTIONS
    assert sum(result.base_probabilities.values()) == pytest.approx(1.0, abs=1e-4)
    assert tuple(result.label_scores) == LABELS
    assert all(0 <= score <= 1 for score in result.label_scores.values())
    assert result.base_probability == result.base_probabilities[result.base]
    assert result.sub_emotion is None or result.sub_emotion in SUB_EMOTIONS[result.base]
    assert (result.sub_emotion is None) == (result.sub_probability is None)
    assert (result.intensity is None) == (result.base in {"Neutral", "Other"}) == (result.intensity_probability is None)
    assert result.intensity is None or result.intensity in INTENSITIES


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("This made me laugh so hard, hilarious!", "Happiness"),
        ("i hate this so much i am furious", "Anger"),
        ("i am so sad i have been crying all day", "Sadness"),
        ("The train leaves at nine from platform four.", "Neutral"),
        ("thank you so much for your help", "Happiness"),
        ("i am scared of the dark", "Other"),
    ],
)
def test_plain_examples_get_their_base_emotion(text: str, base: str) -> None:
    (result,) = PREDICTOR.predict(text)
    assert result.base == base
    assert_valid(result)


def test_a_result_carries_sub_emotion_labels_and_intensity() -> None:
    (result,) = PREDICTOR.predict("lol that was hilarious, I laughed out loud")
    assert result.sub_emotion == "Amusement"
    assert "amusement" in result.labels
    assert result.sub_probability == result.label_scores["amusement"]
    assert result.intensity in INTENSITIES


def test_an_angry_text_has_more_anger_than_a_friendly_one_and_less_joy() -> None:
    intensity = PREDICTOR.intensity(["have a lovely evening my friend", "i am furious and outraged!!!"])
    assert tuple(intensity) == INTENSITY_DIMENSIONS
    assert intensity["anger"][1] > intensity["anger"][0] + 0.3
    assert intensity["joy"][0] > intensity["joy"][1] + 0.3


def test_punctuation_and_capitals_hardly_change_the_result() -> None:
    written, bare = PREDICTOR.predict(["I'm SO angry, I hate this!", "i'm so angry i hate this"])
    assert written.base == bare.base == "Anger"
    assert written.base_probability == pytest.approx(bare.base_probability, abs=0.2)


@pytest.mark.parametrize("text", ["", "   ", "\x00", "\n\t", "\ud800"])
def test_a_text_that_says_nothing_is_neutral_and_uncertain(text: str) -> None:
    (result,) = EmotionPredictor(confidence_threshold=0.0).predict(text)
    assert (result.base, result.uncertain, result.labels, result.sub_emotion) == ("Neutral", True, (), None)
    assert_valid(result)


def test_the_confidence_threshold_decides_what_is_uncertain() -> None:
    text = "i hate this so much i am furious"
    (result,) = PREDICTOR.predict(text)
    for threshold, uncertain in ((result.base_probability - 0.01, False), (result.base_probability + 0.01, True)):
        assert EmotionPredictor(confidence_threshold=threshold).predict(text)[0].uncertain is uncertain


@settings(deadline=None, max_examples=60 // EVERY)
@given(st.lists(st.text(st.characters(), max_size=60), max_size=6))
def test_any_strings_give_valid_results_alone_and_together(texts: list[str]) -> None:
    together = PREDICTOR.predict(texts)
    assert len(together) == len(texts)
    for text, result in zip(texts, together, strict=True):
        assert_valid(result)
        alone = PREDICTOR.predict([text])[0]
        assert alone.label_scores == pytest.approx(result.label_scores, abs=2e-3)


def test_ten_thousand_words_are_read_as_one_text() -> None:
    (result,) = PREDICTOR.predict("i am so happy " * 2_500)
    assert_valid(result)


def test_no_texts_give_no_results() -> None:
    assert PREDICTOR.predict([]) == []


def test_several_threads_may_share_a_predictor_that_is_not_loaded_yet() -> None:
    predictor = EmotionPredictor()
    texts = [f"i am {word} today" for word in ("happy", "sad", "angry", "fine")] * 4
    with ThreadPoolExecutor(8) as pool:
        results = [result[0] for result in pool.map(predictor.predict, texts)]
    assert [r.base for r in results] == [r.base for r in PREDICTOR.predict(texts)]


def test_the_fingerprint_names_the_model_and_the_features_it_reads(tmp_path: Path) -> None:
    backend, name, version, digest, threshold = PREDICTOR.fingerprint.split(":")
    card = json.loads((SHIPPED / "card.json").read_text())
    assert (backend, name, version, len(digest)) == (card["backend"], card["name"], card["version"], 12)
    assert threshold == "threshold=0.65"
    lexicon = tmp_path / "lexicon.json"
    lexicon.write_text('{"refund": ["anger", "negative"]}')
    assert EmotionPredictor(extractor=FeatureExtractor(lexicon=lexicon)).fingerprint != PREDICTOR.fingerprint
    with pytest.raises(BackendUnavailableError):
        FeatureExtractor(lexicon=tmp_path / "absent.json")


def test_another_threshold_is_another_fingerprint_because_other_rows_are_uncertain() -> None:
    assert EmotionPredictor(confidence_threshold=0.9).fingerprint != PREDICTOR.fingerprint


def test_features_that_are_known_already_give_the_same_answer() -> None:
    texts = ["I feel joy today.", "what a stupid waste of my time", ""]
    assert PREDICTOR.predict(texts, features=FeatureExtractor().extract(texts)) == PREDICTOR.predict(texts)


def test_the_shipped_artefact_is_small_and_documents_itself() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) <= 30_000_000
    card = json.loads((SHIPPED / "card.json").read_text())
    assert "train text" in card["made_with"]
    assert card["metrics"]["train_rows"] >= 43_410


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "copy"))


@pytest.mark.parametrize("name", ["card.json", "terms.json", "weights.safetensors"])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(ArtefactError, match=f"{name} cannot be read"):
        EmotionPredictor(copy).predict("hello")


@pytest.mark.parametrize("name", ["terms.json", "weights.safetensors"])
def test_a_damaged_file_is_named(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[-10] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(ArtefactError, match=f"{name} is damaged"):
        EmotionPredictor(copy).predict("hello")


@pytest.mark.parametrize(
    ("card", "message"),
    [("{", "not JSON"), ("[]", "lacks"), ('{"backend": "tfidf", "name": "x", "version": "1", "sha256": 3}', "lacks")],
)
def test_a_card_that_is_none_is_refused(copy: Path, card: str, message: str) -> None:
    (copy / "card.json").write_text(card)
    with pytest.raises(ArtefactError, match=message):
        load_model(copy)


def test_a_model_of_another_kind_is_refused(copy: Path) -> None:
    card = json.loads((copy / "card.json").read_text())
    (copy / "card.json").write_text(json.dumps({**card, "backend": "oracle"}))
    with pytest.raises(ArtefactError, match="'oracle' model; this version reads encoder, tfidf"):
        load_model(copy)
    with pytest.raises(ArtefactError, match="'oracle' artefact where a 'tfidf' one"):
        read_artefact(copy, "tfidf")


@pytest.mark.full
def test_the_model_holds_on_real_rows(shared_data: Path) -> None:
    """The dev file was used to choose thresholds, so this guards the artefact against rot and measures no progress."""
    corpus = shared_data / "goemotions"
    figures = evaluate_text(PREDICTOR, corpus / "dev.tsv", corpus / "labels.txt")
    assert figures.n == 5_426
    assert figures.macro_f1_28 > 0.54
    assert figures.macro_f1_ekman > 0.63
    assert figures.base_accuracy > 0.89
    assert figures.sub_macro_f1 > 0.53
    assert figures.ece_28 < 0.02
    assert figures.ece_base < 0.04
    intensity = evaluate_intensity(PREDICTOR, shared_data / "intensity")
    assert intensity.n == 1_464
    assert intensity.mean_pearson > 0.68


def test_the_model_holds_on_a_tenth_of_the_real_rows(shared_data: Path, tmp_path: Path) -> None:
    corpus = shared_data / "goemotions"
    lines = (corpus / "dev.tsv").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "dev.tsv").write_text("".join(lines[::10]), encoding="utf-8")
    figures = evaluate_text(PREDICTOR, tmp_path / "dev.tsv", corpus / "labels.txt")
    assert figures.n == 543
    assert figures.macro_f1_ekman > 0.57
    assert figures.base_accuracy > 0.82
    assert figures.ece_28 < 0.03


def test_data_with_unknown_labels_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("joy\nbliss\n")
    (tmp_path / "data.tsv").write_text("hello\t0\n")
    with pytest.raises(TrainingDataError, match=r"labels\.txt, line 2: unknown label 'bliss'"):
        evaluate_text(PREDICTOR, tmp_path / "data.tsv", tmp_path / "labels.txt")


def test_a_text_in_another_language_says_so_and_is_uncertain() -> None:
    predictor = EmotionPredictor(confidence_threshold=0.0)
    for text in ("ich bin heute sehr traurig und müde", "Я очень рад тебя видеть", "今日はとても嬉しいです"):
        (result,) = predictor.predict(text)
        assert result.notices == (NOT_ENGLISH,)
        assert result.uncertain
    (english,) = predictor.predict("I am very sad and tired today")
    assert (english.notices, english.uncertain) == ((), False)


def test_a_long_text_is_read_to_its_end_in_windows() -> None:
    calm = "The parcel was sent on Monday. " * 80
    (whole,) = PREDICTOR.predict(calm)
    (longer,) = PREDICTOR.predict(calm + "I hate this, I am furious about it! " * 200)
    assert (whole.notices, longer.notices) == ((IN_WINDOWS,), (IN_WINDOWS,))
    assert (whole.base, longer.base) == ("Neutral", "Anger")
    assert sum(longer.base_probabilities.values()) == pytest.approx(1.0, abs=1e-5)
    (beside,) = PREDICTOR.predict(["Fine.", calm, "I love it!"])[1:2]
    assert beside.base_probabilities == pytest.approx(whole.base_probabilities, abs=1e-3)


NUMBERS = [str(number) for number in range(2_000)]


@pytest.mark.parametrize("text", [" ".join(NUMBERS), "".join(NUMBERS), f"{'a' * 1_150} {''.join(NUMBERS)}"])
def test_windows_overlap_and_cover_a_text(text: str) -> None:
    windows = windows_of(text)
    assert all(0 < len(window) <= WINDOW for window in windows)
    joined = windows[0]
    for window in windows[1:]:
        shared = next(n for n in range(len(window), 0, -1) if joined.endswith(window[:n]))
        assert shared >= 100
        joined += window[shared:]
    assert joined == text


def test_what_is_no_text_is_named() -> None:
    with pytest.raises(TypeError, match=r"text 1 is int, not str: 3"):
        PREDICTOR.predict(["fine", 3])  # pyright: ignore[reportArgumentType]


def test_the_features_come_with_the_result_where_they_are_asked_for() -> None:
    with_features, without = (
        PREDICTOR.predict("What a day!", with_features=True)[0],
        PREDICTOR.predict("What a day!")[0],
    )
    assert without.features is None
    assert with_features.features is not None
    assert (with_features.features["exclamation_count"], len(with_features.features)) == (1.0, 42)


class SmallMemory:
    """A model for which more than three texts at once are too many; otherwise the shipped one."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.model = load_model()
        self.fingerprint, self.thresholds = self.model.fingerprint, self.model.thresholds
        self.sizes: list[int] = []

    def score(self, texts: Sequence[str], features: NDArray[np.float32] | None = None) -> Scores:
        self.sizes.append(len(texts))
        if len(texts) > 3:
            raise self.error
        return self.model.score(texts, features)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_the_batch_is_halved_where_memory_runs_out(error: Exception) -> None:
    model, texts = SmallMemory(error), [f"I am happy {number}" for number in range(10)]
    scores = score_in_memory(model, texts)
    assert model.sizes == [10, 5, 2, 3, 5, 2, 3]
    np.testing.assert_allclose(scores.labels, model.model.score(texts).labels, atol=1e-3)


def test_an_error_that_is_not_about_memory_is_not_tried_again() -> None:
    model = SmallMemory(RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes"):
        score_in_memory(model, ["a"] * 10)
    assert model.sizes == [10]


def test_strange_strings_get_the_same_result_alone_and_in_a_batch() -> None:
    texts = strange_strings(1_000 // EVERY)
    together = PREDICTOR.predict(texts)
    assert len(together) == len(texts)
    for result in together:
        assert_valid(result)
    for index in [*range(7), *random.Random(8).sample(range(len(texts)), 60 // EVERY)]:
        (alone,) = PREDICTOR.predict(texts[index])
        assert alone.label_scores == pytest.approx(together[index].label_scores, abs=2e-3)
        assert alone.base_probabilities == pytest.approx(together[index].base_probabilities, abs=2e-3)


def test_results_are_a_table_with_a_row_per_text_and_a_column_per_probability() -> None:
    results = PREDICTOR.predict(["Exciting news!", "what a <b>stupid</b> waste of my time"])
    frame = results.to_frame()
    assert frame["base"].tolist() == [result.base for result in results] == ["Happiness", "Anger"]
    assert frame["probability_anger"].tolist() == [result.base_probabilities["Anger"] for result in results]
    assert frame["label_annoyance"].tolist() == [result.label_scores["annoyance"] for result in results]
    assert results[0].to_frame().columns.tolist() == frame.columns.tolist()
    described = PREDICTOR.predict("What a day!", with_features=True).to_frame()
    assert described["exclamation_count"].tolist() == [1.0]


def test_a_result_is_plain_values_and_a_picture_in_a_notebook() -> None:
    results = PREDICTOR.predict(["Exciting news!", "I am so sad."])
    plain = results[0].to_dict()
    assert json.loads(json.dumps(plain))["base_probability"] == results[0].base_probability
    html = results._repr_html_()
    assert html.count("<tr") == 3
    assert "Sadness" in html
    assert "label_" not in html, "what people do not read is left out"
    assert results[1]._repr_html_().count("<tr") == 2
    assert "<table" in PREDICTOR.predict([])._repr_html_()


def test_the_shipped_model_is_loaded_once_for_all_predictors_of_a_process(caplog: pytest.LogCaptureFixture) -> None:
    LOADED.clear()
    with caplog.at_level(logging.INFO, LOADED.__module__):
        results = [EmotionPredictor().predict("I am so happy") for _ in range(2)]
    assert results[0] == results[1]
    assert [message.startswith("loaded encoder:") for message in caplog.messages] == [True]
