"""Whisper through CTranslate2: precision, draws, and what it refuses to load."""

import shutil
from pathlib import Path

import ctranslate2
import numpy as np
import pytest
from support.tiny_whisper import TinyModel

from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.types import SAMPLE_RATE
from emotion_pipeline.engine.models.devices import torch_precision
from emotion_pipeline.engine.transcribe.whisper.faster import faster_whisper

NOTHING = [np.zeros(SAMPLE_RATE, dtype=np.float32)]


@pytest.fixture
def folder(tiny_model: TinyModel, tmp_path: Path) -> Path:
    """A copy of the listening model, to be spoiled."""
    return Path(shutil.copytree(tiny_model("listening").faster, tmp_path / "model"))


def load(folder: Path) -> None:
    faster_whisper(str(folder), "cpu").decode(NOTHING, "en", 0.0)


def test_a_cpu_computes_in_int8_unless_told_otherwise(tiny_model: TinyModel) -> None:
    tiny = tiny_model("speaking")
    recogniser = faster_whisper(str(tiny.faster), "cpu")
    assert recogniser.fingerprint.endswith(":int8,beam=2,beam_from=3.0,pad=0.25")
    [decoding] = recogniser.decode([np.zeros(5 * SAMPLE_RATE, dtype=np.float32)], "de", 0.0)
    assert decoding.text == "Hello, brave new world."
    [drawn] = recogniser.decode([np.zeros(5 * SAMPLE_RATE, dtype=np.float32)], "de", 0.6)
    assert drawn.text == decoding.text


def test_the_packaged_model_is_encoded_in_bfloat16_where_the_processor_has_it() -> None:
    expected = "bfloat16" if torch_precision("auto", "cpu") == "bfloat16" else "int8"
    assert faster_whisper("tiny.en", "cpu").fingerprint.endswith(f":{expected},beam=2,beam_from=3.0,pad=0.25")


def test_more_items_than_are_drawn_at_once_keep_their_order(tiny_model: TinyModel, rng: np.random.Generator) -> None:
    items = [(0.1 * rng.standard_normal(n)).astype(np.float32) for n in (9_000, 30_000, 0, 20_000, 10_000, 4_000, 700)]
    few, many = (
        faster_whisper(str(tiny_model("listening").faster), "cpu", batch_size=size, precision="float32")
        for size in (1, 16)
    )
    assert few.decode(items, "en", 0.6) == many.decode(items, "en", 0.6)


def test_an_unknown_name_lists_those_that_exist() -> None:
    with pytest.raises(BackendUnavailableError, match=r"no Whisper model 'bsae'.*distil-large-v3.*did you mean 'base'"):
        faster_whisper("bsae", "cpu").decode(NOTHING, "en", 0.0)


def test_a_published_name_is_that_of_the_converted_model() -> None:
    converted = {
        "small": "Systran/faster-whisper-small",
        "openai/whisper-medium.en": "Systran/faster-whisper-medium.en",
        "large": "Systran/faster-whisper-large-v3",
        "someone/their-ct2": "someone/their-ct2",
    }
    for model, repository in converted.items():
        assert faster_whisper(model, "cpu").fingerprint.startswith(f"faster-whisper:{repository}:")


def test_the_plain_install_carries_a_model_that_reads_a_voice_message(repository: Path) -> None:
    message = decode(repository / "samples" / "2026-11-03" / "happy_voice_message.mp3")[0]
    recogniser = faster_whisper("tiny.en", "cpu")
    [decoding] = recogniser.decode([message[: 28 * SAMPLE_RATE]], "en", 0.0)
    assert recogniser.fingerprint.startswith("faster-whisper:tiny.en@1a5afae06a4d:")
    assert "found a new job" in decoding.text


def test_a_model_that_cannot_be_fetched_says_what_to_do(tmp_path: Path) -> None:
    recogniser = faster_whisper("nobody-at-all/no-whisper", "cpu", download_root=tmp_path)
    with pytest.raises(BackendUnavailableError, match=r"put model\.bin, config\.json, tokenizer\.json of https://hugg"):
        recogniser.decode(NOTHING, "en", 0.0)


@pytest.mark.parametrize("name", ["model.bin", "config.json", "tokenizer.json"])
def test_a_folder_that_lacks_a_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BackendUnavailableError, match=rf"{name} is missing; convert one with"):
        load(folder)


@pytest.mark.parametrize("name", ["model.bin", "config.json", "tokenizer.json"])
def test_a_file_cut_in_half_is_refused_by_name(folder: Path, name: str) -> None:
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BackendUnavailableError, match=rf"{folder}.* is not a whole Whisper model"):
        load(folder)


def test_weights_under_another_name_are_refused_by_name(folder: Path) -> None:
    file = folder / "model.bin"
    content = file.read_bytes()
    name = b"decoder/layer_1/ffn/linear_0/weight"
    assert name in content
    file.write_bytes(content.replace(name, b"decoder/layer_1/ffn/linear_0/weighs"))
    with pytest.raises(BackendUnavailableError, match="linear_0/weight"):
        load(folder)


def test_a_file_is_no_model(folder: Path) -> None:
    with pytest.raises(BackendUnavailableError, match=r"model\.bin is no folder with a model for faster-whisper"):
        load(folder / "model.bin")


@pytest.mark.skipif(ctranslate2.get_cuda_device_count() > 0, reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_an_error(folder: Path) -> None:
    with pytest.raises(BackendUnavailableError, match="device 'cuda' was asked for and CTranslate2 sees none"):
        faster_whisper(str(folder), "cuda").decode(NOTHING, "en", 0.0)


def test_a_device_or_precision_that_it_does_not_have_is_an_error(folder: Path) -> None:
    with pytest.raises(BackendUnavailableError, match="no device for CTranslate2 'mps'; choose one of auto, cpu, cuda"):
        faster_whisper(str(folder), "mps").decode(NOTHING, "en", 0.0)
    with pytest.raises(BackendUnavailableError, match="no precision for CTranslate2 on cpu 'int4'; choose one of auto"):
        faster_whisper(str(folder), "cpu", precision="int4").decode(NOTHING, "en", 0.0)
