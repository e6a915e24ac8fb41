"""Fine-tuning tiny wav2vec2 checkpoints on made voices: what is learnt, kept, taken up again and refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from support.tiny_wav2vec2 import base_config_of, checkpoint, config_of, weights_of, write
from support.tone_corpus import make_corpus, write_manifest
from typer.testing import CliRunner

from emotion_pipeline.cli.app import app
from emotion_pipeline.engine.common.errors import ArtefactError, TrainingDataError
from emotion_pipeline.engine.tone.labels import ACOUSTIC_TONES, TONES
from emotion_pipeline.engine.tone.wav2vec2.checkpoint_files import find_checkpoint
from emotion_pipeline.engine.tone.wav2vec2.loaded_checkpoint import verify
from emotion_pipeline.engine.tone.wav2vec2.model import load_wav2vec2
from emotion_pipeline.engine.tone.wav2vec2.network import Head
from emotion_pipeline.training.evaluation.tone import evaluate_tone
from emotion_pipeline.training.tone.corpus import read_manifest
from emotion_pipeline.training.tone.finetune_data import LabelledSpeech, split_by_speaker
from emotion_pipeline.training.tone.finetune_fit import Recipe, importance_of, learning_parameters, tone_groups
from emotion_pipeline.training.tone.finetuning import FineTuning, FineTuningReport, finetune_tone_model
from emotion_pipeline.training.tone.starting_point import starting_network

QUICK = Recipe(epochs=30, batch=8, layers=1, encoder_rate=2e-3, head_rate=1e-2, patience=30, smoothing=0.0)


class CutOffError(Exception):
    """The machine went away."""


def silent(what: str, step: int, steps: int, remark: str) -> None:
    """Nobody watches."""


def plan(start: Path, recipe: Recipe = QUICK, seed: int = 1) -> FineTuning:
    return FineTuning(str(start), recipe, seed, device="cpu", precision="float32")


def encoder_of(folder: Path) -> dict[str, torch.Tensor]:
    return {key: value for key, value in load_file(folder / "model.safetensors").items() if key.startswith("wav2vec2.")}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_corpus(tmp_path_factory.mktemp("corpora") / "made", speakers=10)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("start") / "tiny")


@pytest.fixture(scope="module")
def trained(corpus: Path, start: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FineTuningReport]:
    folder = tmp_path_factory.mktemp("trained")
    report = finetune_tone_model([corpus], folder / "voice", plan(start), work=folder / "work", progress=silent)
    return folder / "voice", report


def test_different_manners_are_learnt_and_recognised_in_new_voices(
    trained: tuple[Path, FineTuningReport], tmp_path: Path
) -> None:
    folder, report = trained
    assert report.test["uar_4"] > 0.8
    model = load_wav2vec2(folder, device="cpu", precision="float32")
    assert model.labels == ACOUSTIC_TONES
    assert evaluate_tone(model, make_corpus(tmp_path / "other", speakers=3, seed=9)).uar_4 > 0.8


def test_what_is_written_is_a_whole_checkpoint_with_card_and_metrics(trained: tuple[Path, FineTuningReport]) -> None:
    folder, report = trained
    checked = verify(folder, sha256=report.sha256)
    assert checked.repeatable
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json", "model.safetensors", "model_card.md", "preprocessor_config.json", "training.json",
    ]  # fmt: skip
    written = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(report.to_dict()))
    assert (report.clips, report.speakers) == ({"made": 80}, {"train": 6, "dev": 2, "test": 2})
    card = (folder / "model_card.md").read_text(encoding="utf-8")
    assert report.sha256 in card
    assert f"{report.test['uar_4']:.3f}" in card
    assert str(folder.parent) not in card


def test_only_the_upper_layers_and_the_head_move(trained: tuple[Path, FineTuningReport], start: Path) -> None:
    before, after = encoder_of(start), encoder_of(trained[0])
    moved = {key for key in before if not torch.equal(before[key], after[key])}
    assert moved
    assert all(key.startswith(("wav2vec2.encoder.layers.1.", "wav2vec2.encoder.layer_norm.")) for key in moved)


def test_rates_fall_from_layer_to_layer_and_without_layers_only_the_head_learns(start: Path) -> None:
    network, _ = starting_network(find_checkpoint(start), ACOUSTIC_TONES, 0)
    assert all(not name.startswith("wav2vec2.") for name in learning_parameters(network, 0))
    recipe = Recipe(layers=2, encoder_rate=1e-3, head_rate=1e-2, layer_decay=0.5)
    groups = tone_groups(network, learning_parameters(network, 2), recipe)
    assert {group["lr"] for group in groups} == {5e-4, 1e-3, 1e-2}
    assert {group["weight_decay"] for group in groups} == {0.0, recipe.weight_decay}


def test_a_run_that_is_cut_off_ends_as_one_that_is_not(corpus: Path, start: Path, tmp_path: Path) -> None:
    recipe = replace(QUICK, epochs=3)
    whole = finetune_tone_model([corpus], tmp_path / "whole", plan(start, recipe), work=tmp_path / "a", progress=silent)

    def cut(what: str, step: int, steps: int, remark: str) -> None:
        if what == "epoch 2" and step == 2:
            raise CutOffError

    with pytest.raises(CutOffError):
        finetune_tone_model([corpus], tmp_path / "cut", plan(start, recipe), work=tmp_path / "b", progress=cut)
    assert not (tmp_path / "cut").exists()
    seen: list[str] = []
    again = finetune_tone_model(
        [corpus], tmp_path / "cut", plan(start, recipe), work=tmp_path / "b",
        progress=lambda what, *_: seen.append(what),
    )  # fmt: skip
    assert "epoch 1" not in seen
    assert again.sha256 == whole.sha256


def test_unfinished_work_of_another_run_is_not_taken_up(corpus: Path, start: Path, tmp_path: Path) -> None:
    recipe = replace(QUICK, epochs=1)
    finetune_tone_model([corpus], tmp_path / "one", plan(start, recipe), work=tmp_path / "work", progress=silent)
    for other in (plan(start, replace(recipe, batch=4)), plan(start, recipe, seed=2)):
        with pytest.raises(TrainingDataError, match="belongs to a run with another recipe"):
            finetune_tone_model([corpus], tmp_path / "two", other, work=tmp_path / "work", progress=silent)


def test_training_stops_when_held_out_speakers_score_no_better(corpus: Path, start: Path, tmp_path: Path) -> None:
    recipe = Recipe(epochs=50, batch=32, layers=0, head_rate=0.0, patience=2)
    report = finetune_tone_model(
        [corpus], tmp_path / "voice", plan(start, recipe), work=tmp_path / "w", progress=silent
    )
    assert (report.best_epoch, report.epochs) == (1, 3)


def test_a_checkpoint_that_knows_the_tones_starts_from_what_it_knows(start: Path) -> None:
    network, scales_input = starting_network(find_checkpoint(start), ACOUSTIC_TONES, 0)
    old = load_file(start / "model.safetensors")
    rows = [TONES.index("angry"), TONES.index("happy")]
    state = network.state_dict()
    assert torch.equal(state["classifier.output.weight"][:2], old["classifier.output.weight"][rows])
    both = old["classifier.output.weight"][[TONES.index("calm"), TONES.index("neutral")]].mean(dim=0)
    assert torch.allclose(state["classifier.output.weight"][2], both)
    assert torch.equal(state["classifier.dense.weight"], old["classifier.dense.weight"])
    assert scales_input


@pytest.mark.parametrize("layout", ["inside", "bare"])
def test_an_encoder_without_a_head_gets_one(layout: str, tmp_path: Path) -> None:
    config = config_of()
    weights = {key: value for key, value in weights_of(config).items() if key.startswith("wav2vec2.")}
    if layout == "bare":
        weights = {key.removeprefix("wav2vec2."): value for key, value in weights.items()}
    start = write(tmp_path / "encoder", config, weights | {"quantizer.codevectors": torch.ones(1, 3)})
    network, _ = starting_network(find_checkpoint(start), ACOUSTIC_TONES, 0)
    assert network.head is Head.SPEECH
    key = "encoder.layers.0.attention.k_proj.weight"
    assert torch.equal(network.wav2vec2.state_dict()[key], weights_of(config)[f"wav2vec2.{key}"])
    again, _ = starting_network(find_checkpoint(start), ACOUSTIC_TONES, 0)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), again.parameters(), strict=True))


def test_an_encoder_that_is_not_whole_is_refused_with_its_keys(tmp_path: Path) -> None:
    key = "wav2vec2.encoder.layers.1.attention.k_proj.weight"
    config = config_of()
    weights = {name: value for name, value in weights_of(config).items() if name.startswith("wav2vec2.")}
    start = write(tmp_path / "half", config, {name: value for name, value in weights.items() if name != key})
    with pytest.raises(ArtefactError, match=r"encoder\.layers\.1\.attention\.k_proj\.weight"):
        starting_network(find_checkpoint(start), ACOUSTIC_TONES, 0)


def test_a_stock_head_with_a_norm_over_time_is_trained_too(corpus: Path, tmp_path: Path) -> None:
    config = base_config_of()
    start = write(tmp_path / "base", config, weights_of(config, Head.STOCK))
    recipe = replace(QUICK, epochs=2)
    report = finetune_tone_model(
        [corpus], tmp_path / "voice", plan(start, recipe), work=tmp_path / "w", progress=silent
    )
    checked = verify(tmp_path / "voice")
    assert (checked.head, checked.sha256) == ("stock", report.sha256)


def test_no_speaker_is_on_two_sides_and_every_side_has_all_tones(corpus: Path) -> None:
    speech = LabelledSpeech.of(read_manifest(corpus))
    for seed in range(3):
        split = split_by_speaker(speech, seed)
        sides = [split.train, split.dev, split.test]
        assert sorted(np.concatenate(sides).tolist()) == list(range(80))
        voices = [set(speech.speakers[side]) for side in sides]
        assert not (voices[0] & voices[1] or voices[0] & voices[2] or voices[1] & voices[2])
        assert all(len(np.unique(speech.tones[side])) == 4 for side in sides)


def test_clips_that_people_reviewed_are_only_learnt_from(corpus: Path) -> None:
    clips = read_manifest(corpus)
    split = split_by_speaker(LabelledSpeech.of([*clips, *clips[:3]]), 0, n_reviewed=3)
    alone = split_by_speaker(LabelledSpeech.of(clips), 0)
    assert split.train.tolist() == [*alone.train.tolist(), 80, 81, 82]
    assert (split.dev.tolist(), split.test.tolist()) == (alone.dev.tolist(), alone.test.tolist())


def test_every_tone_counts_the_same_and_a_long_clip_like_a_short_one(corpus: Path) -> None:
    clips = read_manifest(corpus)
    speech = LabelledSpeech.of(
        [clip for clip in clips if clip.tone != "sad"] + [clip for clip in clips if clip.tone == "sad"][:4]
    )
    windows = [*speech.windows, *[speech.windows[0]] * 5]  # the first clip has six windows
    importance = importance_of(speech, windows)
    tones = speech.tones[[window.clip for window in windows]]
    totals = [importance[tones == tone].sum() for tone in range(4)]
    assert totals == pytest.approx([totals[0]] * 4, rel=1e-4)
    assert importance[0] * 6 == pytest.approx(importance[4], rel=1e-4)


def test_too_few_speakers_and_folders_in_use_are_refused_before_training(
    corpus: Path, start: Path, tmp_path: Path
) -> None:
    few = make_corpus(tmp_path / "few", speakers=3)
    with pytest.raises(TrainingDataError, match="3 speakers; 5 are needed"):
        finetune_tone_model([few], tmp_path / "voice", plan(start), work=tmp_path / "w", progress=silent)
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "notes.txt").write_text("keep me", encoding="utf-8")
    with pytest.raises(ArtefactError, match="used exists"):
        finetune_tone_model([corpus], tmp_path / "used", plan(start), work=tmp_path / "w", progress=silent)
    only_happy = [{"file": f"{n}.wav", "speaker": f"s{n}", "emotion": "happy"} for n in range(6)]
    for row in only_happy:
        (tmp_path / row["file"]).write_bytes((corpus.parent / row["file"]).read_bytes())
    manifest = write_manifest(tmp_path, only_happy)
    with pytest.raises(TrainingDataError, match="none is angry, neutral, sad"):
        finetune_tone_model([manifest], tmp_path / "voice", plan(start), work=tmp_path / "w", progress=silent)
    assert not (tmp_path / "voice").exists()


def test_the_command_trains_and_the_back_end_loads_what_it_wrote(
    corpus: Path, start: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMOTION_COMPUTE__DEVICE", "cpu")
    options = ["--checkpoint", start, "--output", "voice", "--layers", 1, "--epochs", 1, "--batch", 8, "--rate", 0.002]
    arguments = ["train", "tone", "--manifest", corpus, *options, "--head-rate", 0.01]
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["recipe"]["layers"] == 1
    monkeypatch.setenv("EMOTION_TONE__BACKEND", "wav2vec2")
    monkeypatch.setenv("EMOTION_TONE__MODEL", "./voice")
    monkeypatch.setenv("EMOTION_TONE__SHA256", report["sha256"])
    done = CliRunner().invoke(app, ["evaluate", "tone", "--manifest", str(corpus)])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["n"] == 80
    done = CliRunner().invoke(app, ["models", "verify", "--tone", "./voice", "--sha256", report["sha256"]])
    assert done.exit_code == 0, done.output
