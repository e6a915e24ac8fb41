"""The schedules: every morning the day before, complete by then, whether the sensor saw all of it or not; every hour a
look at the days that stay failed.
"""

from datetime import timedelta
from typing import Final

import dagster as dg

from emotion_pipeline.jobs.jobs import WHY, daily_emotion, health
from emotion_pipeline.resources.recordings import RecordingSource


@dg.schedule(
    job=daily_emotion,
    cron_schedule="0 4 * * *",
    execution_timezone="UTC",
    description="Makes the day before at 04:00 UTC, from its recordings to the marts, where any were dropped. Runs in "
    "deployment prod; elsewhere switch it on where days shall be made without the sensor recording_arrivals, or once "
    "more when they are complete.",
)
def every_morning(context: dg.ScheduleEvaluationContext, recordings: RecordingSource) -> dg.RunRequest | dg.SkipReason:
    day = (context.scheduled_execution_time - timedelta(days=1)).strftime("%Y-%m-%d")
    if day not in recordings.days():
        return dg.SkipReason(f"{recordings.root} has no folder {day}: no recordings were dropped that day")
    return dg.RunRequest(partition_key=day, tags={WHY: "the day before is complete"})


every_hour: Final = dg.ScheduleDefinition(
    name="every_hour",
    job=health,
    cron_schedule="30 * * * *",
    execution_timezone="UTC",
    tags={WHY: "the look of every hour"},
    description="Names every hour the days whose last attempt failed, as a check of tone_sentiment. Runs in deployment "
    "prod; elsewhere switch it on where nobody watches the runs.",
)
