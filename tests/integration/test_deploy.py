"""The files in `deploy/` are what Dagster accepts, and do what they are there for."""

from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.run_coordinator import QueuedRunCoordinator
from dagster_k8s.job import DagsterK8sJobConfig, construct_dagster_k8s_job, get_user_defined_k8s_config
from support.pipeline import QUIET, REPOSITORY, Pipeline
from support.postgres import postgres

from emotion_pipeline.definitions import build_defs
from emotion_pipeline.settings import Settings

DAY, BAD_DAY = "2026-11-02", "2026-11-03"


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
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


@pytest.mark.parametrize(("job", "cpu", "memory"), [("daily_emotion", "2", "6Gi"), ("marts_only", "500m", "2Gi")])
def test_kubernetes_gives_a_run_the_pod_that_its_job_asks_for(job: str, cpu: str, memory: str) -> None:
    values = yaml.safe_load((REPOSITORY / "deploy" / "kubernetes" / "values.yaml").read_text(encoding="utf-8"))
    launcher = values["runLauncher"]["config"]["k8sRunLauncher"]
    image = values["dagster-user-deployments"]["deployments"][0]["image"]
    config = DagsterK8sJobConfig(
        job_image=f"{image['repository']}:{image['tag']}",
        dagster_home="/opt/dagster/dagster_home",
        image_pull_policy=launcher["imagePullPolicy"],
        env_secrets=[one["name"] for one in launcher["envSecrets"]],
        env_config_maps=[one["name"] for one in launcher["envConfigMaps"]],
    )
    tags = build_defs(Settings()).resolve_job_def(job).tags
    pod = construct_dagster_k8s_job(config, ["dagster", "api", "execute_run"], "run", get_user_defined_k8s_config(tags))
    assert pod.spec is not None
    [container] = pod.spec.template.spec.containers
    assert container.resources.requests == {"cpu": cpu, "memory": memory}
    assert container.resources.limits == {"memory": memory}
    assert container.image == "registry.example.org/emotion-pipeline:0.1.0"
    assert [one.secret_ref.name for one in container.env_from if one.secret_ref] == ["emotion-secrets"]


def test_no_secret_stands_in_the_files_of_a_deployment() -> None:
    for path in (REPOSITORY / "deploy").rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            assert "hooks.slack.com/services" not in text
            assert "password:" not in text.lower()
