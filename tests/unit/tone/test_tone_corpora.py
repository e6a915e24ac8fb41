"""What training takes from corpora beside the sound: channels, votes of listeners, places of emotions."""

from pathlib import Path

import numpy as np
import pytest

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel
from emotion_pipeline.engine.tone.labels import CORPUS_LABELS
from emotion_pipeline.training.tone.channels import CHANNELS, over_telephone
from emotion_pipeline.training.tone.crowd import voice_votes
from emotion_pipeline.training.tone.dimensions import dimensions_of
from emotion_pipeline.training.tone.metrics import rank_correlation


def hum(hertz: float, seconds: float = 1.0) -> Channel:
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.3 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def power_at(samples: Channel, hertz: float) -> float:
    spectrum = np.abs(np.fft.rfft(samples)) ** 2
    return float(spectrum[round(hertz * len(samples) / SAMPLE_RATE)] / spectrum.sum())


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_voice_comes_through_every_channel(channel: str) -> None:
    through = CHANNELS[channel](hum(1000.0))
    assert through.dtype == np.float32
    assert abs(len(through) - SAMPLE_RATE) < 0.2 * SAMPLE_RATE
    assert np.abs(np.fft.rfft(through)).argmax() * SAMPLE_RATE / len(through) == pytest.approx(1000, abs=5)


def test_a_telephone_cuts_off_what_lies_outside_its_band() -> None:
    through = over_telephone(hum(1000.0) + hum(100.0) + hum(6000.0))
    assert power_at(through, 100.0) < 0.01
    assert power_at(through, 6000.0) < 0.01
    assert power_at(through, 1000.0) > 0.9


def test_votes_are_read_from_the_table_beside_the_manifest(tmp_path: Path) -> None:
    table = '"","FileName","VoiceVote"\n"1","1001_A","N"\n"2","1001_B","A:H"\n"3","1001_C","F"\n'
    (tmp_path / "summaryTable.csv").write_text(table, encoding="utf-8")
    assert voice_votes(tmp_path / "manifest.csv") == {"1001_A": "neutral", "1001_C": "fearful"}
    assert voice_votes(tmp_path / "elsewhere" / "manifest.csv") == {}


def test_every_label_of_a_corpus_has_a_place() -> None:
    for emotion in CORPUS_LABELS:
        assert all(0 <= value <= 1 for value in dimensions_of(emotion, ""))


def test_a_stronger_emotion_is_more_aroused_and_a_neutral_one_stays() -> None:
    assert dimensions_of("sad", "strong")[1] > dimensions_of("sad", "normal")[1]
    assert dimensions_of("angry", "high")[1] > dimensions_of("angry", "low")[1]
    assert dimensions_of("neutral", "strong") == dimensions_of("neutral", "normal")


def test_rank_correlation_sees_order_only() -> None:
    assert rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.2, 9.0])) == pytest.approx(1)
    assert rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0])) == pytest.approx(-1)
    assert rank_correlation(np.array([1.0, 1.0]), np.array([0.0, 1.0])) == 0
