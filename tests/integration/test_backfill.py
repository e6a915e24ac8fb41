"""`make backfill` where no daemon is at work: days in this process, and an exit code that names what failed.

Days in the daemon's queue are the business of ``benchmarks.backfill``, whose short form is in ``test_benchmarks``.
"""

from pathlib import Path

import pytest
import typer
from support.pipeline import Pipeline
from typer.testing import CliRunner, Result

from benchmarks.support.deployment import Deployment
from emotion_pipeline.cli.backfill import main

GOOD_DAY, BAD_DAY, OUTSIDE = "2026-11-02", "2026-11-03", "2026-11-09"


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    """A good day without speech that needs no model, a day whose only upload is broken, a day out of the range."""
    pipeline = Pipeline(tmp_path)
    for day in (GOOD_DAY, OUTSIDE):
        pipeline.drop_speech(day, "call.flac", seconds=3.0)
    pipeline.drop(BAD_DAY, "broken.wav", b"RIFF")
    return pipeline


@pytest.fixture
def deployment(pipeline: Pipeline) -> Deployment:
    return Deployment(pipeline.folder, {"EMOTION_TRANSCRIPTION__THREADS": "1"})


@pytest.mark.full
def test_without_a_daemon_the_days_run_here_and_the_one_that_failed_is_named(
    pipeline: Pipeline, deployment: Deployment
) -> None:
    code, _ = deployment.backfill(GOOD_DAY, BAD_DAY)
    output = deployment.log("emotion_pipeline.cli.backfill")
    assert code == 1, output
    assert "2 days, in this process" in output
    assert f"{GOOD_DAY}  ok" in output
    assert f"failed: {BAD_DAY}" in output
    assert "marts       built and tested" in output
    assert "PASS=" not in output, "what dbt prints is shown only where it fails"
    assert pipeline.settings.storage.marts.is_file(), "the marts of the good day are there"
    assert len(pipeline.rows("tone_sentiment", GOOD_DAY))
    with pytest.raises(AssertionError):
        pipeline.rows("raw_audio", OUTSIDE)


def _in_this_process(deployment: Deployment, first: str, last: str) -> Result:
    app = typer.Typer()
    app.command()(main)
    return CliRunner().invoke(app, ["--from", first, "--to", last], env=deployment.environment)


def test_a_range_without_recordings_does_nothing_and_succeeds(pipeline: Pipeline, deployment: Deployment) -> None:
    assert _in_this_process(deployment, "2025-01-01", "2025-01-31").exit_code == 0
    assert not pipeline.settings.storage.marts.exists()


def test_a_range_that_ends_before_it_begins_is_refused(deployment: Deployment) -> None:
    done = _in_this_process(deployment, BAD_DAY, GOOD_DAY)
    assert done.exit_code == 2
    assert "exchange them" in " ".join(done.output.split())
