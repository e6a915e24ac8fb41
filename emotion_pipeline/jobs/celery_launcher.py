"""Runs as Celery tasks: how the daemon hands runs to workers on several hosts, and notices that one is lost.

It adds to Dagster's own launcher what to do about a host that vanishes during a run and a run that is cancelled.
``deploy/celery.yaml`` names the class, docs/adr/0016 says why runs are the tasks.
"""

from collections.abc import Mapping
from typing import Any, Final

import dagster as dg
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from emotion_pipeline.resources.dagster_private import CheckRunHealthResult, WorkerStatus

_SETTINGS: Final = {
    "worker_disable_prefetch": True,  # a run never waits behind another one while a worker elsewhere is idle
    "worker_redirect_stdouts": False,  # what a run prints is captured by Dagster
    "broker_connection_retry_on_startup": True,
    "result_expires": 7 * 24 * 3600,  # the state of a run must outlive the run
}
_LOST_AFTER_S: Final = 120


class WatchedCeleryRunLauncher(CeleryRunLauncher):
    """Dagster's launcher over Redis, which also knows when a worker is lost, and cancels runs gently.

    ``lost_after_seconds``: after how long without a sign of life the worker of a run is lost. A model that holds the
    interpreter must not take longer over one item.
    """

    def __init__(self, lost_after_seconds: int = _LOST_AFTER_S, **arguments: Any) -> None:
        self.lost_after_seconds = lost_after_seconds
        super().__init__(**arguments)

    @classmethod
    def config_type(cls) -> Mapping[str, Any]:
        field = dg.Field(dg.IntSource, is_required=False, default_value=_LOST_AFTER_S)
        return {**super().config_type(), "lost_after_seconds": field}  # pyright: ignore[reportGeneralTypeIssues]

    def app_args(self) -> dict[str, Any]:
        """Return what makes the Celery app, in the daemon and in every worker alike."""
        arguments = super().app_args()
        return arguments | {"config_source": _SETTINGS | arguments["config_source"]}

    def give_sign_of_life(self, task_id: str) -> None:
        """Note that a worker is at this task; the note vanishes by itself, since who is gone removes nothing."""
        self.celery.backend.client.set(_note(task_id), "", ex=self.lost_after_seconds)

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Tell run monitoring whether a run is still worked on; where it is not, the run has failed.

        Celery calls a task started for ever when the host of its worker is gone.
        """
        health = super().check_run_worker_health(run)
        if health.status is not WorkerStatus.RUNNING:
            return health
        if self.celery.backend.client.exists(_note(run.tags[DAGSTER_CELERY_TASK_ID_TAG])):
            return health
        return CheckRunHealthResult(
            WorkerStatus.FAILED, f"its worker has given no sign of life for {self.lost_after_seconds} s"
        )

    def terminate(self, run_id: str) -> bool:
        """Cancel a run: its step is interrupted and its process stays, with the models it has loaded."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        self.celery.control.revoke(run.tags[DAGSTER_CELERY_TASK_ID_TAG], terminate=True, signal="SIGINT")
        return True


def _note(task_id: str) -> str:
    return f"emotion-pipeline-at-work-{task_id}"
