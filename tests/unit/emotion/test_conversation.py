"""The conversation set: what it holds, how it is split and reworded, and what is measured on it."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from emotion_pipeline.cli.app import app
from emotion_pipeline.engine.common.errors import TrainingDataError
from emotion_pipeline.training.text.conversation import expanded, for_training, paraphrased, read_conversation

GOOD = "calls:\n- {id: a, labels: [neutral], sentiment: 0, say: ['the {red|blue} one']}\n"


def test_at_least_600_different_sentences_of_which_a_third_is_held_out() -> None:
    sentences = read_conversation()
    assert len(sentences) >= 600
    assert len({sentence.text.lower() for sentence in sentences}) == len(sentences)
    assert 0.28 < np.mean([sentence.held_out for sentence in sentences]) < 0.4


def test_every_kind_is_trained_on_and_measured_and_no_template_is_both() -> None:
    sentences = read_conversation()
    shown, held_out = ({(s.kind, s.template) for s in sentences if s.held_out is part} for part in (False, True))
    assert {kind for kind, _ in shown} == {kind for kind, _ in held_out}
    assert not shown & held_out


def test_labels_agree_with_base_intensity_and_sentiment() -> None:
    for sentence in read_conversation():
        felt = sentence.base in {"Happiness", "Anger", "Sadness"} or sentence.sentiment != 0
        assert (sentence.intensity > 0) == felt, sentence
        signs = {"Happiness": 1, "Anger": -1, "Sadness": -1, "Neutral": 0}
        assert sentence.sentiment == signs.get(sentence.base, sentence.sentiment), sentence


def test_a_line_makes_as_many_sentences_as_its_longest_choice() -> None:
    assert expanded("{a|b} {1|2|3}") == ["a 1", "b 2", "a 3"]
    assert expanded("plain") == ["plain"]


def test_training_rows_come_from_shown_templates_in_several_wordings() -> None:
    sentences = read_conversation()
    corpus = for_training(sentences, 3, seed=0)
    shown = [sentence for sentence in sentences if not sentence.held_out]
    assert len(corpus.texts) == len(corpus.labels) == 3 * len(shown)
    assert corpus.texts[::3] == tuple(sentence.text for sentence in shown)
    assert corpus.labels.any(axis=1).all()
    assert not {sentence.text for sentence in sentences if sentence.held_out} & set(corpus.texts)
    assert corpus.texts == for_training(sentences, 3, seed=0).texts
    assert np.mean([a != b for a, b in zip(corpus.texts[::3], corpus.texts[1::3], strict=True)]) > 0.5


def test_rewording_never_loses_a_negation() -> None:
    chance = np.random.default_rng(0)
    for text in ("I'm not angry", "it can't be better", "no problem", "nothing is wrong", "I have never cried"):
        for _ in range(200):
            words = paraphrased(text, chance).lower().split()
            assert any(word in {"not", "no", "never", "nothing", "cannot"} or word.endswith("n't") for word in words)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (GOOD.replace("neutral", "bored"), "calls, 'a': the labels"),
        (GOOD.replace("sentiment: 0", "sentiment: 5"), "sentiment 5"),
        (GOOD.replace("sentiment: 0, ", ""), "a template has id, labels, say, sentiment"),
        (GOOD + GOOD.split("\n", 1)[1], "two templates have the id 'a'"),
        ("- just a list", "must hold kinds"),
        ("a: [", "cannot be read"),
    ],
)
def test_a_template_that_does_not_fit_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "set.yaml"
    path.write_text(content)
    with pytest.raises(TrainingDataError, match=message):
        read_conversation(path)


def test_the_command_measures_the_shipped_model_beside_vader() -> None:
    result = CliRunner().invoke(app, ["evaluate", "conversation"])
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures["n"] == sum(sentence.held_out for sentence in read_conversation())
    assert figures["base_of"]["logistics"] > 0.9
    assert set(figures["sentiment"]) == {"emotion", "vader"}
    assert all(abs(part["mean_neutral"]) < 0.3 for part in figures["sentiment"].values())
