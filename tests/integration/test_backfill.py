"""`make backfill` where no daemon is at work: days in this process, and an exit code that names what failed.

Days in the daemon's queue are the business of ``benchmarks.backfill``, whose short form is in ``test_benchmarks``.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from support.pipeline import REPOSITORY, Pipeline
from typer.testing import CliRunner, Result

from emotion_pipeline.backfill import main

GOOD_DAY, BAD_DAY, OUTSIDE = "2026-11-02", "2026-11-03", "2026-11-09"


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    """A good day without speech that needs no model, a day whose only upload is broken, a day out of the range."""
    pipeline = Pipeline(tmp_path)
    for day in (GOOD_DAY, OUTSIDE):
        pipeline.drop_speech(day, "call.flac", seconds=3.0)
    pipeline.drop(BAD_DAY, "broken.wav", b"RIFF")
    (tmp_path / "dagster").mkdir()
    return pipeline


def _environment(pipeline: Pipeline) -> dict[str, str]:
    storage = pipeline.settings.storage
    return os.environ | {
        "PYTHONPATH": str(REPOSITORY),
        "DAGSTER_HOME": str(pipeline.folder / "dagster"),
        "EMOTION_STORAGE__ROOT": storage.root,
        "EMOTION_STORAGE__MARTS": str(storage.marts),
        "EMOTION_SOURCES__ROOT": pipeline.settings.sources.root,
        "EMOTION_TRANSCRIPTION__WORKERS": "1",
    }


def _backfill(pipeline: Pipeline, first: str, last: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "emotion_pipeline.backfill", "--from", first, "--to", last],
        cwd=REPOSITORY,
        env=_environment(pipeline),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_without_a_daemon_the_days_run_here_and_the_one_that_failed_is_named(pipeline: Pipeline) -> None:
    done = _backfill(pipeline, GOOD_DAY, BAD_DAY)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 days, in this process" in done.stdout
    assert f"{GOOD_DAY}  ok" in done.stdout
    assert f"failed: {BAD_DAY}" in done.stdout
    assert pipeline.settings.storage.marts.is_file(), "the marts of the good day are there"
    assert len(pipeline.rows("tone_sentiment", GOOD_DAY))
    with pytest.raises(AssertionError):
        pipeline.rows("raw_audio", OUTSIDE)


def _in_this_process(pipeline: Pipeline, first: str, last: str) -> Result:
    app = typer.Typer()
    app.command()(main)
    return CliRunner().invoke(app, ["--from", first, "--to", last], env=_environment(pipeline))


def test_a_range_without_recordings_does_nothing_and_succeeds(pipeline: Pipeline) -> None:
    assert _in_this_process(pipeline, "2025-01-01", "2025-01-31").exit_code == 0
    assert not pipeline.settings.storage.marts.exists()


def test_a_range_that_ends_before_it_begins_is_refused(pipeline: Pipeline) -> None:
    done = _in_this_process(pipeline, BAD_DAY, GOOD_DAY)
    assert done.exit_code == 2
    assert "exchange them" in " ".join(done.output.split())
