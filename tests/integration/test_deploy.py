"""The files in `deploy/` are what Dagster accepts, and do what they are there for."""

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.run_coordinator import QueuedRunCoordinator
from support.pipeline import QUIET, REPOSITORY, Pipeline
from support.postgres import postgres

DAY, BAD_DAY = "2026-11-02", "2026-11-03"


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # noqa: ANN201
    """The instance of several hosts, on a PostgreSQL of its own."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text((REPOSITORY / "deploy" / "dagster.yaml").read_text(), encoding="utf-8")
    with postgres(tmp_path / "postgres") as url:
        monkeypatch.setenv("DAGSTER_PG_URL", url)
        with dg.DagsterInstance.from_config(str(home)) as instance:
            yield instance


def test_runs_and_verdicts_are_kept_in_postgres(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path)
    pipeline.drop_speech(DAY, "call.flac", seconds=2.0)
    pipeline.drop(BAD_DAY, "broken.wav", b"RIFF")
    job = pipeline.definitions.resolve_job_def("tables_only")
    for day in (DAY, BAD_DAY):
        job.execute_in_process(
            partition_key=day,
            instance=instance,
            asset_selection=[dg.AssetKey("raw_audio")],
            run_config=QUIET,
            raise_on_error=False,
        )
    assert type(instance.event_log_storage).__name__ == "PostgresEventLogStorage"
    gate = dg.AssetCheckKey(dg.AssetKey("raw_audio"), "gate")
    records = instance.event_log_storage.get_asset_check_execution_history(gate, limit=10)
    assert {(one.partition, one.status.value) for one in records} == {(DAY, "SUCCEEDED"), (BAD_DAY, "FAILED")}


def test_four_runs_wait_in_one_queue_and_only_crashes_are_tried_again(instance: dg.DagsterInstance) -> None:
    assert isinstance(instance.run_coordinator, QueuedRunCoordinator)
    limits = instance.get_concurrency_config()
    assert limits.run_queue_config is not None
    assert limits.run_queue_config.max_concurrent_runs == 4
    assert instance.run_retries_enabled
    assert instance.run_retries_max_retries == 2
    assert instance.run_retries_retry_on_asset_or_op_failure is False
    assert instance.get_settings("run_monitoring")["free_slots_after_run_end_seconds"] == 60
