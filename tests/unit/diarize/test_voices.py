"""Telling voices apart with the weights that ship, on synthetic voices: no recording is needed."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from emotion_pipeline.engine.common.errors import ArtefactError
from emotion_pipeline.engine.common.types import SAMPLE_RATE
from emotion_pipeline.engine.diarize.registry import DIARIZERS
from emotion_pipeline.engine.diarize.voice_encoder import SHIPPED, check_voices, load_voice_encoder
from emotion_pipeline.engine.diarize.voices import VoicesDiarizer


def test_the_shipped_weights_are_whole_and_small() -> None:
    assert check_voices(SHIPPED)["dimensions"] == 32
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) < 10_000_000


def test_damaged_weights_are_refused_by_name(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "voices")
    with (tmp_path / "voices" / "weights.safetensors").open("r+b") as file:
        file.seek(-4, 2)
        file.write(b"\0\1\2\3")
    with pytest.raises(ArtefactError, match=r"weights\.safetensors"):
        load_voice_encoder(tmp_path / "voices")


def test_the_number_of_speakers_is_part_of_the_fingerprint() -> None:
    prints = {DIARIZERS.load("voices", speakers=speakers).fingerprint for speakers in (None, 1, 2)}
    assert len(prints) == 3


def test_silence_has_no_turns() -> None:
    assert VoicesDiarizer().turns(np.zeros(10 * SAMPLE_RATE, dtype=np.float32)) == ()
