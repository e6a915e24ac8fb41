"""``emotion-clf train text`` and ``evaluate text|intensity`` as a user types them, and the benchmark in short form."""

import json
from pathlib import Path

import pytest
from support.corpora import FRAMES, Corpora, write_corpora
from support.encoders import tiny_bert
from typer.testing import CliRunner, Result

from benchmarks.text import NOT_MEASURED, measure_large, measure_predictor
from emotion_pipeline.cli.app import app
from emotion_pipeline.engine.emotion.taxonomy import INTENSITY_DIMENSIONS, LABELS


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Corpora:
    return write_corpora(tmp_path_factory.mktemp("corpora"))


def train(corpora: Corpora, output: Path, *options: object) -> Result:
    paths = ("--train", corpora.train, "--dev", corpora.dev, "--labels", corpora.labels)
    return run("train", "text", *paths, "--intensity", corpora.intensity, "--output", output, *options)


def test_an_encoder_is_trained_and_measured_with_three_commands(corpora: Corpora, tmp_path: Path) -> None:
    encoder = tiny_bert(tmp_path / "encoder", [frame.format(label) for frame in FRAMES for label in LABELS])
    output = tmp_path / "weights"
    trained = train(corpora, output, "--encoder", encoder, "--epochs", 1, "--rate", 0.002, "--batch", 32)
    assert trained.exit_code == 0, trained.output
    report = json.loads(trained.stdout)
    assert report["dev_rows"] == 392
    assert sorted(path.name for path in output.iterdir()) == [
        "card.json", "model_card.md", "terms.json", "weights.safetensors",
    ]  # fmt: skip
    card = (output / "model_card.md").read_text()
    assert f"| macro-F1, 28 labels | {report['written']['macro_f1_28']:.3f} (" in card
    assert "emotion-clf train text" in card
    assert (tmp_path / "weights.work" / "student-0" / "checkpoint.pt").is_file()

    text = run("evaluate", "text", "--data", corpora.dev, "--labels", corpora.labels, "--model", output)
    figures = json.loads(text.stdout)
    assert figures["n"] == 392
    assert figures["macro_f1_28"] == pytest.approx(report["written"]["macro_f1_28"], abs=0.1)
    intensity = run("evaluate", "intensity", "--data", corpora.intensity, "--model", output)
    assert set(json.loads(intensity.stdout)) == {"n", "mean_pearson", *INTENSITY_DIMENSIONS}


def test_data_with_a_wrong_label_is_refused_by_name_before_anything_is_trained(
    corpora: Corpora, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("text,labels\nhello,bliss\n")
    result = train(Corpora(bad, corpora.dev, corpora.labels, corpora.intensity), tmp_path / "weights")
    assert result.exit_code == 1
    assert "bad.csv, row 1: unknown label id 'bliss'" in str(result.exception)
    assert list(tmp_path.iterdir()) == [bad]


def test_the_benchmark_measures_the_predictor_and_a_large_encoder() -> None:
    figures = measure_predictor(["I am happy", "This is awful!"] * 8, rounds=1)
    assert figures["sentences"] == 16
    assert 0 < figures["feature_share"] < 1
    assert (figures["sentences_per_minute"] == NOT_MEASURED) != (figures["gpu_sentences_per_minute"] == NOT_MEASURED)
    assert measure_large([], "auto") == {"deberta_v3_base_speedup": NOT_MEASURED}
