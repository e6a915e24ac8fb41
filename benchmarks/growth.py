"""``python -m benchmarks.growth``: whether a recording, or a day, costs the same however many there are already.

Three things are timed for 10, 100 and 1,000 recordings in a day and for 30, 365 and 3,650 days in the lake: a day's
materialisation with all gates (and again, all of it taken over), a tick of the sensor that finds nothing new, and the
build of the marts (all days, and one of them). The models are stand-ins that take no time; all else is as it ships.
``growth`` compares what one more costs from the second size to the third with what it costs from the first to the
second: 1.0 is flat, below it gets cheaper.
"""

import contextlib
import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import typer

from benchmarks.support.apart import apart
from benchmarks.support.stub_models import SECONDS, StubModels
from emotion_pipeline.cli.in_process import QUIET
from emotion_pipeline.config.settings import Settings, Sources, Storage
from emotion_pipeline.definitions import build_defs
from emotion_pipeline.engine.audio.encode import encode_flac
from emotion_pipeline.engine.common.types import SAMPLE_RATE
from emotion_pipeline.engine.models.usage import process_peak_bytes
from emotion_pipeline.engine.stages.tables import PARTITION_COLUMN, TABLES
from emotion_pipeline.jobs.arrivals import recording_arrivals
from emotion_pipeline.resources.recordings import RecordingSource
from emotion_pipeline.warehouse.lake import Lake

WANTED: Final = 1.3
FIRST: Final = date(2015, 1, 1)
LAST: Final = date(2025, 12, 31)
_RECORDINGS_OF_OTHER_DAYS: Final = 2
_RECORDINGS_BESIDE_MANY_DAYS: Final = 10
# How often what can be repeated is, because most of its cost is the same for every size; the best counts.
_AGAIN: Final = 3
# Of the cost of the first size: a rise to the second by less counts as this much, since it cannot be told from chance.
# The same ten recordings, taken over in lakes of three sizes, took 3.5 to 4.3 s.
_CHANCE: Final = 0.1

Axis = Literal["recordings", "days"]
Costs = Mapping[str, float]


def main(
    recordings: Annotated[str, typer.Option(help="Three sizes of a day.")] = "10,100,1000",
    days: Annotated[str, typer.Option(help="Three sizes of the lake.")] = "30,365,3650",
    repeats: Annotated[int, typer.Option(help="How often each size is measured; the best counts.")] = 2,
) -> None:
    """Print one JSON line; ``worst_growth`` is the highest of all."""
    axes: tuple[tuple[Axis, str], ...] = (("recordings", recordings), ("days", days))
    figures: dict[str, Any] = {"wanted_growth": WANTED}
    for axis, sizes in axes:
        figures |= _along(axis, [int(size) for size in sizes.split(",")], repeats)
    figures["worst_growth"] = max(value for name, value in figures.items() if name.endswith("_growth_per_added"))
    typer.echo(json.dumps(figures))


def _along(axis: Axis, sizes: Sequence[int], repeats: int) -> dict[str, Any]:
    """Measure every size, each time in a process of its own, and set them against each other."""
    measured: list[Costs] = []
    for size in sizes:
        found = [apart(measure, axis, size) for _ in range(repeats)]
        measured.append({name: min(costs[name] for costs in found) for name in found[0]})
    costs = {name: [row[name] for row in measured] for name in measured[0]}
    return {
        f"{axis}": list(sizes),
        **{f"{axis}_{name}": [round(value, 3) for value in values] for name, values in costs.items()},
        **{f"{axis}_{name}_growth_per_added": growth(sizes, values) for name, values in costs.items()},
    }


def growth(sizes: Sequence[int], costs: Sequence[float]) -> float:
    """Return what one more costs between the last two of three sizes over what it costs between the first two."""
    early = max(costs[1] - costs[0], _CHANCE * costs[0]) / (sizes[1] - sizes[0])
    late = max(costs[2] - costs[1], 0.0) / (sizes[2] - sizes[1])
    return round(late / early, 2)


def measure(axis: Axis, size: int) -> Costs:
    """Return seconds and megabytes of one size, in this process, which has done nothing before."""
    recordings, days = (size, 1) if axis == "recordings" else (_RECORDINGS_BESIDE_MANY_DAYS, size)
    with tempfile.TemporaryDirectory(prefix="benchmark-growth-") as folder:
        location = _Location(Path(folder))
        location.fill(days - 1)
        location.receive(LAST, recordings)
        materialise_s = location.materialise(LAST)
        peak_mb = process_peak_bytes() / 1e6
        return {
            "materialise_s": materialise_s,
            "materialise_peak_mb": peak_mb,
            "materialise_again_s": min(location.materialise(LAST) for _ in range(_AGAIN)),
            "tick_s": min(location.tick() for _ in range(_AGAIN)),
            "marts_s": min(location.build_marts(day=None) for _ in range(_AGAIN)),
            "marts_day_s": location.build_marts(day=LAST),
            "marts_peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
        }


class _Location:
    """A code location with models that take no time. What is done to it returns the seconds that it took."""

    def __init__(self, folder: Path) -> None:
        self._home = folder / "dagster"
        self._home.mkdir(parents=True)
        (self._home / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
        settings = Settings(
            storage=Storage(root=str(folder / "lake"), marts=folder / "marts.duckdb"),
            sources=Sources(root=str(folder / "recordings"), settle_seconds=0.0),
        )
        definitions = build_defs(settings)
        self._lake = Lake(root=settings.storage.root)
        self._source = RecordingSource.of(settings.sources)
        self._resolve_job = definitions.resolve_job_def
        self._resources = {**(definitions.resources or {}), "models": StubModels.of(settings)}

    def receive(self, day: date, recordings: int) -> None:
        """Put recordings into a day's folder that nobody listens to, each of its own bytes."""
        folder = Path(self._source.root) / str(day)
        folder.mkdir(parents=True)
        draw = np.random.default_rng(day.toordinal())
        for index in range(recordings):
            noise = draw.normal(0.0, 0.01, (1, int((SECONDS + 1.0) * SAMPLE_RATE))).astype(np.float32)
            encode_flac(noise, folder / f"call_{index:05d}.flac")

    def fill(self, number: int) -> None:
        """Make the first day, and give so many others what it holds, as if they had been made."""
        days = [LAST - timedelta(days=back) for back in range(1, number + 1)]
        made = FIRST
        self.receive(made, _RECORDINGS_OF_OTHER_DAYS)
        self.materialise(made)
        for day in days:
            shutil.copytree(Path(self._source.root) / str(made), Path(self._source.root) / str(day))
        for table in TABLES.values():
            rows = pq.read_table(str(self._lake.path(table, str(made))))
            place = rows.schema.get_field_index(PARTITION_COLUMN)
            for day in days:
                dates = pa.array([day] * len(rows), pa.date32())
                moved = rows.set_column(place, rows.schema.field(place), dates)
                pq.write_table(moved, str(self._lake.path(table, str(day))))

    def materialise(self, day: date) -> float:
        return self._timed("tables_only", {}, partition_key=str(day))

    def build_marts(self, day: date | None) -> float:
        return self._timed("marts_only", {"dagster/partition": str(day)} if day else {})

    def tick(self) -> float:
        """Let the sensor look once at what it has seen already."""
        with self._instance() as instance:
            first = recording_arrivals(dg.build_sensor_context(instance=instance), recordings=self._source)
            cursor = first.cursor if isinstance(first, dg.SensorResult) else None
            again = dg.build_sensor_context(instance=instance, cursor=cursor)
            started = time.perf_counter()
            recording_arrivals(again, recordings=self._source)
            return time.perf_counter() - started

    def _timed(self, job: str, tags: dict[str, str], partition_key: str | None = None) -> float:
        with self._instance() as instance, contextlib.redirect_stdout(sys.stderr):  # dbt prints what it does
            started = time.perf_counter()
            self._resolve_job(job).execute_in_process(
                partition_key=partition_key,
                instance=instance,
                run_config=QUIET,
                tags=tags,
                resources=self._resources,
            )
            return time.perf_counter() - started

    def _instance(self) -> dg.DagsterInstance:
        return dg.DagsterInstance.from_config(str(self._home))


if __name__ == "__main__":
    typer.run(main)
