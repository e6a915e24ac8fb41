"""Weights in CTranslate2's file are the same model in all three packages."""

from pathlib import Path

import numpy as np
import pytest
import torch

from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.common.errors import ArtefactError
from emotion_pipeline.engine.models.packaged_whisper import PACKAGED
from emotion_pipeline.engine.models.whisper_conversion import read_arrays, transformers_state
from emotion_pipeline.engine.transcribe.whisper.conversion import convert

SAMPLE = Path(__file__).resolve().parents[3] / "samples" / "2026-11-03" / "happy_voice_message.mp3"


@pytest.fixture(scope="module")
def tiny() -> Path:
    return PACKAGED["tiny.en"].fetch()


@pytest.fixture(scope="module")
def mel() -> torch.Tensor:
    """The first 30 s of a sample as Whisper wants them, shape (1, 80, 3000)."""
    import whisper

    waveform = torch.from_numpy(np.asarray(decode(SAMPLE)[0], dtype=np.float32).reshape(-1))
    return whisper.log_mel_spectrogram(whisper.pad_or_trim(waveform))[None]


def test_all_three_packages_encode_the_same(tiny: Path, mel: torch.Tensor, tmp_path: Path) -> None:
    import whisper
    from ctranslate2 import StorageView
    from ctranslate2.models import Whisper
    from transformers import WhisperForConditionalGeneration

    openai = whisper.load_model(str(convert(tiny, tmp_path / "tiny.en.pt", "openai-whisper")))
    folder = convert(tiny, tmp_path / "tiny.en", "transformers")
    transformers = WhisperForConditionalGeneration.from_pretrained(folder).eval()
    transformers.load_state_dict(transformers_state(read_arrays(tiny / "model.bin")))  # strict: every key in its place
    reference = np.array(Whisper(str(tiny), compute_type="float32").encode(StorageView.from_array(mel.numpy())))
    with torch.no_grad():
        encoded = [openai.embed_audio(mel), transformers.model.encoder(mel).last_hidden_state]
    for output in encoded:
        error = np.sqrt(((output.numpy() - reference) ** 2).mean() / (reference**2).mean())
        assert error < 1e-5


@pytest.mark.parametrize("kept", [0, 3, 1000, -1])
def test_a_file_that_is_not_whole_is_refused(tiny: Path, tmp_path: Path, kept: int) -> None:
    broken = tmp_path / "model.bin"
    broken.write_bytes((tiny / "model.bin").read_bytes()[:kept])
    with pytest.raises(ArtefactError, match=r"model\.bin is no whole Whisper model"):
        read_arrays(broken)
