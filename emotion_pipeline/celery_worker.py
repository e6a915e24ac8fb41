"""What a Celery worker loads: ``celery --app emotion_pipeline.celery_worker worker --concurrency 1``.

A task is a run. It happens inside the worker's process, which stays and keeps the models that it has loaded for the
next run. Broker and result store are those of the instance's run launcher, so that nobody names them twice.
"""

import dagster as dg
from billiard.process import current_process
from celery import Celery
from celery.signals import worker_process_init
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task

from emotion_pipeline.celery_launcher import WatchedCeleryRunLauncher
from emotion_pipeline.settings import ConfigurationError


def app_of_the_instance() -> Celery:
    """Return the Celery app of the instance in ``DAGSTER_HOME``.

    Raises ConfigurationError where its ``dagster.yaml`` names another run launcher.
    """
    with dg.DagsterInstance.get() as instance:
        launcher = instance.run_launcher
        if not isinstance(launcher, WatchedCeleryRunLauncher):
            raise ConfigurationError(
                f"{instance.root_directory}/dagster.yaml launches runs with {type(launcher).__name__}, so no run would "
                "ever come here: add the section run_launcher of deploy/celery.yaml to it"
            )
        return launcher.celery


app = app_of_the_instance()
execute_job = create_execute_job_task(app)
resume_job = create_resume_job_task(app)


@worker_process_init.connect
def _may_have_processes(**_: object) -> None:
    """Let the process of a worker use several cores: as a daemon, which Celery makes it, it could not."""
    current_process().daemon = False
