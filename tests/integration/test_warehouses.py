"""Both warehouses keep the same promises: what was written is read back to the last bit, or refused with its place."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from support.warehouse_server import WarehouseServer
from support.warehouses import BACK_ENDS, assert_holds, empty_warehouse, rows_of

from emotion_pipeline.engine.common.errors import ContractError
from emotion_pipeline.engine.stages.tables import SEGMENTS, SENTIMENT_SCORES, TABLES, TEXT, TRANSCRIPTS, Column, Table
from emotion_pipeline.partitions import DAILY
from emotion_pipeline.resources.io_manager import WarehouseIOManager
from emotion_pipeline.schema.conform import empty
from emotion_pipeline.warehouse.base import Chosen, Warehouse
from emotion_pipeline.warehouse.files import Files

EARLIER, DAY = "2026-11-02", "2026-11-03"
MANY_ROWS = int(os.environ.get("WAREHOUSE_TEST_ROWS", "20000"))
WRITERS = 3


@pytest.fixture(params=BACK_ENDS)
def warehouse(request: pytest.FixtureRequest, server: WarehouseServer, tmp_path: Path) -> Iterator[Warehouse]:
    with empty_warehouse(request.param, server, tmp_path) as made:
        yield made


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_table_comes_back_to_the_last_bit(warehouse: Warehouse, table: Table, rng: np.random.Generator) -> None:
    rows = rows_of(table, DAY, 25, rng)
    warehouse.write(table, DAY, rows)
    assert_holds(warehouse, table, DAY, rows)


def test_a_partition_is_replaced_and_no_other(warehouse: Warehouse, rng: np.random.Generator) -> None:
    earlier, first, second = (rows_of(SEGMENTS, day, count, rng) for day, count in ((EARLIER, 3), (DAY, 9), (DAY, 4)))
    for day, rows in ((EARLIER, earlier), (DAY, first), (DAY, second)):
        warehouse.write(SEGMENTS, day, rows)
    assert_holds(warehouse, SEGMENTS, EARLIER, earlier)
    assert_holds(warehouse, SEGMENTS, DAY, second)
    assert warehouse.partitions(SEGMENTS) == [EARLIER, DAY]
    assert warehouse.partitions(SENTIMENT_SCORES) == []


def test_chosen_rows_are_erased_and_all_others_stay(warehouse: Warehouse, rng: np.random.Generator) -> None:
    earlier, later = (rows_of(SEGMENTS, day, count, rng) for day, count in ((EARLIER, 3), (DAY, 9)))
    for rows in (earlier, later):
        rows["recording_id"] = ["it's" if index % 2 else "other" for index in range(len(rows))]
    for day, rows in ((EARLIER, earlier), (DAY, later)):
        warehouse.write(SEGMENTS, day, rows)
    chosen = Chosen(frozenset({"it's", "absent"}))
    assert warehouse.erase(SEGMENTS, chosen, dry_run=True) == {EARLIER: 1, DAY: 4}
    assert_holds(warehouse, SEGMENTS, DAY, later)
    assert warehouse.erase(SEGMENTS, chosen, dry_run=False) == {EARLIER: 1, DAY: 4}
    assert_holds(warehouse, SEGMENTS, DAY, later[later["recording_id"] == "other"])
    assert warehouse.erase(SEGMENTS, Chosen(before=DAY), dry_run=False) == {EARLIER: 2}
    assert_holds(warehouse, SEGMENTS, EARLIER, earlier[:0])
    assert warehouse.partitions(SEGMENTS) == [EARLIER, DAY]
    assert warehouse.erase(SENTIMENT_SCORES, chosen, dry_run=False) == {}


def test_columns_are_matched_by_name_whatever_their_order(warehouse: Warehouse, rng: np.random.Generator) -> None:
    rows = rows_of(SEGMENTS, DAY, 5, rng)
    warehouse.write(SEGMENTS, DAY, rows[rng.permutation(rows.columns)])
    assert_holds(warehouse, SEGMENTS, DAY, rows)


def _with(name: str, row: int, value: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def broken(rows: pd.DataFrame) -> pd.DataFrame:
        changed = rows.copy()
        changed[name] = changed[name].astype(object)
        changed.at[row, name] = value
        return changed

    return broken


BROKEN: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "missing column": (lambda rows: rows.drop(columns="speaker"), r"segments: columns \['speaker'\] are missing"),
    "extra column": (lambda rows: rows.assign(speakr="a"), r"segments has no column 'speakr'; did you mean 'speaker'"),
    "repeated column": (lambda rows: pd.concat([rows, rows[["text"]]], axis=1), r"segments: columns \['text'\] stand"),
    "text for a number": (_with("start_seconds", 3, "soon"), "segments, column start_seconds, row 3: 'soon'"),
    "fraction for an integer": (_with("word_count", 2, 1.5), "segments, column word_count, row 2: 1.5"),
    "fraction among whole numbers": (
        lambda rows: rows.assign(word_count=[1.0, 2.0, 3.0, 4.5, 5.0]),
        "segments, column word_count, row 3: 4.5",
    ),
    "time for a day": (
        _with("recording_date", 1, datetime(2026, 11, 3, 5, tzinfo=UTC)),
        "segments, column recording_date, row 1: datetime",
    ),
    "number for a text": (_with("text", 1, 7), "segments, column text, row 1: 7"),
    "infinity": (_with("end_seconds", 4, float("inf")), "segments, column end_seconds, row 4: infinite"),
    "NaN as a key": (_with("segment_id", 2, float("nan")), "segments, column segment_id, row 2: null"),
    "null where none may be": (_with("speaker", 0, None), "segments, column speaker, row 0: null"),
    "key given twice": (_with("segment_id", 4, "segment_id-1"), "segments, columns recording_date, segment_id, row 4"),
    "row of another day": (
        _with("recording_date", 3, date(2026, 11, 9)),
        "segments, column recording_date, row 3: 2026-11-09 does not belong",
    ),
}


@pytest.mark.parametrize("damage", BROKEN)
def test_what_breaks_the_contract_is_refused_with_its_place_and_the_old_rows_stay(
    warehouse: Warehouse, damage: str, rng: np.random.Generator
) -> None:
    rows = rows_of(SEGMENTS, DAY, 5, rng)
    warehouse.write(SEGMENTS, DAY, rows)
    breaking, message = BROKEN[damage]
    with pytest.raises(ContractError, match=message):
        warehouse.write(SEGMENTS, DAY, breaking(rows_of(SEGMENTS, DAY, 5, rng)))
    assert_holds(warehouse, SEGMENTS, DAY, rows)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_an_empty_partition_is_written_and_is_no_absent_one(
    warehouse: Warehouse, table: Table, rng: np.random.Generator
) -> None:
    assert warehouse.read(table, DAY) is None
    warehouse.write(table, DAY, empty(table))
    assert_holds(warehouse, table, DAY, empty(table))
    assert warehouse.partitions(table) == [DAY]
    warehouse.write(table, EARLIER, rows_of(table, EARLIER, 3, rng))
    warehouse.write(table, EARLIER, empty(table))
    assert_holds(warehouse, table, EARLIER, empty(table))


def test_only_the_columns_asked_for_are_read(
    warehouse: Warehouse, server: WarehouseServer, rng: np.random.Generator
) -> None:
    warehouse.write(TRANSCRIPTS, DAY, rows_of(TRANSCRIPTS, DAY, 5, rng))
    server.executed.clear()
    stored = warehouse.read(TRANSCRIPTS, DAY, ["text", "recording_id"])
    assert stored is not None
    assert list(stored.columns) == ["text", "recording_id"]
    assert not any('"WORDS"' in statement for statement in server.executed), "nor fetched"
    with pytest.raises(KeyError, match="transcripts has no column wrods"):
        warehouse.read_all(TRANSCRIPTS, [DAY], ["wrods"])


def test_a_column_that_the_contract_gains_is_null_in_older_rows(warehouse: Warehouse, rng: np.random.Generator) -> None:
    mood = Column("mood", TEXT, "What's new.", nullable=False)
    richer = replace(SENTIMENT_SCORES, columns=(*SENTIMENT_SCORES.columns, mood))
    old = rows_of(SENTIMENT_SCORES, EARLIER, 3, rng)
    warehouse.write(SENTIMENT_SCORES, EARLIER, old)
    before = warehouse.read(richer, EARLIER)
    assert before is not None
    assert before["mood"].isna().all()
    new = rows_of(richer, DAY, 4, rng)
    warehouse.write(richer, DAY, new)
    assert_holds(warehouse, richer, DAY, new)
    both = warehouse.read_all(richer, [EARLIER, DAY])
    assert both["mood"].isna().sum() == 3


def test_a_column_that_the_contract_loses_stands_in_nobodys_way(warehouse: Warehouse, rng: np.random.Generator) -> None:
    poorer = replace(SENTIMENT_SCORES, columns=SENTIMENT_SCORES.columns[:-1])
    old, new = rows_of(SENTIMENT_SCORES, EARLIER, 3, rng), rows_of(poorer, DAY, 4, rng)
    warehouse.write(SENTIMENT_SCORES, EARLIER, old)
    warehouse.write(poorer, DAY, new)
    assert_holds(warehouse, poorer, DAY, new)
    assert_holds(warehouse, SENTIMENT_SCORES, EARLIER, old)


def test_times_are_the_same_instants_in_utc_whatever_the_time_zone_around(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    time_column = Column("heard_at", pa.timestamp("us", tz="UTC"), "When it was heard.", nullable=True)
    table = replace(SENTIMENT_SCORES, name="hearings", columns=(*SENTIMENT_SCORES.columns, time_column))
    moments = [datetime(2026, 11, 3, 5, 30, 0, 1, tzinfo=UTC), None, datetime(2026, 3, 29, 2, 30, tzinfo=UTC)]
    instants = pd.to_datetime(pd.Series(moments), utc=True).dt.as_unit("us")
    rows = rows_of(SENTIMENT_SCORES, DAY, 3, rng).assign(heard_at=instants.dt.tz_convert("America/New_York"))
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        warehouse.write(table, DAY, rows)
        stored = warehouse.read(table, DAY)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert stored is not None
    stored_times = stored.sort_values("segment_id", ignore_index=True)["heard_at"]
    pd.testing.assert_series_equal(stored_times, instants, check_names=False)


def test_many_rows_come_back_whole(warehouse: Warehouse, rng: np.random.Generator) -> None:
    rows = pd.DataFrame(
        {
            "recording_date": date.fromisoformat(DAY),
            "recording_id": "a" * 64,
            "segment_id": np.char.mod("%08d", rng.permutation(MANY_ROWS)),
            "sentiment_score": rng.uniform(-1.0, 1.0, MANY_ROWS),
            "reason": None,
            "model_fingerprint": "test:1",
        }
    )
    warehouse.write(SENTIMENT_SCORES, DAY, rows)
    assert_holds(warehouse, SENTIMENT_SCORES, DAY, rows)


def test_a_range_of_partitions_is_one_input_and_an_absent_day_is_an_error(
    warehouse: Warehouse, tmp_path: Path, rng: np.random.Generator
) -> None:
    for day, count in ((EARLIER, 2), (DAY, 3)):
        warehouse.write(SEGMENTS, day, rows_of(SEGMENTS, day, count, rng))
    manager = WarehouseIOManager(warehouse=warehouse, files=Files(root=str(tmp_path)))
    window = dg.build_input_context(
        asset_key=dg.AssetKey("segments"),
        partition_key=DAY,
        asset_partition_key_range=dg.PartitionKeyRange(EARLIER, DAY),
        asset_partitions_def=DAILY,
        definition_metadata={"columns": ["recording_date", "text"]},
    )
    loaded = manager.load_input(window)
    assert list(loaded.columns) == ["recording_date", "text"]
    assert sorted(loaded["recording_date"].astype(str)) == [EARLIER] * 2 + [DAY] * 3
    with pytest.raises(ContractError, match=r"segments has no partition 2026-11-04 in .*; materialise it first"):
        warehouse.read_all(SEGMENTS, [DAY, "2026-11-04"])


def test_writers_of_one_partition_at_once_leave_one_of_theirs_whole(
    warehouse: Warehouse, rng: np.random.Generator
) -> None:
    for day in (EARLIER, DAY):  # each of them is new to all writers, then known to them
        for _ in range(2):
            batches = [rows_of(SEGMENTS, day, 4 + number, rng) for number in range(WRITERS)]
            assert _at_once([partial(warehouse.write, SEGMENTS, day, rows) for rows in batches]) == []
            stored = warehouse.read(SEGMENTS, day)
            assert stored is not None
            winner = next((rows for rows in batches if len(rows) == len(stored)), None)
            assert winner is not None, f"{len(stored)} rows are nobody's"
            assert_holds(warehouse, SEGMENTS, day, winner)


def _at_once(actions: list[Callable[[], object]]) -> list[Exception]:
    """Do all of it at the same time and return what went wrong."""
    gate, failures = threading.Barrier(len(actions)), []

    def act(action: Callable[[], object]) -> None:
        gate.wait()
        try:
            action()
        except Exception as error:  # noqa: BLE001  (a thread has nobody to raise it to)
            failures.append(error)

    threads = [threading.Thread(target=act, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures
