"""Whisper through transformers: precision, and what it refuses to load."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from support.tiny_whisper import TinyModel

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.types import SAMPLE_RATE
from emotion_pipeline.engine.models.devices import torch_precision
from emotion_pipeline.engine.transcribe.whisper.transformers import transformers_whisper

NOTHING = [np.zeros(SAMPLE_RATE, dtype=np.float32)]
WEIGHTS = "model.safetensors"


@pytest.fixture
def folder(tiny_model: TinyModel, tmp_path: Path) -> Path:
    """A copy of the listening model, to be spoiled."""
    return Path(shutil.copytree(tiny_model("listening").transformers, tmp_path / "model"))


def load(folder: Path) -> None:
    transformers_whisper(str(folder), "cpu").decode(NOTHING, "en", 0.0)


@pytest.mark.parametrize("precision", ["bfloat16", "auto"])
def test_lower_precision_says_the_same(tiny_model: TinyModel, precision: str) -> None:
    tiny = tiny_model("speaking")
    recogniser = transformers_whisper(str(tiny.transformers), "cpu", precision=precision)
    [decoding] = recogniser.decode([np.zeros(5 * SAMPLE_RATE, dtype=np.float32)], "de", 0.0)
    assert decoding.text == "Hello, brave new world."
    assert torch_precision(precision, "cpu") in recogniser.fingerprint


def test_a_batch_that_needs_several_rounds_keeps_its_order(tiny_model: TinyModel, rng: np.random.Generator) -> None:
    tiny = tiny_model("listening")
    items = [(0.1 * rng.standard_normal(n)).astype(np.float32) for n in (9_000, 30_000, 0, 20_000, 10_000)]
    few, many = (
        transformers_whisper(str(tiny.transformers), "cpu", batch_size=size, precision="float32") for size in (2, 16)
    )
    assert few.decode(items, "en", 0.4) == many.decode(items, "en", 0.4)


def test_an_unknown_name_lists_those_that_exist() -> None:
    with pytest.raises(BackendUnavailableError, match=r"no Whisper model 'bsae'.*tiny.en, tiny, .*did you mean 'base'"):
        transformers_whisper("bsae", "cpu").decode(NOTHING, "en", 0.0)


def test_a_model_that_cannot_be_fetched_says_what_to_do(tmp_path: Path) -> None:
    recogniser = transformers_whisper("nobody-at-all/no-whisper", "cpu", download_root=tmp_path)
    assert recogniser.fingerprint.startswith("transformers-whisper:nobody-at-all/no-whisper:5")
    with pytest.raises(BackendUnavailableError, match=r"model\*\.safetensors.* of https://huggingface\.co/nobody-at"):
        recogniser.decode(NOTHING, "en", 0.0)


def test_a_folder_without_weights_is_refused(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    with pytest.raises(BackendUnavailableError, match=r"is no folder with model\.safetensors"):
        load(folder)


@pytest.mark.parametrize("name", [WEIGHTS, "config.json", "tokenizer.json"])
def test_a_file_cut_in_half_is_refused_by_name(folder: Path, name: str) -> None:
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BackendUnavailableError, match=rf"{folder}.* is not a whole Whisper model"):
        load(folder)


def test_missing_and_unexpected_weights_are_refused_by_name(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    weights["model.decoder.extra.weight"] = weights.pop("model.decoder.layer_norm.weight")
    save_file(weights, folder / WEIGHTS, {"format": "pt"})
    with pytest.raises(
        BackendUnavailableError,
        match=r"missing: model\.decoder\.layer_norm\.weight; unexpected: model\.decoder\.extra\.weight",
    ):
        load(folder)


def test_weights_of_another_shape_are_refused_by_name(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    weights["model.decoder.layer_norm.weight"] = torch.ones(7)
    save_file(weights, folder / WEIGHTS, {"format": "pt"})
    with pytest.raises(BackendUnavailableError, match=r"mismatched: .*model\.decoder\.layer_norm\.weight"):
        load(folder)


def test_a_model_of_another_kind_is_refused(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"decoder_layers": 3, "vocab_size": 51_866}))
    with pytest.raises(BackendUnavailableError, match=r"layers\.2\."):
        load(folder)


def test_what_the_model_must_not_say_is_read_from_its_settings(tiny_model: TinyModel, folder: Path) -> None:
    file = folder / "generation_config.json"
    said = transformers_whisper(str(folder), "cpu", precision="float32").decode(NOTHING, "en", 0.0)[0].words[0].text
    settings = json.loads(file.read_text())
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    banned = [token for text, token in tokenizer["model"]["vocab"].items() if text.strip("Ġ") in said]
    file.write_text(json.dumps(settings | {"begin_suppress_tokens": banned}))
    again = transformers_whisper(str(folder), "cpu", precision="float32").decode(NOTHING, "en", 0.0)[0].words[0].text
    assert again != said


def test_an_unknown_precision_is_an_error(folder: Path) -> None:
    with pytest.raises(BackendUnavailableError, match="there is no precision 'int8'"):
        transformers_whisper(str(folder), "cpu", precision="int8").decode(NOTHING, "en", 0.0)
