"""The command line of training and measuring tone: what it takes, what it prints, what it refuses before it starts."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emotion_pipeline.cli.app import app
from emotion_pipeline.engine.common.errors import ArtefactError


def test_workers_below_one_are_a_wrong_use_of_the_command(tmp_path: Path) -> None:
    arguments = ["train", "tone", "--manifest", "m.csv", "--output", str(tmp_path / "model"), "--workers", "0"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert not (tmp_path / "model").exists()


def test_a_folder_in_use_is_refused_before_the_manifest_is_read(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("keep me", encoding="utf-8")
    arguments = ["train", "tone", "--manifest", "nowhere.csv", "--output", str(tmp_path), "--workers", "2"]
    done = CliRunner().invoke(app, arguments)
    assert isinstance(done.exception, ArtefactError)
    assert str(tmp_path) in str(done.exception)
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "keep me"


def test_measuring_prints_spread_confusion_and_calibration_beside_the_contract(
    shared_data: Path, tmp_path: Path
) -> None:
    source = shared_data / "tone" / "emodb"
    header, *rows = (source / "manifest.csv").read_text(encoding="utf-8").splitlines()
    for row in (chosen := rows[::40]):
        (tmp_path / row.split(",")[0]).symlink_to(source / row.split(",")[0])
    (tmp_path / "manifest.csv").write_text("\n".join([header, *chosen]) + "\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["evaluate", "tone", "--manifest", str(tmp_path / "manifest.csv"), "--by-speaker"])
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert figures["n"] == len(chosen) == sum(part["n"] for part in figures["calibration"])
    assert figures["normalised_by_speaker"] is True
    assert set(figures["confusion"]) == set(figures["recall"])
    assert figures["speakers"]["lowest"] <= figures["speakers"]["highest"]
    assert figures["ece"] == pytest.approx(
        sum(part["n"] * abs(part["accuracy"] - part["confidence"]) for part in figures["calibration"]) / figures["n"]
    )


def test_an_unknown_channel_is_a_wrong_use_of_the_command(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["evaluate", "tone", "--manifest", "m.csv", "--channel", "tin can"])
    assert done.exit_code == 2
