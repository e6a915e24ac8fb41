"""Training on small corpora that the tests write: what is learnt, frozen, reported and refused."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from support.corpora import Corpora, write_corpora, write_graded

from emotion_pipeline.engine.common.errors import ArtefactError, TrainingDataError
from emotion_pipeline.engine.emotion.predictor import EmotionPredictor
from emotion_pipeline.engine.emotion.taxonomy import INTENSITY_DIMENSIONS, LABELS
from emotion_pipeline.engine.text.features import FeatureExtractor
from emotion_pipeline.training.evaluation.text import evaluate_intensity, evaluate_text
from emotion_pipeline.training.text.tfidf_training import TrainingReport, train_feature_projection, train_text_model


@dataclass(frozen=True)
class TrainableCorpora(Corpora):
    def train_model(self, output: Path) -> TrainingReport:
        return train_text_model(*self.paths, output)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> TrainableCorpora:
    written = write_corpora(tmp_path_factory.mktemp("corpora"))
    return TrainableCorpora(*written.paths)


@pytest.fixture(scope="module")
def trained(corpora: TrainableCorpora, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainingReport]:
    output = tmp_path_factory.mktemp("model") / "weights"
    return output, corpora.train_model(output)


def test_training_learns_what_the_corpus_shows(trained: tuple[Path, TrainingReport]) -> None:
    _, report = trained
    assert report.written.macro_f1_28 > 0.9
    assert report.bare.macro_f1_28 > 0.9
    assert report.written.base_accuracy > 0.9
    assert min(report.intensity_pearson.values()) > 0.8
    assert (report.train_rows, report.dev_rows, report.intensity_rows) == (392, 392, 320)


def test_the_report_is_plain_json_and_agrees_with_the_card(trained: tuple[Path, TrainingReport]) -> None:
    output, report = trained
    card = json.loads((output / "card.json").read_text())
    figures = json.loads(json.dumps(report.to_dict()))
    assert card["metrics"]["written"]["macro_f1_28"] == pytest.approx(figures["written"]["macro_f1_28"], abs=1e-4)
    assert card["made_with"].startswith("emotion-clf train text")
    assert set(figures["label_f1"]) == set(LABELS)


def test_the_artefact_predicts_as_reported(corpora: TrainableCorpora, trained: tuple[Path, TrainingReport]) -> None:
    output, report = trained
    predictor = EmotionPredictor(output)
    assert predictor.fingerprint == f"{report.fingerprint}:threshold=0.65"
    happy, angry = predictor.predict(["I feel joy today.", "i feel anger today"])
    assert (happy.base, happy.sub_emotion) == ("Happiness", "Joy")
    assert (angry.base, angry.sub_emotion) == ("Anger", "Rage")
    evaluation = evaluate_text(predictor, corpora.dev, corpora.labels)
    assert evaluation.n == 392
    assert evaluation.macro_f1_28 == pytest.approx(report.written.macro_f1_28, abs=0.05)
    assert set(evaluation.to_dict()) == {
        "n", "macro_f1_28", "macro_f1_ekman", "base_accuracy", "sub_macro_f1", "ece_28", "ece_base",
        "sentences_per_minute",
    }  # fmt: skip


def test_intensity_is_measured_on_files_that_were_not_trained_on(
    corpora: TrainableCorpora, trained: tuple[Path, TrainingReport]
) -> None:
    output, report = trained
    evaluation = evaluate_intensity(EmotionPredictor(output), corpora.intensity)
    assert evaluation.n == 96
    assert evaluation.pearson == pytest.approx(report.intensity_pearson)
    assert evaluation.mean_pearson == pytest.approx(np.mean(list(report.intensity_pearson.values())))
    assert set(evaluation.to_dict()) == {"n", "mean_pearson", *INTENSITY_DIMENSIONS}


def test_the_same_data_and_seed_make_the_same_artefact(
    corpora: TrainableCorpora, trained: tuple[Path, TrainingReport], tmp_path: Path
) -> None:
    output, _ = trained
    corpora.train_model(tmp_path / "again")
    for name in ("weights.safetensors", "terms.json", "card.json"):
        assert (tmp_path / "again" / name).read_bytes() == (output / name).read_bytes()


def test_an_old_artefact_is_replaced_and_a_foreign_folder_is_not(corpora: TrainableCorpora, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("mine")
    with pytest.raises(ArtefactError, match=r"foreign exists and holds no card\.json"):
        corpora.train_model(foreign)
    assert [path.name for path in foreign.iterdir()] == ["thesis.txt"]
    old = train_feature_projection(corpora.train, corpora.labels, tmp_path / "projection")
    new = train_feature_projection(corpora.dev, corpora.labels, tmp_path / "projection")
    assert new.fingerprint != old.fingerprint
    assert FeatureExtractor(projection=tmp_path / "projection").extract(["joy"]).shape == (1, 42)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["foreign", "projection"]


def test_texts_that_are_too_few_are_refused_and_nothing_is_written(corpora: TrainableCorpora, tmp_path: Path) -> None:
    (tmp_path / "tiny.tsv").write_text("one row\t1\n")
    with pytest.raises(TrainingDataError, match="too few"):
        replace(corpora, train=tmp_path / "tiny.tsv").train_model(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_intensity_without_a_class_is_refused(corpora: TrainableCorpora, tmp_path: Path) -> None:
    folder = write_graded(tmp_path / "graded")
    path = folder / "EI-oc-En-joy-train.txt"
    path.write_text(path.read_text().replace("3: grade", "2: grade"))
    with pytest.raises(TrainingDataError, match="intensity class 3"):
        replace(corpora, intensity=folder).train_model(tmp_path / "out")


def test_a_corpus_without_some_labels_still_trains(corpora: TrainableCorpora, tmp_path: Path) -> None:
    grief = LABELS.index("grief")
    for name in ("train", "dev"):
        rows = [
            row
            for row in getattr(corpora, name).read_text().splitlines()
            if str(grief) not in row.split("\t")[1].split(",")
        ]
        (tmp_path / name).write_text("\n".join(rows))
    report = replace(corpora, train=tmp_path / "train", dev=tmp_path / "dev").train_model(tmp_path / "out")
    assert report.label_f1["grief"] == 0.0
    assert all("grief" not in result.labels for result in EmotionPredictor(tmp_path / "out").predict(["grief", "joy"]))
