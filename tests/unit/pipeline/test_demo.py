"""What ``make demo`` prints of files."""

from pathlib import Path

import numpy as np
import pytest
from support.warehouses import rows_of

from emotion_pipeline.cli.demo import print_not_analysed
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
