"""Several hosts in one machine: Celery workers that share services and no folder, and Dagster's daemon.

What the daemon does is called iteration by iteration, so that no test waits for its clock.
"""

import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import dagster as dg
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.storage.dagster_run import FINISHED_STATUSES
from dagster._core.storage.tags import PARTITION_NAME_TAG
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.auto_run_reexecution.auto_run_reexecution import consume_new_runs_for_automatic_reexecution
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from support.pipeline import REPOSITORY

JOB: Final = "tables_only"
_LOG: Final = logging.getLogger("tests.hosts")
_CODE: Final = LoadableTargetOrigin(executable_path=sys.executable, module_name="emotion_pipeline.definitions")
_PROCESS: Final = re.compile(r"Started process for run \(pid: (\d+)\)")
_WITHIN_S: Final = 180.0
_LOST_AFTER_S: Final = 15


def write_home(home: Path) -> Path:
    """Make a DAGSTER_HOME out of the files in ``deploy``, as their comments say; only loss is noticed sooner."""
    home.mkdir(parents=True)
    parts = [(REPOSITORY / "deploy" / name).read_text(encoding="utf-8") for name in ("dagster.yaml", "celery.yaml")]
    (home / "dagster.yaml").write_text("".join(parts) + f"    lost_after_seconds: {_LOST_AFTER_S}\n", encoding="utf-8")
    return home


class Worker:
    """A Celery worker in a folder of its own, with its own DAGSTER_HOME there; the services are in the environment."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._home = write_home(folder / "home")
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "celery", "--app", "emotion_pipeline.jobs.celery_worker", "worker"]
        command += ["--concurrency", "1", "--loglevel", "INFO", "--hostname", f"{self._folder.name}@%h"]
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "DAGSTER_HOME": str(self._home)}
        self._before = len(self.log)
        with (self._folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                command, cwd=self._folder, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    @property
    def log(self) -> str:
        """What it has said so far, in all its lives."""
        path = self._folder / "log"
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def is_ready(self) -> bool:
        assert self._process.poll() is None, self.log
        return " ready." in self.log[self._before :]

    def took(self, run: dg.DagsterRun) -> bool:
        return f"[{run.tags[DAGSTER_CELERY_TASK_ID_TAG]}] received" in self.log

    def vanish(self) -> None:
        """Die with everything that runs here, as a host without power does."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def terminate(self) -> None:
        """Ask it to finish its run and to end."""
        self._process.terminate()

    def wait(self) -> None:
        try:
            self._process.wait(15.0)
        except subprocess.TimeoutExpired:
            self.vanish()


@dataclass(frozen=True)
class Daemon:
    """Dagster's daemon over one instance and our code location, at work only while somebody waits for a run."""

    context: WorkspaceProcessContext

    @property
    def instance(self) -> dg.DagsterInstance:
        return self.context.instance

    def submit(self, day: str) -> str:
        """Put a run of a day into the queue, and return its id."""
        from emotion_pipeline.definitions import defs

        workspace = self.context.create_request_context()
        [location] = workspace.code_locations
        [repository] = location.get_repositories().values()
        remote = repository.get_full_job(JOB)
        run = self.instance.create_run_for_job(
            job_def=defs().resolve_job_def(JOB),
            tags={**remote.tags, PARTITION_NAME_TAG: day},
            remote_job_origin=remote.get_remote_origin(),
            job_code_origin=remote.get_python_origin(),
        )
        return self.instance.submit_run(run.run_id, workspace).run_id

    def run(self, run_id: str) -> dg.DagsterRun:
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def process_of(self, run_id: str) -> int:
        """Return the id of the process that began a run."""
        [process] = [int(found[1]) for message in self.messages(run_id) if (found := _PROCESS.match(message))]
        return process

    def messages(self, run_id: str) -> list[str]:
        return [event.message for event in self.instance.all_logs(run_id)]

    def tick(self) -> None:
        """Fail the runs whose worker is lost, queue those again that did not fail by themselves, launch what waits."""
        for _ in execute_run_monitoring_iteration(self.context, _LOG):
            pass
        for _ in consume_new_runs_for_automatic_reexecution(self.context, self.instance.get_run_records(), _LOG):
            pass
        with QueuedRunCoordinatorDaemon(interval_seconds=1) as coordinator:
            for _ in coordinator.run_iteration(self.context):
                pass

    def wait(self, *run_ids: str, until: dg.DagsterRunStatus = dg.DagsterRunStatus.SUCCESS) -> None:
        """Work until all these runs have come that far; fails where one has ended otherwise."""
        deadline = time.monotonic() + _WITHIN_S
        while {self.run(run_id).status for run_id in run_ids} != {until}:
            for run_id in run_ids:
                status = self.run(run_id).status
                assert status is until or status not in FINISHED_STATUSES, self.messages(run_id)[-5:]
            assert time.monotonic() < deadline, [self.messages(run_id)[-1] for run_id in run_ids]
            self.tick()
            time.sleep(0.5)


@contextmanager
def daemon(home: Path) -> Iterator[Daemon]:
    """Read the instance in a home, and load the code location in this process."""
    origin = InProcessCodeLocationOrigin(_CODE, location_name="emotion_pipeline")
    with (
        dg.DagsterInstance.from_config(str(home)) as instance,
        WorkspaceProcessContext(instance, InProcessWorkspaceLoadTarget(origin)) as context,
    ):
        yield Daemon(context)
