"""Which days stay failed: one check that looks at every table, for the hour after the run that failed is forgotten.

A gate tells of its own day; a run that died tells nobody. Both leave a day that is not up to date, and this names it.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import dagster as dg
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value

from emotion_pipeline.partitions import DAILY
from emotion_pipeline.schema.tables import TABLES, TONE_SENTIMENT

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
    return {table: failed for table in TABLES if (failed := _failed_days(instance, table))}


def _failed_days(instance: dg.DagsterInstance, table: str) -> list[str]:
    # The public way asks for every day there is, and compares each with what is known: half a second a table.
    known = get_and_update_asset_status_cache_value(instance, dg.AssetKey(table), DAILY)
    if known is None:
        return []
    failed = known.deserialize_failed_partition_subsets(DAILY).get_partition_keys()
    under_way = known.deserialize_in_progress_partition_subsets(DAILY).get_partition_keys()
    return sorted(set(failed) - set(under_way))


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
