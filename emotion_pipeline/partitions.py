"""The days of the tables: one partition per day in UTC, today included, and how old the latest may grow.

A day is what arrives together, is retried together, and is filtered by. Recordings are rows, never partition keys: a
year of calls is 365 partitions, not a million.
"""

from datetime import timedelta
from typing import Final

import dagster as dg

DAILY: Final = dg.DailyPartitionsDefinition(start_date="2015-01-01", timezone="UTC", end_offset=1)

# A day is made every morning after recordings arrived, and the marts with it: later than that is worth a look, a long
# weekend without any is not worth an alarm.
FRESH: Final = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=74), warn_window=timedelta(hours=26))
