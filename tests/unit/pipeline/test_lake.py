"""The lake keeps whole partitions: the old one or the new one, never half of either."""

import os
import time
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from emotion_pipeline.engine.common.errors import ContractError
from emotion_pipeline.engine.stages.tables import SENTIMENT_SCORES, TABLES
from emotion_pipeline.schema.conform import empty
from emotion_pipeline.warehouse.lake import Lake

DAY = "2026-11-02"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(root=str(tmp_path / "lake"))


def _scores(*scores: float, day: str = DAY) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "recording_date": [date.fromisoformat(day)] * len(scores),
            "recording_id": ["a" * 64] * len(scores),
            "segment_id": [f"segment-{index}" for index in range(len(scores))],
            "sentiment_score": list(scores),
            "reason": [None] * len(scores),
            "model_fingerprint": ["test:1"] * len(scores),
        }
    )


def test_what_was_written_is_read_back(lake: Lake) -> None:
    lake.write(SENTIMENT_SCORES, DAY, _scores(0.5, -0.25))
    pd.testing.assert_frame_equal(_read(lake), _scores(0.5, -0.25))


def test_writing_a_partition_again_replaces_it_and_no_other(lake: Lake) -> None:
    lake.write(SENTIMENT_SCORES, "2026-11-01", _scores(1.0, day="2026-11-01"))
    lake.write(SENTIMENT_SCORES, DAY, _scores(0.5, -0.25))
    lake.write(SENTIMENT_SCORES, DAY, _scores(0.75))
    assert _read(lake)["sentiment_score"].tolist() == [0.75]
    assert _read(lake, "2026-11-01")["sentiment_score"].tolist() == [1.0]
    assert lake.partitions(SENTIMENT_SCORES) == ["2026-11-01", DAY]


def test_a_partition_that_was_never_written_is_none_and_an_empty_one_is_empty(lake: Lake) -> None:
    assert lake.read(SENTIMENT_SCORES, DAY) is None
    lake.write(SENTIMENT_SCORES, DAY, empty(SENTIMENT_SCORES))
    stored = _read(lake)
    assert stored.empty
    assert tuple(stored.columns) == SENTIMENT_SCORES.column_names


def test_only_the_columns_asked_for_are_read(lake: Lake) -> None:
    lake.write(SENTIMENT_SCORES, DAY, _scores(0.5))
    stored = lake.read(SENTIMENT_SCORES, DAY, ["segment_id"])
    assert stored is not None
    assert list(stored.columns) == ["segment_id"]


def test_rows_of_another_day_are_refused_and_the_old_partition_stays(lake: Lake) -> None:
    lake.write(SENTIMENT_SCORES, DAY, _scores(0.5))
    with pytest.raises(ContractError, match="row 0: 2026-11-09 does not belong into partition 2026-11-02"):
        lake.write(SENTIMENT_SCORES, DAY, _scores(0.1, day="2026-11-09"))
    assert _read(lake)["sentiment_score"].tolist() == [0.5]


def test_a_frame_that_breaks_the_contract_leaves_the_old_partition_and_no_litter(lake: Lake) -> None:
    path = lake.write(SENTIMENT_SCORES, DAY, _scores(0.5))
    with pytest.raises(ContractError):
        lake.write(SENTIMENT_SCORES, DAY, _scores(0.1).assign(sentiment_score="high"))
    assert _read(lake)["sentiment_score"].tolist() == [0.5]
    assert [entry.name for entry in Path(str(path)).parent.iterdir()] == [f"{DAY}.parquet"]


def test_the_litter_of_a_killed_writer_is_removed_once_it_is_old(lake: Lake) -> None:
    folder = Path(str(lake.write(SENTIMENT_SCORES, DAY, _scores(0.5)))).parent
    old, young = folder / f".{DAY}.parquet.aa.tmp", folder / f".{DAY}.parquet.bb.tmp"
    for leftover in (old, young):
        leftover.write_bytes(b"half a partition")
    long_ago = time.time() - 7200
    os.utime(old, (long_ago, long_ago))
    lake.write(SENTIMENT_SCORES, DAY, _scores(0.75))
    assert not old.exists()
    assert young.exists()
    assert lake.partitions(SENTIMENT_SCORES) == [DAY]


def test_duckdb_sees_every_table_that_was_written(lake: Lake) -> None:
    lake.write(SENTIMENT_SCORES, DAY, _scores(0.5, -0.25))
    lake.write(TABLES["segments"], DAY, empty(TABLES["segments"]))
    with lake.connect() as connection:
        assert connection.sql("select sum(sentiment_score) from sentiment_scores").fetchall() == [(0.25,)]
        assert connection.sql("select count(*) from segments").fetchall() == [(0,)]


def test_a_lake_on_another_file_system_works_the_same() -> None:
    lake = Lake(root="memory://lake-of-this-test")
    lake.write(SENTIMENT_SCORES, DAY, _scores(0.5))
    assert _read(lake)["sentiment_score"].tolist() == [0.5]


def _read(lake: Lake, day: str = DAY) -> pd.DataFrame:
    frame = lake.read(SENTIMENT_SCORES, day)
    assert frame is not None
    return frame
