"""Which days stay failed: one check that looks at every table, for the hour after the run that failed is forgotten.

A gate tells of its own day; a run that died tells nobody. Both leave a day that is not up to date, and this names it.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import dagster as dg
from dagster._core.storage.partition_status_cache import AssetPartitionStatus

from emotion_pipeline.partitions import DAILY
from emotion_pipeline.tables import TABLES, TONE_SENTIMENT

NO_DAY_STAYS_FAILED: Final = "no_day_stays_failed"


@dg.asset_check(
    asset=TONE_SENTIMENT.name,
    name=NO_DAY_STAYS_FAILED,
    description="Every day of every table, the last attempt at which did not fail.",
)
def no_day_stays_failed(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    return as_check_result(failed_days(context.instance))


def failed_days(instance: dg.DagsterInstance) -> dict[str, list[str]]:
    """Return by table the days whose last attempt failed; what follows from a table that failed was not attempted."""
    days = DAILY.get_partition_keys()
    found = {}
    for table in TABLES:
        statuses = instance.get_status_by_partition(dg.AssetKey(table), days, DAILY) or {}
        failed = [day for day, status in statuses.items() if status is AssetPartitionStatus.FAILED]
        if failed:
            found[table] = sorted(failed)
    return found


def as_check_result(found: Mapping[str, Sequence[str]]) -> dg.AssetCheckResult:
    """Return what was found as Dagster records it: a warning that names the days."""
    days = sorted({day for failed in found.values() for day in failed})
    lines = ["| table | days |", "|---|---|", *(f"| {table} | {', '.join(one)} |" for table, one in found.items())]
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(days)} days stay failed: {', '.join(days)}" if days else "no day stays failed",
        metadata={"days": len(days), "by_table": dg.MetadataValue.md("\n".join(lines) if found else "none")},
    )
