"""``python -m benchmarks.partitions``: how long pages of the Dagster UI wait for ten years of days, beside three days.

Every day of every table is recorded as made, by its event alone, in an instance as ``make dev`` has it. Then the UI's
own questions are asked: what *Partitions* of a table shows, what the dialog that materialises or recomputes all tables
shows, and what the catalog shows. The first answer after new events counts them; the next one remembers.
"""

import json
import tempfile
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import dagster as dg
import httpx
import typer

from benchmarks.support.deployment import REPOSITORY, Deployment
from dashboard.serving import serving_dagster
from emotion_pipeline.engine.stages.tables import TABLES, TONE_SENTIMENT

LAST: Final = date(2026, 11, 4)
# As the UI asks of a table (PartitionHealthQuery), of all tables in the dialog that launches them, and of the catalog.
_HEALTH: Final = """
... on AssetNode {
  partitionKeysByDimension { name type partitionKeys }
  assetPartitionStatuses { ... on TimePartitionStatuses { ranges { status startKey endKey } } }
}"""
_STATS: Final = "assetNodes { id partitionStats { numMaterialized numMaterializing numFailed numPartitions } }"


def main(
    years: Annotated[int, typer.Option(help="Years of days.")] = 10,
) -> None:
    """Print the figures as one JSON line."""
    with tempfile.TemporaryDirectory(prefix="benchmark-partitions-") as folder:
        figures = {str(days): measure(Path(folder) / str(days), days) for days in (3, 365 * years)}
    typer.echo(json.dumps({"tables": len(TABLES), "seconds_by_days": figures}))


def measure(folder: Path, days: int) -> dict[str, float]:
    """Return how many seconds each page waits for so many days, at first and once more."""
    first = LAST - timedelta(days=days - 1)
    limits = {"EMOTION_SOURCES__FIRST_DAY": str(first), "EMOTION_SOURCES__LAST_DAY": str(LAST)}
    deployment = Deployment(folder, limits)
    deployment.configure((REPOSITORY / "dagster.yaml").read_text(encoding="utf-8"))
    record(deployment, [str(first + timedelta(days=number)) for number in range(days)])
    table = _of([TONE_SENTIMENT.name])
    with serving_dagster(deployment.environment) as address:
        ask(address, "{ version }")
        pages = {
            "partitions_of_a_table": table,
            "dialog_for_all_tables": _of(list(TABLES)),
            "catalog": f"{{ {_STATS} }}",
        }
        return {
            f"{page}{suffix}": ask(address, question) for page, question in pages.items() for suffix in ("", "_again")
        }


def record(deployment: Deployment, days: Sequence[str]) -> None:
    """Record every day of every table as made."""
    with deployment.instance() as instance:
        for table in TABLES:
            for day in days:
                instance.report_runless_asset_event(dg.AssetMaterialization(asset_key=table, partition=day))


def ask(address: str, question: str) -> float:
    """Return the seconds until the whole answer is there. Raises SystemExit where it is an error."""
    asked = time.perf_counter()
    answer: dict[str, Any] = httpx.post(f"{address}/graphql", json={"query": question}, timeout=300.0).json()
    seconds = time.perf_counter() - asked
    if "errors" in answer:
        raise SystemExit(f"the UI does not answer: {answer['errors']}")
    return round(seconds, 3)


def _of(tables: Sequence[str]) -> str:
    nodes = (f'{name}: assetNodeOrError(assetKey: {{path: ["{name}"]}}) {{ {_HEALTH} }}' for name in tables)
    return f"{{ {' '.join(nodes)} }}"


if __name__ == "__main__":
    typer.run(main)
