"""The sensor that sees recordings arrive: new dated folders, and folders in which something changed.

``decide`` is a pure function of what was seen before and what is there now; the sensor around it lists the folders and
asks for the runs. A listing that fails changes nothing: an unreachable disk is not a thousand deleted recordings.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

import dagster as dg

from emotion_pipeline.engine.sources.fetch_errors import SourceError
from emotion_pipeline.engine.sources.local import state_of
from emotion_pipeline.jobs.jobs import WHY, daily_emotion
from emotion_pipeline.resources.recordings import RecordingSource


@dataclass(frozen=True, slots=True)
class DayState:
    """What a dated folder holds: a digest of its listing, and how many seconds ago its youngest file was changed."""

    digest: str
    quiet_seconds: float


@dataclass(frozen=True, slots=True)
class Decision:
    """The days to run now, and what is to be remembered as seen."""

    days: tuple[str, ...]
    seen: Mapping[str, str]


def decide(seen: Mapping[str, str], now: Mapping[str, DayState], settle_seconds: float) -> Decision:
    """Return the days whose folder is new or changed and has been quiet for ``settle_seconds``.

    A day that is still being written to is left for a later tick. A day whose folder vanished is forgotten, not run:
    its table keeps what was published, and a folder that comes back is seen as new.
    """
    changed = {day for day, state in now.items() if seen.get(day) != state.digest}
    ready = tuple(sorted(day for day in changed if now[day].quiet_seconds >= settle_seconds))
    remembered = {day: digest for day, digest in seen.items() if day in now}
    return Decision(ready, remembered | {day: now[day].digest for day in ready})


def look(recordings: RecordingSource) -> dict[str, DayState]:
    """Return the state of every dated folder. Raises SourceError."""
    states = {}
    for day in recordings.days():
        day_recordings = recordings.recordings(day)
        youngest = max((recording.modified_ns or 0 for recording in day_recordings), default=0) / 1e9
        states[day] = DayState(state_of(day_recordings), time.time() - youngest)
    return states


@dg.sensor(
    job=daily_emotion,
    minimum_interval_seconds=30,
    description="Makes a day, and only that day, when its folder is new or its recordings changed and nothing has been "
    "written to it for a while. Runs in deployment prod; elsewhere switch it on to have recordings analysed as they "
    "arrive.",
)
def recording_arrivals(
    context: dg.SensorEvaluationContext, recordings: RecordingSource
) -> dg.SensorResult | dg.SkipReason:
    try:
        now = look(recordings)
    except SourceError as error:
        return dg.SkipReason(f"{error}; nothing is taken as removed")
    seen = json.loads(context.cursor) if context.cursor else {}
    decision = decide(seen, now, recordings.settle_seconds)
    requests = [
        dg.RunRequest(
            run_key=f"{day}:{decision.seen[day]}",
            partition_key=day,
            tags={WHY: "recordings changed" if day in seen else "recordings arrived"},
        )
        for day in decision.days
    ]
    cursor = json.dumps(decision.seen, sort_keys=True)
    if not requests:
        context.update_cursor(cursor)
        return dg.SkipReason(f"no recordings arrived in the {len(now)} dated folders")
    return dg.SensorResult(run_requests=requests, cursor=cursor)
