"""The partitions definition that all tables share: one partition per day.

A day is what arrives together (a dated folder, the links submitted on one date), what is retried together, and what a
BI user filters by. Recordings are rows, never partition keys: a year of calls is 365 partitions, not a million. Days
are named in UTC, and the current day is already a partition, because recordings of today are wanted today.
"""

from typing import Final

import dagster as dg

DAILY: Final = dg.DailyPartitionsDefinition(start_date="2015-01-01", timezone="UTC", end_offset=1)
