"""Fine-tuning tiny encoders on small corpora: what is learnt, kept, taken up again and refused."""

import hashlib
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support.corpora import FRAMES, Corpora, write_corpora
from support.encoders import tiny_bert, tiny_deberta_v3, tiny_mpnet
from support.little_memory import LittleMemory
from support.strange import strange_strings
from support.thorough import THOROUGH

from emotion_pipeline.engine.common.errors import ArtefactError, BackendUnavailableError, TrainingDataError
from emotion_pipeline.engine.emotion.encoder_model import EncoderEmotionModel
from emotion_pipeline.engine.emotion.encoder_net import EmotionNet
from emotion_pipeline.engine.emotion.predictor import EmotionPredictor
from emotion_pipeline.engine.emotion.taxonomy import LABELS
from emotion_pipeline.engine.emotion.text_scores import score_in_memory
from emotion_pipeline.engine.models.packaged_whisper import WeightPackage
from emotion_pipeline.training.text import encoder_source
from emotion_pipeline.training.text.conversation import for_training, read_conversation
from emotion_pipeline.training.text.data import read_labelled
from emotion_pipeline.training.text.encoder_fit import Recipe, encoder_groups, freeze
from emotion_pipeline.training.text.encoder_source import (
    PACKAGED,
    PackagedEncoder,
    load_encoder,
    locate,
    lowest_layers,
    prune_vocabulary,
)
from emotion_pipeline.training.text.encoder_training import EncoderReport, Plan, train_encoder_model

QUICK = Recipe(epochs=2, batch=32, encoder_rate=2e-3, head_rate=5e-3, average=0.9)


def silent(what: str, step: int, steps: int, remark: str) -> None:
    """Nobody watches."""


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Corpora:
    return write_corpora(tmp_path_factory.mktemp("corpora"))


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return [frame.format(label) for frame in FRAMES for label in LABELS]


@pytest.fixture(scope="module")
def deberta(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> Path:
    return tiny_deberta_v3(tmp_path_factory.mktemp("deberta"), texts)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("bert"), texts)


def train(corpora: Corpora, output: Path, work: Path, plan: Plan) -> EncoderReport:
    return train_encoder_model(*corpora.paths, output, plan, work=work, progress=silent)


@pytest.fixture(scope="module")
def trained(
    corpora: Corpora, deberta: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, EncoderReport]:
    """A tiny DeBERTa-v3 with every stage: teachers, students, averaging."""
    folder = tmp_path_factory.mktemp("trained")
    plan = Plan(str(deberta), teachers=2, students=2, teacher=replace(QUICK, epochs=1), student=QUICK)
    report = train(corpora, folder / "weights", folder / "work", plan)
    return folder / "weights", folder / "work", report


def test_a_tiny_deberta_learns_what_the_corpus_shows(trained: tuple[Path, Path, EncoderReport]) -> None:
    _, _, report = trained
    assert report.written.macro_f1_28 > 0.8
    assert report.written.base_accuracy > 0.9
    assert min(report.intensity_pearson.values()) > 0.5
    low, high = report.intervals["macro_f1_28"]
    assert low <= report.written.macro_f1_28 <= high
    assert (report.train_rows, report.dev_rows, report.intensity_rows) == (392, 392, 320)


def test_the_artefact_predicts_without_the_encoder_it_came_from(trained: tuple[Path, Path, EncoderReport]) -> None:
    output, _, report = trained
    predictor = EmotionPredictor(str(output))
    assert predictor.fingerprint == f"{report.fingerprint}:threshold=0.65"
    happy, angry = predictor.predict(["I feel joy today.", "i feel anger today"])
    assert (happy.base, angry.base) == ("Happiness", "Anger")
    card = json.loads((output / "card.json").read_text())
    assert "--teachers 2 --students 2" in card["made_with"]
    assert set(json.loads(json.dumps(report.to_dict()))) >= {"written", "bare", "intervals", "label_f1"}


def test_any_string_gets_the_same_scores_alone_and_in_a_batch(trained: tuple[Path, Path, EncoderReport]) -> None:
    predictor, texts = EmotionPredictor(trained[0]), strange_strings(300)
    together = predictor.label_probabilities(texts)
    assert np.isfinite(together).all()
    for index in range(0, len(texts), 7):
        np.testing.assert_allclose(predictor.label_probabilities([texts[index]])[0], together[index], atol=1e-3)


@pytest.mark.parametrize("room", range(1, 9) if THOROUGH else [1, 5, 8])
def test_no_text_is_lost_wherever_memory_runs_out(trained: tuple[Path, Path, EncoderReport], room: int) -> None:
    texts = [f"I feel {label} today." for label in LABELS[:8]]
    model = EncoderEmotionModel.load(trained[0])
    expected = score_in_memory(model, texts)
    width = model._float_net.encoder.config.hidden_size
    with LittleMemory(
        room, lambda tensor: len(tensor) if tensor.ndim == 3 and tensor.shape[-1] == width else 0
    ) as memory:
        scores = score_in_memory(model, texts)
    for name in ("labels", "base", "levels"):
        np.testing.assert_allclose(getattr(scores, name), getattr(expected, name), atol=1e-3)
    assert memory.largest <= room
    assert (memory.refused > 0) == (room < len(texts))


def test_a_text_that_does_not_fit_alone_is_an_error(trained: tuple[Path, Path, EncoderReport]) -> None:
    model = EncoderEmotionModel.load(trained[0])
    with (
        LittleMemory(0, lambda tensor: len(tensor) if tensor.ndim == 3 else 0),
        pytest.raises(RuntimeError, match="of memory"),
    ):
        score_in_memory(model, ["I feel joy today."])


@pytest.mark.full
def test_finished_stages_are_taken_over(
    corpora: Corpora, trained: tuple[Path, Path, EncoderReport], deberta: Path, tmp_path: Path
) -> None:
    output, work, report = trained
    plan = Plan(str(deberta), teachers=2, students=2, teacher=replace(QUICK, epochs=1), student=QUICK)
    steps: list[str] = []
    again = train_encoder_model(
        *corpora.paths, tmp_path / "again", plan, work=work, progress=lambda what, *_: steps.append(what)
    )
    assert steps == []
    assert again.fingerprint == report.fingerprint
    assert (tmp_path / "again" / "weights.safetensors").read_bytes() == (output / "weights.safetensors").read_bytes()


def test_a_run_that_is_cut_off_ends_as_one_that_is_not(corpora: Corpora, bert: Path, tmp_path: Path) -> None:
    plan = Plan(str(bert), student=QUICK)
    whole = train(corpora, tmp_path / "whole", tmp_path / "work", plan)

    class CutOffError(Exception):
        pass

    def cut_off(what: str, step: int, steps: int, remark: str) -> None:
        if "epoch 2" in what and step == 3:
            raise CutOffError

    with pytest.raises(CutOffError):
        train_encoder_model(*corpora.paths, tmp_path / "part", plan, work=tmp_path / "cut", progress=cut_off)
    assert not (tmp_path / "part").exists()
    resumed = train(corpora, tmp_path / "part", tmp_path / "cut", plan)
    assert resumed.fingerprint == whole.fingerprint


def test_another_recipe_does_not_go_on_from_an_old_checkpoint(corpora: Corpora, bert: Path, tmp_path: Path) -> None:
    plan = Plan(str(bert), student=replace(QUICK, epochs=1))
    train(corpora, tmp_path / "one", tmp_path / "work", plan)
    with pytest.raises(TrainingDataError, match=r"checkpoint\.pt belongs to a run with another recipe"):
        train(corpora, tmp_path / "two", tmp_path / "work", replace(plan, student=QUICK))


def test_a_wordpiece_vocabulary_is_cut_and_words_lost_are_spelt(bert: Path, texts: list[str]) -> None:
    encoder, tokenizer = load_encoder(str(bert))
    before = encoder.get_input_embeddings().weight.detach().clone()
    counts = np.zeros(tokenizer.get_vocab_size(), np.int64)
    joy = tokenizer.encode("joy").ids
    counts[joy] = 1
    encoder, cut = prune_vocabulary(encoder, tokenizer, counts, 100)
    assert cut.get_vocab_size() == encoder.get_input_embeddings().num_embeddings == 100
    assert cut.encode("joy").tokens == tokenizer.encode("joy").tokens
    after = encoder.get_input_embeddings().weight
    assert torch.equal(after[torch.tensor(cut.encode("joy").ids)], before[torch.tensor(joy)])
    assert "".join(piece.removeprefix("##") for piece in cut.encode("admiration").tokens[1:-1]) == "admiration"


def test_another_kind_of_vocabulary_stays_whole(deberta: Path) -> None:
    encoder, tokenizer = load_encoder(str(deberta))
    assert prune_vocabulary(encoder, tokenizer, np.zeros(300, np.int64), 50) == (encoder, tokenizer)


def test_deeper_layers_learn_slower_and_heads_fastest(deberta: Path) -> None:
    net = EmotionNet(load_encoder(str(deberta))[0])
    rates = sorted({group["lr"] for group in encoder_groups(net, Recipe(encoder_rate=1.0, head_rate=9.0))})
    assert rates == pytest.approx([0.81, 0.9, 1.0, 9.0])  # embeddings, two layers, heads
    grouped = sum(len(group["params"]) for group in encoder_groups(net, Recipe()))
    assert grouped == len(list(net.parameters()))


def test_an_encoder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailableError, match="nowhere"):
        load_encoder(str(tmp_path / "nowhere"))


def test_packaged_weights_are_only_taken_with_the_known_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = PACKAGED["all-MiniLM-L6-v2"]
    (package,) = source.packages
    weights = tmp_path / package.module / package.folder / "model.safetensors"
    weights.parent.mkdir(parents=True)
    (tmp_path / package.module / "__init__.py").touch()
    weights.write_bytes(b"something else")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ArtefactError, match=f"not {source.sha256}"):
        locate("all-MiniLM-L6-v2")


def test_an_artefact_with_other_weights_than_its_network_is_refused(
    trained: tuple[Path, Path, EncoderReport], tmp_path: Path
) -> None:
    from emotion_pipeline.engine.models.artefact import read_artefact, write_artefact

    artefact = read_artefact(trained[0], "encoder")
    missing = {name: array for name, array in artefact.tensors.items() if name != "net.pooling.score.bias"}
    card = {name: value for name, value in artefact.card.items() if name != "sha256"}
    write_artefact(tmp_path / "cut", card, missing, artefact.terms)
    with pytest.raises(ArtefactError, match=r"pooling\.score\.bias"):
        EncoderEmotionModel.load(tmp_path / "cut")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_tables_with_labels_of_ones_own_are_read_through_a_map(tmp_path: Path, suffix: str) -> None:
    import pandas as pd

    frame = pd.DataFrame({"text": ["thanks", "grr", "later"], "labels": ["happy|thankful", "cross", "skip"]})
    path = tmp_path / f"corpus{suffix}"
    {
        ".csv": lambda: frame.to_csv(path, index=False),
        ".jsonl": lambda: frame.to_json(path, orient="records", lines=True),
        ".parquet": lambda: frame.to_parquet(path),
    }[suffix]()
    labels = tmp_path / "map.json"
    labels.write_text('{"happy": "joy", "thankful": "gratitude", "cross": "anger", "skip": null}')
    corpus = read_labelled(path, labels)
    assert corpus.texts == ("thanks", "grr")
    assert [[LABELS[i] for i in np.flatnonzero(row)] for row in corpus.labels] == [["gratitude", "joy"], ["anger"]]
    labels.write_text('{"happy": "joy", "thankful": "gratitude"}')
    with pytest.raises(TrainingDataError, match=r"row 2: unknown label id 'cross'; known are happy, thankful"):
        read_labelled(path, labels)


@pytest.mark.parametrize(
    ("content", "message"),
    [("[]", "maps each label"), ("{", "cannot be read as JSON"), ('{"a": "bliss"}', "unknown label 'bliss'")],
)
def test_a_label_map_that_does_not_fit_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "map.json").write_text(content)
    (tmp_path / "data.csv").write_text("text,labels\nhello,a\n")
    with pytest.raises(TrainingDataError, match=message):
        read_labelled(tmp_path / "data.csv", tmp_path / "map.json")


def test_a_table_without_the_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("joy\n")
    (tmp_path / "data.csv").write_text("sentence,labels\nhello,0\n")
    with pytest.raises(TrainingDataError, match="no column 'text'; its columns are sentence, labels"):
        read_labelled(tmp_path / "data.csv", tmp_path / "labels.txt")


def test_weights_in_parts_are_joined_once_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("model/model.safetensors", b"weights" * 500)
        archive.writestr("model/config.json", b"{}")
    packages = tuple(WeightPackage(f"tiny-part-{part}", "1", f"tiny-part_{part}", "input") for part in (1, 2))
    half = len(content.getvalue()) // 2
    for package, part in zip(packages, (content.getvalue()[:half], content.getvalue()[half:]), strict=True):
        folder = tmp_path / package.module / package.folder
        folder.mkdir(parents=True)
        (folder.parent / "__init__.py").touch()
        (folder / f"model.zip.{package.module[-1]}").write_bytes(part)
    monkeypatch.syspath_prepend(str(tmp_path))
    right = PackagedEncoder(packages, hashlib.sha256(b"weights" * 500).hexdigest())
    monkeypatch.setattr(encoder_source, "PACKAGED", {"tiny": right, "other": replace(right, sha256="0" * 64)})
    folder = Path(locate("tiny", tmp_path / "cache"))
    assert (folder / "config.json").is_file()
    assert locate("tiny", tmp_path / "cache") == str(folder)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [folder.name]
    with pytest.raises(ArtefactError, match="not 0000"):
        locate("other", tmp_path / "cache")


def test_a_packaged_encoder_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = PackagedEncoder((WeightPackage("tiny-absent", "1", "tiny_absent", "input"),), "0" * 64)
    monkeypatch.setattr(encoder_source, "PACKAGED", {"tiny": absent})
    with pytest.raises(BackendUnavailableError, match="pip install tiny-absent==1"):
        locate("tiny")


@pytest.mark.full
def test_a_student_learns_from_the_lower_layers_of_its_teacher(
    corpora: Corpora, texts: list[str], tmp_path: Path
) -> None:
    mpnet = tiny_mpnet(tmp_path / "mpnet", texts)
    teacher = Plan(str(mpnet), vocabulary=200, student=replace(QUICK, frozen=1, epochs=3))
    train(corpora, tmp_path / "teacher", tmp_path / "work", teacher)
    student = Plan(str(tmp_path / "teacher"), layers=2, distil=str(tmp_path / "teacher"), conversation=1, student=QUICK)
    report = train(corpora, tmp_path / "student", tmp_path / "work2", student)
    assert report.train_rows == 392 + len(for_training(read_conversation(), 1, 0).texts)
    assert report.written.macro_f1_28 > 0.5
    model = EncoderEmotionModel.load(tmp_path / "student")
    assert model._float_net.encoder.config.to_dict()["num_hidden_layers"] == 2
    assert model._float_net.encoder.get_input_embeddings().num_embeddings == 200
    assert np.load(tmp_path / "work2" / "soft.npy").shape == (report.train_rows + report.intensity_rows, len(LABELS))
    made_with = json.loads((tmp_path / "student" / "card.json").read_text())["made_with"]
    assert "--layers 2" in made_with
    assert "--conversation 1" in made_with


@pytest.mark.full
def test_a_blend_lies_between_the_beginning_and_what_was_learnt(corpora: Corpora, bert: Path, tmp_path: Path) -> None:
    plan = Plan(str(bert), vocabulary=200, student=replace(QUICK, epochs=1))
    train(corpora, tmp_path / "first", tmp_path / "work", plan)
    further = replace(plan, encoder=str(tmp_path / "first"))
    train(corpora, tmp_path / "learnt", tmp_path / "work2", further)
    train(corpora, tmp_path / "blend", tmp_path / "work2", replace(further, blend=True))
    first, learnt, blend = (
        EncoderEmotionModel.load(tmp_path / name)._float_net.state_dict() for name in ("first", "learnt", "blend")
    )
    for name, value in blend.items():
        if value.is_floating_point():
            assert torch.allclose(value, (first[name] + learnt[name]) / 2, atol=0.02), name
    assert "--blend" in json.loads((tmp_path / "blend" / "card.json").read_text())["made_with"]
    with pytest.raises(TrainingDataError, match="other shapes"):
        train(corpora, tmp_path / "cut", tmp_path / "work3", replace(further, blend=True, layers=1))
    with pytest.raises(TrainingDataError, match="needs an artefact"):
        train(corpora, tmp_path / "none", tmp_path / "work4", replace(plan, blend=True))


def test_frozen_layers_have_no_rate_and_the_others_keep_theirs(bert: Path) -> None:
    net = EmotionNet(load_encoder(str(bert))[0])
    freeze(net, 1)
    groups = encoder_groups(net, Recipe(encoder_rate=1.0, head_rate=9.0))
    assert sorted({group["lr"] for group in groups}) == pytest.approx([1.0, 9.0])
    frozen = [name for name, weight in net.named_parameters() if not weight.requires_grad]
    assert all("embeddings" in name or ".layer.0." in name for name in frozen)
    freeze(net, 0)
    assert all(weight.requires_grad for weight in net.parameters())


def test_only_bert_and_mpnet_are_cut_to_their_lower_layers(bert: Path, deberta: Path) -> None:
    encoder = load_encoder(str(bert))[0]
    cut = lowest_layers(encoder, 1)
    assert cut.config.to_dict()["num_hidden_layers"] == 1
    with pytest.raises(TrainingDataError, match="3 layers cannot be taken"):
        lowest_layers(encoder, 3)
    with pytest.raises(TrainingDataError, match="deberta-v2"):
        load_encoder(str(deberta), 1)
