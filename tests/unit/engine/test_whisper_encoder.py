"""Whisper's encoder in torch: the same numbers as openai-whisper's own and CTranslate2's, and no padding."""

from pathlib import Path

import numpy as np
import pytest
import torch
from ctranslate2 import StorageView
from ctranslate2.models import Whisper

from emotion_pipeline.engine.common.errors import ArtefactError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel
from emotion_pipeline.engine.models.packaged_whisper import PACKAGED
from emotion_pipeline.engine.models.whisper_conversion import openai_checkpoint, read_arrays
from emotion_pipeline.engine.models.whisper_encoder import (
    FRAMES_PER_SECOND,
    WhisperEncoder,
    load_encoder,
    log_mel,
)

WIDTH = 384


@pytest.fixture(scope="module")
def file() -> Path:
    return PACKAGED["tiny.en"].fetch() / "model.bin"


@pytest.fixture(scope="module")
def encoder(file: Path) -> WhisperEncoder:
    return load_encoder(file)


def sound(seconds: float) -> Channel:
    rng = np.random.default_rng(0)
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tone = 0.2 * np.sin(2 * np.pi * 180 * time * (1 + 0.1 * time))
    return (tone + 0.02 * rng.standard_normal(len(time))).astype(np.float32)


def test_the_spectrum_is_that_of_openai_whisper() -> None:
    import whisper

    samples = sound(2.5)
    assert torch.allclose(log_mel(torch.from_numpy(samples)), whisper.log_mel_spectrogram(samples), atol=1e-5)


def test_a_window_of_30_s_has_the_layers_that_openai_whisper_computes(encoder: WhisperEncoder) -> None:
    import whisper

    checkpoint = openai_checkpoint(read_arrays(PACKAGED["tiny.en"].fetch() / "model.bin"))
    reference = whisper.model.Whisper(whisper.model.ModelDimensions(**checkpoint["dims"]))
    reference.load_state_dict(checkpoint["model_state_dict"])
    padded = np.pad(sound(4.0), (0, 26 * SAMPLE_RATE))
    outputs: list[torch.Tensor] = []
    for block in list(reference.encoder.blocks):
        block.register_forward_hook(lambda _module, _inputs, output: outputs.append(output[0]))
    with torch.inference_mode():
        reference.encoder(whisper.log_mel_spectrogram(padded)[None])
    states = encoder.states(padded)
    for expected, actual in zip(outputs, states, strict=True):
        assert np.abs(expected.numpy() - actual).max() < 1e-3 * expected.std().item()


@pytest.mark.parametrize("seconds", [0.1, 1.0, 7.3])
def test_a_window_keeps_its_true_length(encoder: WhisperEncoder, seconds: float) -> None:
    states = encoder.states(sound(seconds))
    assert states.shape == (4, round(seconds * FRAMES_PER_SECOND), WIDTH)
    assert np.isfinite(states).all()


def test_windows_of_one_length_can_be_computed_together(encoder: WhisperEncoder) -> None:
    first, second = sound(1.0), sound(1.0)[::-1].copy()
    with torch.inference_mode():
        together = encoder(torch.stack([log_mel(torch.from_numpy(samples)) for samples in (first, second)]))
    assert together[-1][1].numpy() == pytest.approx(encoder.states(second)[-1], abs=1e-4)


def test_a_window_gives_the_same_numbers_whatever_the_number_of_threads(encoder: WhisperEncoder) -> None:
    samples = np.random.default_rng(5).normal(0, 0.05, 6 * SAMPLE_RATE).astype(np.float32)
    threads = torch.get_num_threads()
    states = []
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            states.append(encoder.states(samples))
            assert torch.get_num_threads() == count, "the threads of others are left alone"
    finally:
        torch.set_num_threads(threads)
    assert np.array_equal(states[0], states[1])
    assert np.array_equal(states[0], states[2])


def test_the_first_layers_alone_give_what_they_give_in_the_whole(encoder: WhisperEncoder, file: Path) -> None:
    samples = sound(1.0)
    assert np.array_equal(load_encoder(file, layers=2).states(samples), encoder.states(samples)[:2])


def test_the_decoder_reads_the_same_as_from_ctranslate2(encoder: WhisperEncoder, file: Path) -> None:
    spectra = torch.stack(
        [log_mel(torch.from_numpy(np.pad(sound(s), (0, int((30 - s) * 16_000))))) for s in (4.0, 9.0)]
    )
    model = Whisper(str(file.parent), device="cpu", compute_type="float32", intra_threads=1)
    expected = np.array(model.encode(StorageView.from_array(spectra.numpy())))
    assert encoder.encode(spectra.numpy(), threads=1) == pytest.approx(expected, abs=1e-2)
    assert encoder.encode(spectra.numpy(), threads=2) == pytest.approx(expected, abs=1e-2)


def test_another_file_in_the_package_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.bin").write_bytes(b"not the weights")
    package = PACKAGED["tiny.en"].packages[0]
    monkeypatch.setattr(type(package), "path", lambda _self: tmp_path)
    with pytest.raises(ArtefactError, match=r"model\.bin is not Whisper tiny\.en: its SHA-256"):
        load_encoder(PACKAGED["tiny.en"].fetch() / "model.bin")
