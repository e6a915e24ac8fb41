"""The tone of a segment is that of its own speaker, also where two people speak at once on two channels."""

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emotion_pipeline.engine.audio.encode import encode_flac
from emotion_pipeline.engine.audio.store import FolderAudioStore
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel, ToneScore
from emotion_pipeline.engine.stages.tone_scores import score_tone

LOW_HZ, HIGH_HZ = 200, 800


class Pitch:
    """A tone model that calls a high voice happy and a low one sad."""

    fingerprint = "pitch:test:1:0"
    labels = ("happy", "sad")

    def score(self, utterances: Iterable[Channel], groups: Sequence[str] | None = None) -> list[ToneScore]:
        return [self._score(utterance) for utterance in utterances]

    @staticmethod
    def _score(utterance: Channel) -> ToneScore:
        spectrum = np.abs(np.fft.rfft(utterance))
        hertz = spectrum.argmax() * SAMPLE_RATE / len(utterance)
        happy = 0.9 if hertz > (LOW_HZ + HIGH_HZ) / 2 else 0.1
        return ToneScore({"happy": happy, "sad": 1 - happy})


@pytest.fixture
def call(tmp_path: Path) -> Path:
    """A two-sided call of two seconds: a low voice on the left, a quieter high one on the right, both all the time."""
    time = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    voices = [0.6 * np.sin(2 * np.pi * LOW_HZ * time), 0.3 * np.sin(2 * np.pi * HIGH_HZ * time)]
    encode_flac(np.stack(voices).astype(np.float32), tmp_path / "call.flac")
    return tmp_path


def _segments(channels: Sequence[int | None]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "recording_date": date(2026, 11, 2), "recording_id": "call", "segment_id": f"segment-{number}",
                "audio_uri": "call.flac", "speaker": f"speaker_{number + 1}", "channel": channel,
                "start_seconds": 0.5, "end_seconds": 1.5, "text": "words",
            }
            for number, channel in enumerate(channels)
        ]
    )  # fmt: skip


def test_each_speaker_is_heard_on_their_own_channel(call: Path) -> None:
    rows = score_tone(_segments([0, 1]), None, Pitch(), FolderAudioStore(call)).rows
    assert rows["tone"].tolist() == ["sad", "happy"]


def test_without_a_channel_of_their_own_all_channels_are_mixed(call: Path) -> None:
    rows = score_tone(_segments([None]), None, Pitch(), FolderAudioStore(call)).rows
    assert rows["tone"].tolist() == ["sad"]
