"""The daily schedule: every morning the day before, complete by then, whether the sensor saw all of it or not."""

from datetime import timedelta

import dagster as dg

from emotion_pipeline.jobs.jobs import daily_emotion
from emotion_pipeline.resources.recordings import RecordingSource


@dg.schedule(
    job=daily_emotion,
    cron_schedule="0 4 * * *",
    execution_timezone="UTC",
    description="At 04:00 UTC the day before, from its recordings to the marts.",
)
def every_morning(context: dg.ScheduleEvaluationContext, recordings: RecordingSource) -> dg.RunRequest | dg.SkipReason:
    day = (context.scheduled_execution_time - timedelta(days=1)).strftime("%Y-%m-%d")
    if day not in recordings.days():
        return dg.SkipReason(f"{recordings.root} has no folder {day}: no recordings were dropped that day")
    return dg.RunRequest(partition_key=day)
