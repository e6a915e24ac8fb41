"""A run that is killed at any moment leaves every partition whole, and the next run gives what an undisturbed one
gives.
"""

import multiprocessing
import time
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from support.pipeline import Pipeline, run_day
from support.thorough import THOROUGH

from emotion_pipeline.engine.stages.tables import TABLES

EARLIER, DAY = "2026-11-02", "2026-11-03"
KILLS = 20 if THOROUGH else 4
# Imported once and inherited, so that kills fall into work and not into imports.
PRELOADED = [
    "support.pipeline",
    "great_expectations.expectations",
    "ctranslate2",
    "sklearn.linear_model",
    "transformers.models.bert.modeling_bert",
]


@pytest.mark.full
def test_sigkill_at_random_moments_loses_and_halves_nothing(tmp_path: Path, rng: np.random.Generator) -> None:
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(PRELOADED)
    undisturbed, disturbed = Pipeline(tmp_path / "undisturbed"), Pipeline(tmp_path / "disturbed")
    for pipeline in (undisturbed, disturbed):
        pipeline.drop_speech(EARLIER, "call.flac", seconds=4.0)
        for number in range(3):
            pipeline.drop_speech(DAY, f"call-{number}.flac", start=5.0 * number, seconds=5.0)

    _start(processes, undisturbed, EARLIER).join()  # imports what the processes after it inherit
    started = time.monotonic()
    _start(processes, undisturbed).join()
    duration = time.monotonic() - started
    run_day(disturbed.folder, EARLIER)
    earlier = {table: disturbed.bytes_of(table, EARLIER) for table in TABLES}

    killed = 0
    for moment in (np.arange(KILLS) + rng.uniform(0.0, 1.0, KILLS)) * duration / KILLS:
        process = _start(processes, disturbed)
        process.join(timeout=moment)
        killed += process.is_alive()
        process.kill()
        process.join()
        assert {table: disturbed.bytes_of(table, EARLIER) for table in TABLES} == earlier
        _assert_readable(disturbed)

    assert killed >= max(KILLS // 4, 1), "a kill must hit a run at work, or this proves nothing"
    run_day(disturbed.folder, DAY)
    for table in TABLES:
        pd.testing.assert_frame_equal(_comparable(disturbed, table), _comparable(undisturbed, table))


def _start(processes: ForkServerContext, pipeline: Pipeline, day: str = DAY) -> BaseProcess:
    process = processes.Process(target=run_day, args=(pipeline.folder, day))
    process.start()
    return process


def _assert_readable(pipeline: Pipeline) -> None:
    """Every partition that exists is whole: it can be read, and has the contract's columns."""
    for table in TABLES.values():
        for day in pipeline.lake.partitions(table):
            assert tuple(pq.read_schema(str(pipeline.lake.path(table, day))).names) == table.column_names
            assert len(pipeline.rows(table.name, day)) >= 1


def _comparable(pipeline: Pipeline, table: str) -> pd.DataFrame:
    """Return a partition without what names the folder it was made in."""
    return pipeline.rows(table, DAY).drop(columns=["source_uri", "source_version"], errors="ignore")
