"""Days on several hosts without a cluster: workers share services and no folder, models stay, and no run hangs."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
from dagster._core.storage.tags import PARENT_RUN_ID_TAG
from support.hosts import Daemon, Worker, daemon, write_home
from support.pipeline import Pipeline
from support.redis_server import redis_server
from support.s3_server import S3Server
from support.service import eventually

from benchmarks.support.postgres import postgres
from emotion_pipeline.engine.stages.tables import TABLES
from emotion_pipeline.warehouse.lake import Lake

pytestmark = pytest.mark.full

DAYS = ("2026-11-02", "2026-11-03", "2026-11-04")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """The same recordings on local disk, for this process."""
    pipeline = Pipeline(tmp_path_factory.mktemp("here"))
    for number, day in enumerate(DAYS):
        pipeline.drop_speech(day, "call.flac", start=2.0 * number, seconds=3.0)
    return pipeline


@pytest.fixture(scope="module")
def lake(here: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """The lake in an object store that has the recordings, too; with it the services that all hosts share."""
    folder, recordings = tmp_path_factory.mktemp("services"), Path(here.settings.sources.root)
    objects = {f"recordings/{file.relative_to(recordings)}": file.read_bytes() for file in recordings.rglob("*.flac")}
    with S3Server() as s3, redis_server(folder) as (redis, _), postgres(folder / "postgres") as database:
        bucket = s3.bucket(objects)
        variables = {
            **s3.environment,
            "CELERY_BROKER_URL": redis,
            "CELERY_RESULT_BACKEND": redis,
            "DAGSTER_PG_URL": database,
            "EMOTION_STORAGE__ROOT": f"s3://{bucket}/lake",
            "EMOTION_SOURCES__ROOT": f"s3://{bucket}/recordings",
            "EMOTION_SOURCES__SETTLE_SECONDS": "0",
        }
        with _environment(variables):
            yield Lake(root=variables["EMOTION_STORAGE__ROOT"])


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in variables.items():
            environment.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def queue(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemon(write_home(tmp_path_factory.mktemp("daemon") / "home")) as running:
        _limit_models(running, 2)
        yield running


def _limit_models(queue: Daemon, slots: int) -> None:
    """As ``dagster instance concurrency set gpu <slots>``; with none, a run waits where it would first use a model."""
    queue.instance.event_log_storage.set_concurrency_slots("gpu", slots)


@pytest.fixture(scope="module")
def workers(queue: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Worker, ...]]:
    workers = tuple(Worker(tmp_path_factory.mktemp(name)) for name in ("first", "second"))
    try:
        for worker in workers:
            eventually(worker.is_ready)
        yield workers
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait()


@dataclass(frozen=True)
class Morning:
    """Ids of what was run: two days at once, the third cancelled, then lost with its host, then made again."""

    at_once: tuple[str, str]
    cancelled: str
    lost: str
    again: str


@pytest.fixture(scope="module")
def morning(queue: Daemon, workers: tuple[Worker, ...]) -> Morning:
    first, second, third = DAYS
    at_once = (queue.submit(first), queue.submit(second))
    queue.wait(*at_once)

    _limit_models(queue, 0)
    cancelled = queue.submit(third)
    queue.wait(cancelled, until=dg.DagsterRunStatus.STARTED)
    assert queue.instance.run_coordinator.cancel_run(cancelled)
    queue.wait(cancelled, until=dg.DagsterRunStatus.CANCELED)

    lost = queue.submit(third)
    queue.wait(lost, until=dg.DagsterRunStatus.STARTED)
    next(worker for worker in workers if worker.took(queue.run(lost))).vanish()
    _limit_models(queue, 2)
    queue.wait(lost, until=dg.DagsterRunStatus.FAILURE)
    [again] = queue.instance.get_runs(dg.RunsFilter(tags={PARENT_RUN_ID_TAG: lost}))
    queue.wait(again.run_id)
    return Morning(at_once, cancelled, lost, again.run_id)


def test_tables_that_workers_made_equal_those_of_one_process(morning: Morning, lake: Lake, here: Pipeline) -> None:
    for day in DAYS:
        assert here.run(day).success
        for name, table in TABLES.items():
            made = lake.read(table, day)
            assert made is not None, (name, day)
            pd.testing.assert_frame_equal(_comparable(made), _comparable(here.rows(name, day)))


def _comparable(rows: pd.DataFrame) -> pd.DataFrame:
    """Without what names the folder that the recordings came from."""
    return rows.drop(columns=["source_uri", "source_version"], errors="ignore")


def test_no_run_waits_behind_another_one_while_a_worker_is_idle(
    morning: Morning, queue: Daemon, workers: tuple[Worker, ...]
) -> None:
    for worker in workers:
        assert [worker.took(queue.run(run)) for run in morning.at_once].count(True) == 1


def test_a_worker_loads_a_model_once_for_all_its_runs(
    morning: Morning, queue: Daemon, workers: tuple[Worker, ...]
) -> None:
    processes = [queue.process_of(run) for run in (*morning.at_once, morning.again)]
    assert processes[2] in processes[:2]
    for worker in workers:
        assert len(re.findall("loaded encoder:", worker.log)) == 1


def test_a_cancelled_run_ends_and_its_process_takes_the_next_one(morning: Morning, queue: Daemon) -> None:
    processes = {queue.process_of(run) for run in morning.at_once}
    assert queue.process_of(morning.cancelled) in processes
    assert queue.process_of(morning.lost) in processes


def test_a_run_whose_host_is_lost_fails_and_is_made_elsewhere(morning: Morning, queue: Daemon) -> None:
    assert any("no sign of life" in message for message in queue.messages(morning.lost))
    assert queue.process_of(morning.again) != queue.process_of(morning.lost)
