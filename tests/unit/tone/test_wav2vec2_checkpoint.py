"""Which wav2vec2 checkpoints are loaded, and that every broken one is refused with what is wrong with it named."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from support.tiny_wav2vec2 import Weights, base_config_of, checkpoint, config_of, old_names, weights_of, write
from transformers import Wav2Vec2ForSequenceClassification

from emotion_pipeline.engine.common.errors import ArtefactError, BackendUnavailableError
from emotion_pipeline.engine.common.hashing import sha256_of
from emotion_pipeline.engine.models.loaded_models import LOADED
from emotion_pipeline.engine.tone.built_in_clip import excited_clip, subdued_clip
from emotion_pipeline.engine.tone.labels import TONES
from emotion_pipeline.engine.tone.wav2vec2.loaded_checkpoint import verify
from emotion_pipeline.engine.tone.wav2vec2.model import Wav2Vec2ToneModel, load_wav2vec2
from emotion_pipeline.engine.tone.wav2vec2.network import Head

CONV = "wav2vec2.encoder.pos_conv_embed.conv"
DENSE = "classifier.dense.weight"
SUPERB = ("neu", "hap", "ang", "sad")


def loaded(folder: Path) -> Wav2Vec2ToneModel:
    model = load_wav2vec2(folder, device="cpu", precision="float32")
    model.load()
    return model


def refused(folder: Path, *named: str, error: type[Exception] = ArtefactError) -> None:
    """Both ways in refuse the checkpoint, and the message names all of ``named``."""
    for attempt in (loaded, verify):
        with pytest.raises(error) as caught:
            attempt(folder)
        assert [word for word in (*named, folder.name) if word not in str(caught.value)] == []


def with_weights(folder: Path, change: Weights, without: tuple[str, ...] = ()) -> Path:
    config = config_of()
    weights = weights_of(config) | change
    return write(folder, config, {key: tensor for key, tensor in weights.items() if key not in without})


def test_the_weights_may_be_safetensors_or_a_pickle_under_either_names_of_the_weight_norm(tmp_path: Path) -> None:
    config = config_of()
    weights = weights_of(config)
    clips = [excited_clip(), subdued_clip()]
    folders = [
        write(tmp_path / f"{names.__name__}-{pickled}", config, names(weights), pickled)
        for names in (dict, old_names)
        for pickled in (False, True)
    ]
    assert f"{CONV}.weight_g" in load_file(folders[2] / "model.safetensors")
    first, *others = [loaded(folder).logits(clips) for folder in folders]
    assert np.ptp(first) > 0.1
    assert all((first == other).all() for other in others)


def test_half_precision_weights_are_taken(tmp_path: Path) -> None:
    config = config_of()
    weights = weights_of(config)
    halves = {key: tensor.half() for key, tensor in weights.items()}
    exact, rounded = (
        loaded(write(tmp_path / name, config, content)).logits([excited_clip()])
        for name, content in (("whole", weights), ("half", halves))
    )
    assert np.abs(exact - rounded).max() < 0.02


def test_the_head_is_mean_dense_tanh_output(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "speech")
    weights = {key: tensor.double() for key, tensor in load_file(folder / "model.safetensors").items()}
    model = loaded(folder)
    pooled = torch.from_numpy(model.states([excited_clip()])[0]).double().mean(dim=0)
    dense = torch.tanh(weights[DENSE] @ pooled + weights["classifier.dense.bias"])
    expected = weights["classifier.output.weight"] @ dense + weights["classifier.output.bias"]
    assert np.abs(model.logits([excited_clip()])[0] - expected.numpy()).max() < 1e-4
    assert model.labels == TONES


@pytest.mark.parametrize("kind", ["layer", "group", "weighted"])
def test_a_stock_head_says_what_the_library_says(tmp_path: Path, kind: str) -> None:
    make = config_of if kind == "layer" else base_config_of
    config = make(SUPERB, use_weighted_layer_sum=kind == "weighted")
    folder = write(tmp_path / "superb", config, weights_of(config, Head.STOCK))
    library = Wav2Vec2ForSequenceClassification.from_pretrained(folder).eval()
    model = loaded(folder)
    for clip in (excited_clip(), subdued_clip()[:9000]):
        scaled = torch.from_numpy((clip - clip.mean()) / np.sqrt(clip.var() + 1e-7))
        with torch.inference_mode():
            expected = library(scaled[None]).logits[0].numpy()
        assert np.abs(model.logits([clip])[0] - expected).max() < 1e-4
    assert model.labels == ("neutral", "happy", "angry", "sad")


def test_the_report_says_what_was_loaded(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "good")
    report = verify(folder)
    weights = load_file(folder / "model.safetensors")
    assert (report.source, report.revision, report.head, report.labels) == ("good", "local", "speech", TONES)
    assert report.sha256 == sha256_of(folder / "model.safetensors")
    assert report.n_keys == len(weights)
    assert report.repeatable
    assert 0.05 < report.spread <= 1
    assert 0.05 < report.difference <= 1


def test_two_loads_give_identical_logits(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "good")
    clips = [excited_clip(), subdued_clip()]
    for precision in ("float32", "bfloat16"):
        model = load_wav2vec2(folder, device="cpu", precision=precision)
        first = model.logits(clips)
        LOADED.clear()
        assert (first == model.logits(clips)).all()


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    refused(with_weights(tmp_path / "a", {}, (DENSE,)), "missing", DENSE)
    refused(with_weights(tmp_path / "b", {}, (f"{CONV}.parametrizations.weight.original0",)), "missing", "original0")
    every_head = tuple(f"classifier.{layer}.{part}" for layer in ("dense", "output") for part in ("weight", "bias"))
    refused(with_weights(tmp_path / "c", {}, every_head), "missing", "projector.weight", "classifier.weight")


def test_an_extra_key_is_named(tmp_path: Path) -> None:
    refused(with_weights(tmp_path / "a", {"classifier.out_proj.weight": torch.ones(3)}), "unexpected", "out_proj")
    refused(with_weights(tmp_path / "b", {f"{CONV}.weight_g": torch.ones(1)}), "two names", "weight_g")
    refused(with_weights(tmp_path / "c", {"projector.weight": torch.ones(12, 32)}), "unexpected", "projector.weight")


def test_a_wrong_shape_is_named_with_both_shapes(tmp_path: Path) -> None:
    refused(with_weights(tmp_path / "a", {DENSE: torch.ones(32, 16)}), DENSE, "(32, 16)", "(32, 32)")


def test_values_that_are_not_numbers_are_named(tmp_path: Path) -> None:
    for value in (torch.nan, torch.inf):
        broken = torch.ones(32, 32).index_put((torch.tensor(3), torch.tensor(4)), torch.tensor(value))
        refused(with_weights(tmp_path / f"is {value}", {DENSE: broken}), "not finite", DENSE)


def test_a_wrong_number_of_labels_is_named(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "eight")
    (folder / "config.json").write_text(json.dumps(config_of(TONES[:7])), encoding="utf-8")
    refused(folder, "classifier.output.weight", "(8, 32)", "(7, 32)", "7 labels")


def test_a_label_that_is_no_tone_is_named(tmp_path: Path) -> None:
    refused(checkpoint(tmp_path / "a", labels=("angry", "bored", "happy", "eager")), "bored", "eager", "surprised")
    refused(checkpoint(tmp_path / "b", labels=("angry", "ang", "happy")), "more than one label for angry")


def test_labels_without_a_name_are_those_of_the_documents_for_its_head_only(tmp_path: Path) -> None:
    unnamed = config_of(tuple(f"LABEL_{i}" for i in range(8)))
    assert loaded(write(tmp_path / "speech", unnamed, weights_of(unnamed))).labels == TONES
    refused(write(tmp_path / "stock", unnamed, weights_of(unnamed, Head.STOCK)), "id2label")


@pytest.mark.parametrize("pickled", [False, True])
def test_a_truncated_file_is_refused(tmp_path: Path, pickled: bool) -> None:
    config = config_of()
    folder = write(tmp_path / "cut", config, weights_of(config), pickled)
    file = folder / ("pytorch_model.bin" if pickled else "model.safetensors")
    whole = file.read_bytes()
    for length in (0, 5, len(whole) // 2, len(whole) - 40):
        file.write_bytes(whole[:length])
        refused(folder, file.name)


def test_a_random_head_that_the_library_saved_is_refused(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "right")
    Wav2Vec2ForSequenceClassification.from_pretrained(folder).save_pretrained(tmp_path / "saved over")
    refused(tmp_path / "saved over", "never trained", "classifier.bias", "projector.bias")


def test_a_flat_answer_is_refused(tmp_path: Path) -> None:
    flat = {"classifier.output.weight": torch.zeros(8, 32), "classifier.output.bias": torch.full((8,), 0.5)}
    refused(with_weights(tmp_path / "flat", flat), "is flat")


def test_an_answer_that_does_not_depend_on_the_sound_is_refused(tmp_path: Path) -> None:
    deaf = {"wav2vec2.feature_projection.projection.weight": torch.zeros(32, 16)}
    refused(with_weights(tmp_path / "deaf", deaf), "the same for two different inputs")


class Touch:
    """Unpickled carelessly, this makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (open, (str(self.file), "w"))


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_that_would_run_something_is_not_run(tmp_path: Path, legacy: bool) -> None:
    config = config_of()
    folder = write(tmp_path / "bad", config, weights_of(config), pickled=True)
    content = weights_of(config) | {"payload": Touch(tmp_path / "executed")}
    torch.save(content, folder / "pytorch_model.bin", _use_new_zipfile_serialization=not legacy)
    refused(folder, "was not executed")
    assert not (tmp_path / "executed").exists()
    torch.load(folder / "pytorch_model.bin", weights_only=False)
    assert (tmp_path / "executed").exists()  # it would have


def test_a_pickle_of_something_else_is_refused(tmp_path: Path) -> None:
    config = config_of()
    folder = write(tmp_path / "nested", config, {}, pickled=True)
    torch.save({"state_dict": weights_of(config), "epoch": 3}, folder / "pytorch_model.bin")
    refused(folder, "not a plain dictionary of tensors")


def test_missing_files_are_named(tmp_path: Path) -> None:
    config = config_of()
    refused(write(tmp_path / "a", None, weights_of(config)), "config.json", error=BackendUnavailableError)
    (write(tmp_path / "b", config, weights_of(config)) / "model.safetensors").unlink()
    refused(tmp_path / "b", "model.safetensors or pytorch_model.bin", error=BackendUnavailableError)
    for source in (tmp_path / "nowhere", "./nowhere", "nowhere"):
        with pytest.raises(BackendUnavailableError, match=r"nowhere.*config\.json.*owner/name"):
            load_wav2vec2(source)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"model_type": "hubert"}, "'hubert'"),
        ({"pooling_mode": "max"}, "pooling_mode 'max'"),
        ({"add_adapter": True}, "add_adapter"),
        ({"hidden_size": "wide"}, "hidden_size"),
        ({"num_attention_heads": 5}, "num_heads"),
        ({"id2label": {"0": "angry", "2": "sad"}}, "id2label"),
    ],
)
def test_settings_that_do_not_fit_are_named(tmp_path: Path, changes: dict[str, object], named: str) -> None:
    config = config_of()
    refused(write(tmp_path / "odd", config | changes, weights_of(config)), named)


def test_settings_that_are_no_json_or_want_another_rate_are_refused(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "rate")
    (folder / "preprocessor_config.json").write_text('{"sampling_rate": 8000}', encoding="utf-8")
    refused(folder, "8000 Hz")
    (folder / "config.json").write_text("{", encoding="utf-8")
    refused(folder, "config.json", "JSON")


def test_a_file_with_another_hash_than_wanted_is_refused(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "known")
    right = sha256_of(folder / "model.safetensors")
    assert load_wav2vec2(folder, sha256=right.upper()).fingerprint.endswith(right[:12])
    for attempt in (load_wav2vec2, verify):
        with pytest.raises(ArtefactError, match=f"has the SHA-256 {right}, not {'0' * 64}"):
            attempt(folder, sha256="0" * 64)


def test_the_fingerprint_follows_weights_settings_and_precision(tmp_path: Path) -> None:
    config = config_of()
    folder = write(tmp_path / "model", config, weights_of(config))
    seen = {
        load_wav2vec2(folder, device="cpu", precision=precision).fingerprint for precision in ("float32", "bfloat16")
    }
    backend, name, version, digits = sorted(seen)[1].split(":")
    assert (backend, name, len(digits)) == ("wav2vec2", "model", 12)
    assert version.startswith("local,float32,windows=10s,")
    save_file(weights_of(config, seed=4), folder / "model.safetensors")
    seen.add(load_wav2vec2(folder, device="cpu", precision="float32").fingerprint)
    write(folder, config_of(tuple(reversed(TONES))), weights_of(config, seed=4))
    seen.add(load_wav2vec2(folder, device="cpu", precision="float32").fingerprint)
    assert len(seen) == 4
