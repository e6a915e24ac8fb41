"""openai-whisper: its own decoder is the reference, and what it refuses to load."""

from pathlib import Path

import numpy as np
import pytest
import torch
import whisper
from support.tiny_whisper import TinyModel, Weights, write_openai
from whisper.decoding import DecodingOptions

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.types import SAMPLE_RATE
from emotion_pipeline.engine.transcribe.whisper.openai import openai_whisper

NOTHING = [np.zeros(SAMPLE_RATE, dtype=np.float32)]


def load(file: Path) -> None:
    openai_whisper(str(file), "cpu").decode(NOTHING, "en", 0.0)


def test_it_says_what_the_package_says_by_itself(tiny_model: TinyModel, rng: np.random.Generator) -> None:
    tiny = tiny_model("listening")
    item = (0.1 * rng.standard_normal(3 * SAMPLE_RATE)).astype(np.float32)
    [decoding] = openai_whisper(str(tiny.openai), "cpu").decode([item], "en", 0.0)
    model = whisper.load_model(str(tiny.openai), device="cpu")
    mel = whisper.log_mel_spectrogram(whisper.pad_or_trim(item))
    special = list(range(50_258, model.dims.n_vocab))
    options = DecodingOptions(language="en", without_timestamps=True, fp16=False, suppress_tokens=[-1, *special])
    expected = whisper.decode(model, mel, options)
    assert isinstance(expected, whisper.DecodingResult)
    assert decoding.text.replace(" ", "") == expected.text.replace(" ", "")
    assert decoding.average_log_probability == pytest.approx(expected.avg_logprob, abs=1e-3)
    assert decoding.no_speech_probability == pytest.approx(expected.no_speech_prob, abs=1e-3)


def test_a_published_name_that_cannot_be_fetched_says_what_to_put_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # discards
    recogniser = openai_whisper("openai/whisper-tiny", "cpu", download_root=tmp_path)
    assert recogniser.fingerprint.startswith("openai-whisper:tiny:2")
    with pytest.raises(BackendUnavailableError, match=rf"tiny\.pt could not be fetched .* put that file at {tmp_path}"):
        recogniser.decode(NOTHING, "en", 0.0)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_name_lists_those_that_exist() -> None:
    with pytest.raises(BackendUnavailableError, match=r"no Whisper model 'bsae'.*tiny.en, tiny, .*did you mean 'base'"):
        openai_whisper("bsae", "cpu").decode(NOTHING, "en", 0.0)
    with pytest.raises(BackendUnavailableError, match="no Whisper model 'someone/whisper'"):
        _ = openai_whisper("someone/whisper", "cpu").fingerprint


def test_a_folder_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailableError, match=r"is a folder, openai-whisper reads a \.pt file"):
        load(tmp_path)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")
@pytest.mark.parametrize("content", [b"", b"\x80\x04]", b"not weights at all", "half"])
def test_a_damaged_checkpoint_is_refused_by_name(tiny_model: TinyModel, tmp_path: Path, content: bytes | str) -> None:
    file = tmp_path / "damaged.pt"
    whole = tiny_model("listening").openai.read_bytes()
    file.write_bytes(content if isinstance(content, bytes) else whole[: len(whole) // 2])
    with pytest.raises(BackendUnavailableError, match=r"damaged\.pt is not a whole Whisper model"):
        load(file)


@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence:UserWarning")
def test_a_checkpoint_of_something_else_is_refused_by_name(tmp_path: Path) -> None:
    for number, content in enumerate([{"weights": torch.zeros(2)}, torch.zeros(2), {"dims": {}}]):
        file = tmp_path / f"other{number}.pt"
        torch.save(content, file)
        with pytest.raises(BackendUnavailableError, match=rf"other{number}\.pt is not a whole Whisper model"):
            load(file)


def test_missing_and_unexpected_weights_are_refused_by_name(tiny_model: TinyModel, tmp_path: Path) -> None:
    weights: Weights = dict(tiny_model("listening").weights)
    weights["decoder.extra.weight"] = weights.pop("decoder.ln.weight")
    with pytest.raises(BackendUnavailableError, match=r"(?s)decoder\.ln\.weight.*decoder\.extra\.weight"):
        load(write_openai(weights, tmp_path / "renamed.pt"))


def test_a_checkpoint_that_runs_code_is_refused(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (Path(tmp_path / "ran"),))  # pyright: ignore[reportReturnType]

    torch.save({"dims": {}, "model_state_dict": Trap()}, tmp_path / "trap.pt")
    with pytest.raises(BackendUnavailableError, match=r"trap\.pt is not a whole Whisper model"):
        load(tmp_path / "trap.pt")
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_an_error(tiny_model: TinyModel) -> None:
    with pytest.raises(BackendUnavailableError, match="device 'cuda' was asked for"):
        openai_whisper(str(tiny_model("listening").openai), "cuda").decode(NOTHING, "en", 0.0)
