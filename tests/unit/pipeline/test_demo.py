"""What ``make demo`` prints of files."""

from pathlib import Path

import duckdb
import numpy as np
import pytest
from support.warehouses import rows_of

from emotion_pipeline.cli.demo import print_not_analysed, print_voices
from emotion_pipeline.cli.in_process import CONSOLE
from emotion_pipeline.engine.stages.tables import RAW_AUDIO
from emotion_pipeline.warehouse.files import Files
from emotion_pipeline.warehouse.lake import Lake

DAY = "2026-11-02"


def test_square_brackets_in_file_names_are_printed_as_they_are(
    tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"file": "call [1].mp3", "status": "rejected", "reason": "unreadable", "detail": "[bold] is no audio"}
    lake = Lake(str(tmp_path))
    lake.write(RAW_AUDIO, DAY, rows_of(RAW_AUDIO, DAY, 1, rng).assign(**row))
    print_not_analysed(lake, Files(str(tmp_path)), [DAY])
    output = capsys.readouterr().out
    assert f"{DAY}/call [1].mp3" in output
    assert "[bold] is no audio" in output


def test_each_voice_is_printed_with_its_tones_and_its_agreements(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CONSOLE, "width", 160)
    marts = duckdb.connect()
    marts.execute(
        """
        create table fct_segments as
        select date '2026-11-02' as recording_date, 'call.flac' as file, 'speaker_1' as speaker, *
        from (values ('angry', 2.0, 'Match'), ('angry', 1.0, 'Do Not Match'), ('sad', 5.0, 'Unknown'))
            as segments(tone, duration_seconds, tone_sentiment_match)
        union all
        select date '2026-11-03', 'other.flac', 'speaker_1', 'happy', 9.0, 'Match'
        """
    )
    print_voices(marts, [DAY])
    lines = [line.strip(" │").split("│") for line in capsys.readouterr().out.splitlines() if "flac" in line]
    assert [[cell.strip() for cell in line] for line in lines] == [
        [f"{DAY}/call.flac", "speaker_1", "sad 5 s, angry 3 s", "1", "1"]
    ]
