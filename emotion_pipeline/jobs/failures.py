"""The sensor that tells people of runs that failed: which job and day, which gate held it back, which step broke.

How a notice is delivered is ``notices``' business.
"""

from collections.abc import Iterator

import dagster as dg

from emotion_pipeline.config.settings import Settings
from emotion_pipeline.jobs.notices import Notice, channels, deliver
from emotion_pipeline.resources.dagster_private import PARTITION_TAG

_LONGEST_LINE = 500


def failure_sensor(settings: Settings) -> dg.SensorDefinition:
    """Return the sensor for these settings; without a channel it says so and nothing else.

    Channels stay in the returned function: secrets are part of no configuration that Dagster shows.
    """
    through = channels(settings)
    base_url = settings.notifications.dagster_url

    @dg.run_failure_sensor(
        name="run_failures",
        description="Tells Slack or e-mail of every run that failed: which day, which gate, which step. Runs where the "
        "settings name a channel; without one there is nothing to switch on.",
        default_status=dg.DefaultSensorStatus.RUNNING if through else dg.DefaultSensorStatus.STOPPED,
    )
    def run_failures(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
        if not through:
            return dg.SkipReason("the settings' section notifications names no channel")
        deliver(notice_of(context.dagster_run, context.instance, base_url), through)
        return None

    return run_failures


def notice_of(run: dg.DagsterRun, instance: dg.DagsterInstance, base_url: str | None = None) -> Notice:
    """Return what is worth telling about a run that failed."""
    day = run.tags.get(PARTITION_TAG)
    title = f"{run.job_name} failed" + (f" for {day}" if day else "")
    lines = [*_held_back(run, instance), *_broken_steps(run, instance)]
    link = f"{base_url.rstrip('/')}/runs/{run.run_id}" if base_url else f"run {run.run_id}"
    return Notice(title, (*lines, link))


def _held_back(run: dg.DagsterRun, instance: dg.DagsterInstance) -> Iterator[str]:
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        check = entry.get_dagster_event().asset_check_evaluation_data
        if not check.passed:
            yield _cut(f"{check.asset_key.to_user_string()}: {check.description or check.check_name}")


def _broken_steps(run: dg.DagsterRun, instance: dg.DagsterInstance) -> Iterator[str]:
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        error = entry.get_dagster_event().step_failure_data.error
        cause = error.cause or error if error else None
        if cause is not None:
            yield _cut(f"{entry.step_key}: {cause.message.strip().splitlines()[0]}")


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1] + "…"
