"""A deployment of the pipeline in a folder of its own, driven as a user drives it: by its commands, in processes."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import dagster as dg

from emotion_pipeline.engine.stages.tables import TABLES
from emotion_pipeline.warehouse.lake import Lake

REPOSITORY: Final = Path(__file__).resolve().parents[2]

# The metadata of one materialisation, as plain values.
Report = Mapping[str, Any]


@dataclass(frozen=True)
class Deployment:
    """The lake, the marts, the recordings and the Dagster home below ``folder``."""

    folder: Path
    # Of the environment, beside those that name the folders.
    variables: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)

    @property
    def home(self) -> Path:
        return self.folder / "dagster"

    @property
    def recordings(self) -> Path:
        return self.folder / "recordings"

    @property
    def lake(self) -> Lake:
        return Lake(root=str(self.folder / "lake"))

    @property
    def environment(self) -> dict[str, str]:
        others = {name: value for name, value in os.environ.items() if not name.startswith("EMOTION_")}
        return others | {
            "PYTHONPATH": os.pathsep.join([str(REPOSITORY), others.get("PYTHONPATH", "")]),
            "DAGSTER_HOME": str(self.home),
            "EMOTION_STORAGE__ROOT": self.lake.root,
            "EMOTION_STORAGE__MARTS": str(self.folder / "marts.duckdb"),
            "EMOTION_SOURCES__ROOT": str(self.recordings),
            "EMOTION_SOURCES__SETTLE_SECONDS": "0",
            **self.variables,
        }

    def configure(self, dagster_yaml: str) -> None:
        """Say where and how Dagster works here."""
        (self.home / "dagster.yaml").write_text(dagster_yaml, encoding="utf-8")

    def start(self, module: str, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start ``python -m module`` in a process group of its own; what it prints goes to a file beside the lake."""
        with (self.folder / f"{module}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=REPOSITORY, env=self.environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def log(self, module: str) -> str:
        """Return all that was printed by processes of a module."""
        return (self.folder / f"{module}.log").read_text(encoding="utf-8", errors="replace")

    def backfill(self, first: str, last: str) -> tuple[int, float]:
        """Do what ``make backfill`` does; return its exit code and how many seconds it took."""
        started = time.perf_counter()
        code = self.start("emotion_pipeline.cli.backfill", "--from", first, "--to", last).wait()
        return code, time.perf_counter() - started

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        """Open the Dagster instance for the block."""
        before = {name: os.environ.get(name) for name in self.variables}
        os.environ.update(self.variables)
        try:
            with dg.DagsterInstance.from_config(str(self.home)) as instance:
                yield instance
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})

    def reports(self, run_ids: set[str] | None = None) -> list[tuple[str, str, Report]]:
        """Return run, table and report of every materialisation of a table, or of those runs only, the newest first."""
        found = []
        with self.instance() as instance:
            for table in TABLES:
                page = instance.fetch_materializations(dg.AssetKey(table), limit=10_000)
                for record in page.records:
                    made = record.asset_materialization
                    if made is not None and (run_ids is None or record.run_id in run_ids):
                        values = {name: value.value for name, value in made.metadata.items()}
                        found.append((record.run_id, table, values))
        return found
