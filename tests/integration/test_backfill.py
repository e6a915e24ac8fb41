"""`make backfill`: days in this process or through the daemon's queue, and an exit code that names what failed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from support.pipeline import REPOSITORY, Pipeline

GOOD_DAY, BAD_DAY, OUTSIDE = "2026-11-02", "2026-11-03", "2026-11-09"
DAEMON_HOME = """
telemetry: {enabled: false}
concurrency: {runs: {max_concurrent_runs: 2}}
"""


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    """A good day without speech that needs no model, a day whose only upload is broken, a day out of the range."""
    pipeline = Pipeline(tmp_path)
    for day in (GOOD_DAY, OUTSIDE):
        pipeline.drop_speech(day, "call.flac", seconds=3.0)
    pipeline.drop(BAD_DAY, "broken.wav", b"RIFF")
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text(DAEMON_HOME, encoding="utf-8")
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


def test_a_range_without_recordings_does_nothing_and_succeeds(pipeline: Pipeline) -> None:
    done = _backfill(pipeline, "2025-01-01", "2025-01-31")
    assert (done.returncode, "0 days" in done.stdout) == (0, True), done.stdout + done.stderr


def test_a_range_that_ends_before_it_begins_is_refused(pipeline: Pipeline) -> None:
    done = _backfill(pipeline, BAD_DAY, GOOD_DAY)
    assert done.returncode == 2
    assert "exchange them" in done.stderr


@pytest.fixture
def daemon(pipeline: Pipeline) -> Iterator[None]:
    log = (pipeline.folder / "daemon.log").open("w")
    command = [sys.executable, "-m", "dagster._daemon", "run", "-m", "emotion_pipeline.definitions"]
    process = subprocess.Popen(
        command, cwd=REPOSITORY, env=_environment(pipeline), stdout=log, stderr=log, start_new_session=True
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30.0)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        log.close()


@pytest.mark.slow
def test_with_a_daemon_the_days_wait_in_its_queue(pipeline: Pipeline, daemon: None) -> None:
    from emotion_pipeline.backfill import daemon_is_there

    with pipeline.instance_at_home() as instance:
        deadline = time.monotonic() + 120.0
        while not daemon_is_there(instance):
            assert time.monotonic() < deadline, (pipeline.folder / "daemon.log").read_text()
            time.sleep(0.5)
    done = _backfill(pipeline, GOOD_DAY, BAD_DAY)
    assert "2 days, in the run queue" in done.stdout, done.stdout + done.stderr
    assert (done.returncode, f"{GOOD_DAY}  ok" in done.stdout) == (1, True), done.stdout + done.stderr
    assert f"failed: {BAD_DAY}" in done.stdout
    with pipeline.instance_at_home() as instance:
        gates = dg.AssetCheckKey(dg.AssetKey("raw_audio"), "gate")
        records = instance.event_log_storage.get_asset_check_execution_history(gates, limit=10)
    assert {(one.partition, one.status.value) for one in records} == {(GOOD_DAY, "SUCCEEDED"), (BAD_DAY, "FAILED")}
