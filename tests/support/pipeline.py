"""The real pipeline in a temporary folder: its own recordings, lake, marts and Dagster instance.

Kept importable by name, so that a process that a test starts and kills can run it too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from emotion_pipeline.cli.in_process import QUIET
from emotion_pipeline.config.settings import Settings, Sources, Storage, Transcription
from emotion_pipeline.definitions import build_defs
from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.audio.encode import encode_flac
from emotion_pipeline.engine.common.types import SAMPLE_RATE
from emotion_pipeline.engine.stages.tables import TABLES, Table
from emotion_pipeline.warehouse.lake import Lake

REPOSITORY = Path(__file__).resolve().parents[2]
INSTANCE = """
telemetry: {enabled: false}
"""


@dataclass(frozen=True)
class Pipeline:
    """One deployment below ``folder``."""

    folder: Path
    backend: Literal["lake", "snowflake"] = "lake"
    # Where the lake lies; in ``folder`` where nothing is said.
    root: str = ""

    @property
    def settings(self) -> Settings:
        return Settings(
            transcription=Transcription(threads=1),
            storage=Storage(
                backend=self.backend, root=self.root or str(self.folder / "lake"), marts=self.folder / "marts.duckdb"
            ),
            sources=Sources(root=str(self.folder / "recordings"), settle_seconds=0.0),
        )

    @cached_property
    def definitions(self) -> dg.Definitions:
        return build_defs(self.settings)

    @property
    def lake(self) -> Lake:
        return Lake(root=self.settings.storage.root)

    def instance(self) -> dg.DagsterInstance:
        home = self.folder / "dagster"
        home.mkdir(parents=True, exist_ok=True)
        (home / "dagster.yaml").write_text(INSTANCE, encoding="utf-8")
        return dg.DagsterInstance.from_config(str(home))

    def run(
        self,
        day: str,
        assets: Sequence[str] | None = None,
        job: str = "tables_only",
        launch: Mapping[str, Any] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Materialise one day, all tables or those named, and return what happened; a failed run does not raise.

        ``launch``: what the run is asked for beside the defaults, see ``resources.launch``.
        """
        selection = [dg.AssetKey(name) for name in assets] if assets else None
        with self.instance() as instance:
            return self.definitions.resolve_job_def(job).execute_in_process(
                partition_key=day,
                instance=instance,
                asset_selection=selection,
                run_config=QUIET | ({"resources": {"launch": {"config": dict(launch)}}} if launch else {}),
                raise_on_error=False,
            )

    def rows(self, table: str, day: str) -> pd.DataFrame:
        frame = self.lake.read(TABLES[table], day)
        if frame is None:
            raise AssertionError(f"{table} has no partition {day}")
        return frame

    def bytes_of(self, table: str, day: str) -> bytes:
        return self.lake.path(TABLES[table], day).read_bytes()

    def overwrite(self, table: Table, day: str, frame: pd.DataFrame) -> None:
        """Put rows into a partition behind the pipeline's back, as a disk error or a careless hand would."""
        rows = pa.Table.from_pandas(frame, schema=table.schema, preserve_index=False)
        pq.write_table(rows, str(self.lake.path(table, day)))

    def drop(self, day: str, name: str, content: bytes) -> None:
        target = self.folder / "recordings" / day / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    def drop_speech(self, day: str, name: str, start: float = 0.0, seconds: float = 6.0) -> None:
        """Drop a cut of a sample recording as FLAC."""
        target = self.folder / "recordings" / day / name
        target.parent.mkdir(parents=True, exist_ok=True)
        source = min((REPOSITORY / "samples" / "2026-11-02").glob("*.*"))
        waveform = decode(source, keep_channels=True)
        encode_flac(waveform[:, int(start * SAMPLE_RATE) : int((start + seconds) * SAMPLE_RATE)], target)

    def drop_noise(self, day: str, name: str, seconds: float = 3.0) -> None:
        """Drop white noise, in which nobody speaks."""
        target = self.folder / "recordings" / day / name
        target.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(7).normal(0.0, 0.05, (1, int(seconds * SAMPLE_RATE)))
        encode_flac(noise.astype(np.float32), target)


def run_day(folder: Path, day: str) -> None:
    """Materialise one day in a process of its own."""
    Pipeline(folder).run(day)
