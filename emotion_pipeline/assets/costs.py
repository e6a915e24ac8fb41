"""``costs``: what making every table of a day took over all runs: audio, words, time, rows computed and reused.

It is read from the reports that materialisations leave in Dagster's event log.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import dagster as dg
import pandas as pd

from emotion_pipeline.assets.table_asset import CODE, OWNERS
from emotion_pipeline.engine.stages.tables import COSTS, TABLES
from emotion_pipeline.partitions import DAILY, FRESH
from emotion_pipeline.warehouse.base import Warehouse

# The metadata of one materialisation, as plain values.
Report = Mapping[str, Any]


@dg.asset(
    name=COSTS.name,
    description=COSTS.grain,
    deps=COSTS.upstream,
    group_name="operations",
    kinds={CODE},
    owners=OWNERS,
    partitions_def=DAILY,
    freshness_policy=FRESH,
)
def costs(context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse]) -> dg.MaterializeResult[Any]:
    day = context.partition_key
    rows = [cost_of(table, day, reports) for table in TABLES if (reports := _reports(context.instance, table, day))]
    frame = pd.DataFrame(rows, columns=list(COSTS.column_names)).astype({"energy_joules": float})
    path = warehouse.write(COSTS, day, frame)
    total = frame[["rows_computed", "rows_reused", "token_count"]].sum()
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(path)),
            "dagster/row_count": len(frame),
            "model_seconds": float(frame["model_seconds"].sum()),
            **{str(name): int(value) for name, value in total.items()},
        }
    )


def cost_of(table: str, day: str, newest_first: Iterable[Report]) -> dict[str, Any]:
    """Return the row of one table from the reports of all its materialisations, at least one."""
    reports = list(newest_first)
    with_models = [report for report in reports if "device" in report and report.get("computed", 0)]
    energy = [float(report["energy_joules"]) for report in reports if "energy_joules" in report]
    return {
        "recording_date": date.fromisoformat(day),
        "table_name": table,
        "runs": len(reports),
        "rows_published": int(reports[0].get("rows", 0)),
        "rows_computed": int(_total(reports, "computed")),
        "rows_reused": int(_total(reports, "reused")),
        "wall_seconds": _total(reports, "seconds"),
        "model_seconds": _total(with_models, "seconds"),
        "gpu_seconds": _total([report for report in with_models if report["device"] != "cpu"], "seconds"),
        "audio_hours": _total(reports, "audio_seconds") / 3600.0,
        "token_count": int(_total(reports, "words_read")),
        "energy_joules": sum(energy) if energy else None,
    }


def _total(reports: Iterable[Report], name: str) -> float:
    return float(sum(report.get(name, 0) for report in reports))


def _reports(instance: dg.DagsterInstance, table: str, day: str) -> list[Report]:
    """Return the reports of a table's materialisations of a day, the newest first."""
    records_filter = dg.AssetRecordsFilter(dg.AssetKey(table), asset_partitions=[day])
    records, cursor, more = [], None, True
    while more:
        page = instance.fetch_materializations(records_filter, limit=100, cursor=cursor)
        records, cursor, more = [*records, *page.records], page.cursor, page.has_more
    materializations = (record.asset_materialization for record in records)
    return [{name: value.value for name, value in made.metadata.items()} for made in materializations if made]
