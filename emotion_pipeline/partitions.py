"""The days of the tables: one partition per day in UTC, today included, and how old the latest may grow.

A day is what arrives together, is retried together, and is filtered by. Recordings are rows, never partition keys: a
year of calls is 365 partitions, not a million. Which days there are is a setting: a catalog that counts days from
before the first recording calls a complete table almost empty.
"""

from datetime import date, timedelta
from typing import Final

import dagster as dg

from emotion_pipeline.config.settings import FIRST_DAY


def daily(first: str, last: str | None = None) -> dg.DailyPartitionsDefinition:
    """Return the days from ``first`` to ``last``, ISO dates, both included; to today where there is no last one."""
    end = (date.fromisoformat(last) + timedelta(days=1)).isoformat() if last else None
    return dg.DailyPartitionsDefinition(start_date=first, end_date=end, timezone="UTC", end_offset=1)


# What assets are declared with; a code location puts its own days in their place.
DAILY: Final = daily(FIRST_DAY.isoformat())

# A day is made every morning after recordings arrived, and the marts with it: later than that is worth a look, a long
# weekend without any is not worth an alarm.
FRESH: Final = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=74), warn_window=timedelta(hours=26))
