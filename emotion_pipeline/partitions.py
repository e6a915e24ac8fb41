"""The partitions definition that all tables share: one partition per day in UTC, today included.

A day is what arrives together, is retried together, and is filtered by. Recordings are rows, never partition keys: a
year of calls is 365 partitions, not a million.
"""

from typing import Final

import dagster as dg

DAILY: Final = dg.DailyPartitionsDefinition(start_date="2015-01-01", timezone="UTC", end_offset=1)
