"""Retention: every night the days are erased that are older than ``storage.keep_days``; the marts follow.

``emotion-clf erase`` does the same for single recordings. The REST service erases its own jobs by
``api.jobs.keep_days``.
"""

import dagster as dg

from emotion_pipeline.engine.sentiment.cortex import CortexSentiment
from emotion_pipeline.jobs.jobs import WHY, WITHOUT_MODELS, marts_only
from emotion_pipeline.resources.models import Models
from emotion_pipeline.warehouse.base import Warehouse
from emotion_pipeline.warehouse.erasure import days_before, erase
from emotion_pipeline.warehouse.files import Files


class Retention(dg.ConfigurableResource):
    """How many days are kept; None keeps all."""

    keep_days: int | None


@dg.op(out={"erased": dg.Out(dg.Nothing)})
def erase_old_days(
    context: dg.OpExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    files: dg.ResourceParam[Files],
    models: Models,
    retention: Retention,
) -> None:
    """Erase what is older than the retention allows; a record lies under ``erasures/`` below the storage root."""
    if retention.keep_days is None:
        context.log.info("storage.keep_days is unset: everything is kept")
        return
    sentiment = models.backends.sentiment
    forget = sentiment.forget if isinstance(sentiment, CortexSentiment) else None
    erasure = erase(warehouse, files, days_before(retention.keep_days), forget)
    numbers = {table: sum(days.values()) for table, days in erasure.rows.items()}
    context.log.info(f"erased {len(erasure.files)} files and rows: {numbers}")


@dg.job(
    tags=WITHOUT_MODELS,
    description="Erases the days that are older than storage.keep_days, audio copies and rows, and leaves a record; "
    "the marts follow. Start it by hand after shortening storage.keep_days; the schedule every_night does otherwise.",
)
def retention() -> None:
    erase_old_days()


@dg.schedule(
    job=retention,
    cron_schedule="0 2 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Erases at 02:00 UTC the days that are older than storage.keep_days. Runs in every deployment and does "
    "nothing where storage.keep_days is unset; switch it off only while an erasure must wait.",
)
def every_night(
    retention: Retention,
) -> dg.RunRequest | dg.SkipReason:
    if retention.keep_days is None:
        return dg.SkipReason("storage.keep_days is unset: everything is kept")
    return dg.RunRequest(tags={WHY: f"storage.keep_days is {retention.keep_days}"})


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[retention],
    request_job=marts_only,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Builds all marts anew after an erasure, without what was erased. Runs in every deployment; leave "
    "it on as long as every_night is.",
)
def marts_after_retention(context: dg.RunStatusSensorContext) -> dg.RunRequest:
    return dg.RunRequest(run_key=context.dagster_run.run_id, tags={WHY: "days were erased"})
