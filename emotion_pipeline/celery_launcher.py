"""Runs as Celery tasks: how the daemon hands runs to workers on several hosts, and how it knows that one is lost.

Dagster's own launcher does the handing over; what it leaves open is closed here: a host that vanishes in the middle of
a run, and a run that is cancelled. ``deploy/celery.yaml`` names the class, docs/adr/0015 says why runs are the tasks.
Only an instance that names it needs the extra ``celery``.
"""

from typing import Any, Final

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

_SETTINGS: Final = {
    "worker_disable_prefetch": True,  # a run never waits behind another one while a worker elsewhere is idle
    "broker_connection_retry_on_startup": True,
    "worker_redirect_stdouts": False,  # what a run prints is captured by Dagster
    "result_expires": 7 * 24 * 3600,  # the state of a run must outlive the run
}
_QUESTIONS: Final = 3
_ANSWER_WITHIN_S: Final = 5.0


class WatchedCeleryRunLauncher(CeleryRunLauncher):
    """Dagster's launcher, which also asks a worker whether it still works on its run, and cancels runs gently."""

    def app_args(self) -> dict[str, Any]:
        """Return what makes the Celery app, in the daemon and in every worker alike."""
        arguments = super().app_args()
        return arguments | {"config_source": _SETTINGS | arguments["config_source"]}

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Tell run monitoring whether a run is still worked on; where it is not, the run has failed.

        Celery calls a task started for ever when the host of its worker is gone, so the worker itself is asked.
        """
        health = super().check_run_worker_health(run)
        if health.status is not WorkerStatus.RUNNING or self._is_worked_on(run):
            return health
        now = super().check_run_worker_health(run)  # it may have ended while its worker was being asked
        if now.status is not WorkerStatus.RUNNING:
            return now
        return CheckRunHealthResult(WorkerStatus.FAILED, f"worker {self._worker(run)} no longer works on the run")

    def terminate(self, run_id: str) -> bool:
        """Cancel a run: its step is interrupted and its process stays, with the models it has loaded."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        self.celery.control.revoke(run.tags[DAGSTER_CELERY_TASK_ID_TAG], terminate=True, signal="SIGINT")
        return True

    def _worker(self, run: dg.DagsterRun) -> str:
        """Return the name of the worker that began the run; it wrote it beside the state."""
        return self.celery.AsyncResult(run.tags[DAGSTER_CELERY_TASK_ID_TAG]).info["hostname"]

    def _is_worked_on(self, run: dg.DagsterRun) -> bool:
        """Ask the worker up to three times: it does not answer while it reconnects to the broker."""
        task, worker = run.tags[DAGSTER_CELERY_TASK_ID_TAG], self._worker(run)
        for _ in range(_QUESTIONS):
            asked = self.celery.control.inspect([worker], timeout=_ANSWER_WITHIN_S, limit=1)
            answers = asked.query_task(task)
            if answers is not None:
                return task in answers[worker]
        return False
