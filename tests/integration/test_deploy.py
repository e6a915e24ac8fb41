"""The files in `deploy/` are what Dagster accepts, and do what they are there for."""

import os
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
import yaml
from dagster._core.run_coordinator import QueuedRunCoordinator
from dagster_k8s import K8sRunLauncher
from dagster_k8s.job import construct_dagster_k8s_job
from support.helm import laid_over
from support.pipeline import QUIET, REPOSITORY, Pipeline

from benchmarks.support.postgres import postgres
from emotion_pipeline.config.settings import Settings
from emotion_pipeline.definitions import build_defs

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
    assert {(record.partition, record.status.value) for record in records} == {(DAY, "SUCCEEDED"), (BAD_DAY, "FAILED")}
    figures = _pipeline_figures()
    assert figures["emotion_pipeline_gate_failed_days"] == [{"table": "raw_audio", "days": 1}]
    assert figures["emotion_pipeline_failed_days"] == [{"days": 1}]
    assert figures["emotion_pipeline_oldest_queued_run_seconds"] == [{"seconds": 0}]
    [age] = figures["emotion_pipeline_last_success_age_seconds"]
    assert 0 <= age["seconds"] < 300


def _pipeline_figures() -> dict[str, list[dict[str, Any]]]:
    """What Prometheus is given of the pipeline: the answers to the queries of ``deploy/prometheus/pipeline.yaml``."""
    file = REPOSITORY / "deploy" / "prometheus" / "pipeline.yaml"
    [collector] = yaml.safe_load(file.read_text(encoding="utf-8"))["collectors"]
    engine = sa.create_engine(os.environ["DAGSTER_PG_URL"])
    with engine.connect() as connection:
        return {
            metric["metric_name"]: [dict(row) for row in connection.execute(sa.text(metric["query"])).mappings()]
            for metric in collector["metrics"]
        }


def test_four_runs_wait_in_one_queue_and_only_crashes_are_tried_again(instance: dg.DagsterInstance) -> None:
    assert isinstance(instance.run_coordinator, QueuedRunCoordinator)
    limits = instance.get_concurrency_config()
    assert limits.run_queue_config is not None
    assert limits.run_queue_config.max_concurrent_runs == 4
    assert instance.run_retries_enabled
    assert instance.run_retries_max_retries == 2
    assert instance.run_retries_retry_on_asset_or_op_failure is False
    assert instance.get_settings("run_monitoring")["free_slots_after_run_end_seconds"] == 60


@pytest.fixture
def launcher(tmp_path: Path) -> Callable[..., K8sRunLauncher]:
    """The run launcher that Dagster's chart makes of files of values, the later ones over the earlier ones."""
    cluster = {"name": "one", "cluster": {"server": "http://127.0.0.1:1"}}
    context = {"name": "one", "context": {"cluster": "one", "user": "one"}}
    account = {
        "clusters": [cluster],
        "contexts": [context],
        "current-context": "one",
        "users": [{"name": "one", "user": {"token": "t"}}],
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(account), encoding="utf-8")

    def make(*names: str) -> K8sRunLauncher:
        values = reduce(laid_over, (_values(name) for name in names))
        config = values["runLauncher"]["config"]["k8sRunLauncher"]
        image = values["dagster-user-deployments"]["deployments"][0]["image"]
        return K8sRunLauncher(
            service_account_name="dagster",
            instance_config_map="dagster-instance",
            dagster_home="/opt/dagster/dagster_home",
            job_image=f"{image['repository']}:{image['tag']}",
            load_incluster_config=False,
            kubeconfig_file=str(tmp_path / "kubeconfig"),
            image_pull_policy=config["imagePullPolicy"],
            env_secrets=[source["name"] for source in config["envSecrets"]],
            env_config_maps=[source["name"] for source in config["envConfigMaps"]],
            volumes=config["volumes"],
            volume_mounts=config["volumeMounts"],
            run_k8s_config={
                "container_config": config["runK8sConfig"]["containerConfig"],
                "pod_spec_config": config["runK8sConfig"]["podSpecConfig"],
            },
        )

    return make


def _values(name: str) -> dict[str, Any]:
    return yaml.safe_load((REPOSITORY / "deploy" / "chart" / name).read_text(encoding="utf-8"))["dagster"]


def _pod(launcher: K8sRunLauncher, job: str) -> Any:
    """The pod that the launcher would ask the cluster for."""
    run = dg.DagsterRun(job_name=job, tags=build_defs(Settings()).resolve_job_def(job).tags)
    context = launcher.get_container_context_for_run(run)
    config = context.get_k8s_job_config(job_image=None, run_launcher=launcher)
    asked = construct_dagster_k8s_job(
        config, ["dagster", "api", "execute_run"], "run", user_defined_k8s_config=context.run_k8s_config
    )
    assert asked.spec is not None
    return asked.spec.template.spec


# The last one is what backfills and the UI run.
WITH_MODELS = ("daily_emotion", "tables_only", "__ASSET_JOB")


@pytest.mark.parametrize("job", WITH_MODELS)
@pytest.mark.parametrize("files", [("values.yaml",), ("values.yaml", "values-gpu.yaml")])
def test_kubernetes_gives_a_run_with_models_a_large_pod_and_a_gpu_where_there_are_any(
    launcher: Callable[..., K8sRunLauncher], job: str, files: tuple[str, ...]
) -> None:
    pod = _pod(launcher(*files), job)
    [container] = pod.containers
    gpu = {"nvidia.com/gpu": "1"} if "values-gpu.yaml" in files else {}
    assert container.resources.requests == {"cpu": "2", "memory": "6Gi"}
    assert container.resources.limits == {"memory": "6Gi"} | gpu
    assert pod.node_selector == ({"nvidia.com/gpu.present": "true"} if gpu else None)
    assert [toleration.key for toleration in pod.tolerations or ()] == list(gpu)
    assert container.image == "registry.example.org/pipeline:0.1.0"
    assert [source.secret_ref.name for source in container.env_from if source.secret_ref] == ["emotion-pipeline"]
    maps = [source.config_map_ref.name for source in container.env_from if source.config_map_ref]
    assert maps == ["emotion-settings"]
    assert ("data", "/data") in [(mount.name, mount.mount_path) for mount in container.volume_mounts]


@pytest.mark.parametrize("job", ["marts_only", "health", "retention"])
def test_kubernetes_gives_a_run_without_models_a_small_pod_on_any_node_and_no_gpu(
    launcher: Callable[..., K8sRunLauncher], job: str
) -> None:
    pod = _pod(launcher("values.yaml", "values-gpu.yaml"), job)
    [container] = pod.containers
    assert container.resources.requests == {"cpu": "500m", "memory": "2Gi"}
    assert container.resources.limits == {"memory": "2Gi"}
    assert not pod.node_selector
    assert not pod.tolerations
    assert pod.security_context.run_as_non_root


def test_a_cluster_limits_pools_as_several_hosts_do() -> None:
    hosts = yaml.safe_load((REPOSITORY / "deploy" / "dagster.yaml").read_text(encoding="utf-8"))["concurrency"]["pools"]
    cluster = _values("values.yaml")["concurrency"]["pools"]
    assert (cluster["defaultLimit"], cluster["granularity"]) == (hosts["default_limit"], hosts["granularity"])
    # Dagster's chart renders the section only where it is enabled, and refuses a second limit of runs in it.
    assert _values("values.yaml")["concurrency"]["enabled"] is True
    assert "runs" not in _values("values.yaml")["concurrency"]


def test_no_secret_stands_in_the_files_of_a_deployment() -> None:
    for path in (REPOSITORY / "deploy").rglob("*"):
        if path.is_file() and path.suffix != ".pyc":  # what Python keeps of the programs there, by default
            text = path.read_text(encoding="utf-8")
            assert "hooks.slack.com/services" not in text
            assert "password:" not in text.lower()
