"""What a Celery worker loads: ``celery --app emotion_pipeline.jobs.celery_worker worker --concurrency 1``.

A task is a run. It happens inside the worker's process, which stays and keeps the models that it has loaded for the
next run. Broker and result store are those of the instance's run launcher, so that nobody names them twice.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any, Final

import dagster as dg
from billiard.process import current_process
from celery import Task
from celery.signals import worker_process_init
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task
from redis import RedisError

from emotion_pipeline.config.settings import ConfigurationError
from emotion_pipeline.jobs.celery_launcher import WatchedCeleryRunLauncher

# Signs of life in the time after which a worker counts as lost: some may come late.
_SIGNS: Final = 6


def launcher_of_the_instance() -> WatchedCeleryRunLauncher:
    """Return the run launcher of the instance in ``DAGSTER_HOME``.

    Raises ConfigurationError where its ``dagster.yaml`` names another one.
    """
    with dg.DagsterInstance.get() as instance:
        launcher = instance.run_launcher
        if not isinstance(launcher, WatchedCeleryRunLauncher):
            raise ConfigurationError(
                f"{instance.root_directory}/dagster.yaml launches runs with {type(launcher).__name__}, so no run would "
                "ever come here: add the section run_launcher of deploy/celery.yaml to it"
            )
        return launcher


launcher = launcher_of_the_instance()
app = launcher.celery


class Run(Task):
    """A task that gives signs of life while it runs. Nobody else can: a worker that is told to finish answers no more
    questions.
    """

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        with _signs_of_life(self.request.id):
            return super().__call__(*arguments, **named)


@contextmanager
def _signs_of_life(task_id: str) -> Iterator[None]:
    done = Event()

    def give() -> None:
        while not done.wait(launcher.lost_after_seconds / _SIGNS):
            with suppress(RedisError):  # it is away for a moment; the next sign may arrive
                launcher.give_sign_of_life(task_id)

    launcher.give_sign_of_life(task_id)
    giver = Thread(target=give, daemon=True)
    giver.start()
    try:
        yield
    finally:
        done.set()
        giver.join()


# Options of Celery's task pass through; they are annotated as if each were a dictionary.
execute_job = create_execute_job_task(app, base=Run)  # pyright: ignore[reportArgumentType]
resume_job = create_resume_job_task(app, base=Run)  # pyright: ignore[reportArgumentType]


@worker_process_init.connect
def _may_have_processes(**_: object) -> None:
    """Let the process of a worker use several cores: as a daemon, which Celery makes it, it could not."""
    current_process().daemon = False
