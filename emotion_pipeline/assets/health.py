"""Which days stay failed: one check that looks at every table, for the hour after the run that failed is forgotten.

A gate tells of its own day; a run that died tells nobody. Both leave a day that is not up to date, and this names it.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import dagster as dg

from emotion_pipeline.engine.stages.tables import TABLES, TONE_SENTIMENT
from emotion_pipeline.resources.dagster_private import failed_days
from emotion_pipeline.resources.recordings import RecordingSource

NO_DAY_STAYS_FAILED: Final = "no_day_stays_failed"


@dg.asset_check(
    asset=TONE_SENTIMENT.name,
    name=NO_DAY_STAYS_FAILED,
    description="Every day of every table, the last attempt at which did not fail.",
)
def no_day_stays_failed(context: dg.AssetCheckExecutionContext, recordings: RecordingSource) -> dg.AssetCheckResult:
    return as_check_result(failed_days_of_all(context.instance, recordings.partitions))


def failed_days_of_all(instance: dg.DagsterInstance, days: dg.PartitionsDefinition) -> dict[str, list[str]]:
    """Return by table the days whose last attempt failed; what follows from a table that failed was not attempted."""
    return {table: failed for table in TABLES if (failed := failed_days(instance, table, days))}


def as_check_result(failed_days_by_table: Mapping[str, Sequence[str]]) -> dg.AssetCheckResult:
    """Return failed days as Dagster records it: a warning that names the days."""
    days = sorted({day for failed in failed_days_by_table.values() for day in failed})
    rows = [f"| {table} | {', '.join(failed)} |" for table, failed in failed_days_by_table.items()]
    lines = ["| table | days |", "|---|---|", *rows]
    return dg.AssetCheckResult(
        passed=not days,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(days)} days stay failed: {', '.join(days)}" if days else "no day stays failed",
        metadata={"days": len(days), "by_table": dg.MetadataValue.md("\n".join(lines) if days else "none")},
    )
