"""Whatever moment a write is cut off at, the table holds the old partition or the new one, whole, and the next write
succeeds.

The lake's writer is a real process that gets SIGKILL at each of its system calls. Snowflake's fails at each of its
statements, before Snowflake executes it or after: refused, with the connection cut, or with the writer dead. That is
each third statement, before and after in turn; ``make test-full`` takes both at each.
"""

from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from snowflake.connector.cursor import SnowflakeCursor
from support.killing import can_trace, run_to_stop
from support.thorough import EVERY, THOROUGH
from support.warehouse_server import Fault, WarehouseServer
from support.warehouses import SCHEMA, assert_holds, comparable, rows_of, snowflake

from emotion_pipeline.engine.stages.tables import SEGMENTS
from emotion_pipeline.warehouse import atomic_files as publish
from emotion_pipeline.warehouse.base import Warehouse
from emotion_pipeline.warehouse.lake import Lake

EARLIER, DAY = "2026-11-02", "2026-11-03"
KEPT = {"PUBLISHED_PARTITIONS", "SEGMENTS"}
MOMENTS = ("before", "after") if THOROUGH else ("in turn",)


class Cases:
    """One case after the other: what the next write left of one is what is to survive the following."""

    def __init__(self, rng: np.random.Generator) -> None:
        counts = ((EARLIER, 2), (DAY, 5), (DAY, 3), (DAY, 7))
        self.earlier, *self._olds, self.new = (rows_of(SEGMENTS, day, count, rng) for day, count in counts)
        self.outcomes: list[bool] = []
        """Of each case, whether the day had the new rows after the failure."""

    def begin(self, warehouse: Warehouse) -> None:
        warehouse.write(SEGMENTS, EARLIER, self.earlier)
        warehouse.write(SEGMENTS, DAY, self._olds[0])

    def judge(self, warehouse: Warehouse) -> None:
        """Assert that the day is the old or the new one, that the other is untouched, and that the next write works."""
        assert_holds(warehouse, SEGMENTS, EARLIER, self.earlier)
        stored = warehouse.read(SEGMENTS, DAY)
        assert stored is not None
        is_new = len(stored) == len(self.new)
        whole = self.new if is_new else self._olds[0]
        assert comparable(stored, SEGMENTS).equals(comparable(whole, SEGMENTS))
        self.outcomes.append(is_new)
        self._olds.reverse()
        warehouse.write(SEGMENTS, DAY, self._olds[0])
        assert_holds(warehouse, SEGMENTS, DAY, self._olds[0])

    def judge_all(self, at_least: int) -> None:
        """Assert that there were so many cases, some in which the write was done and some in which it was not."""
        assert len(self.outcomes) >= at_least
        assert {False, True} == set(self.outcomes)


@pytest.fixture
def cases(rng: np.random.Generator) -> Cases:
    return Cases(rng)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_sigkill_at_every_system_call_of_a_lake_write(
    tmp_path: Path, cases: Cases, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not can_trace():
        pytest.skip("this system does not let a process trace its children")
    monkeypatch.setattr(publish, "_ABANDONED_AFTER_S", -1.0)
    lake = Lake(root=str(tmp_path / "lake"))
    cases.begin(lake)

    def killed_at(stop: int) -> bool:
        if run_to_stop(partial(lake.write, SEGMENTS, DAY, cases.new), stop) is None:
            cases.begin(lake)
            return False
        cases.judge(lake)
        names = sorted(path.name for path in (tmp_path / "lake" / "segments").iterdir())
        assert names == [f"{EARLIER}.parquet", f"{DAY}.parquet"], "the next writer removes what a dead one left"
        return True

    calls = next(stop for stop in range(0, 100_000, 1 if THOROUGH else 7) if not killed_at(stop))
    # The last call of all comes after the publication, which calls in between need not.
    assert any(killed_at(stop) for stop in reversed(range(calls)))
    cases.judge_all(at_least=200 if THOROUGH else 30)


@pytest.mark.parametrize("when", MOMENTS)
@pytest.mark.parametrize(
    "how", ["refused", pytest.param("cut", marks=pytest.mark.full), pytest.param("dead", marks=pytest.mark.full)]
)
def test_a_failure_at_every_statement_of_a_snowflake_write(
    server: WarehouseServer,
    database: str,
    cases: Cases,
    when: Literal["before", "after", "in turn"],
    how: Literal["refused", "cut", "dead"],
) -> None:
    warehouse = snowflake(database, attempts=1, abandoned_after_hours=0.0)
    cases.begin(warehouse)
    *others, last = range(_statements_of(server, warehouse, cases))
    for number in others[::-EVERY]:  # the COMMIT is always one of them
        _fail_at(
            server,
            warehouse,
            cases.new,
            Fault(number, _moment(when, last - number), "cut" if how == "dead" else how),
            how == "dead",
        )
        if how == "refused":
            assert set(server.tables(database, SCHEMA)) == KEPT, "a writer that lives drops what it staged"
        cases.judge(warehouse)
        assert set(server.tables(database, SCHEMA)) == KEPT, "the next writer drops what a dead one staged"
    server.arm(Fault(last, _moment(when, 0), "refused"))
    warehouse.write(SEGMENTS, DAY, cases.new)  # is done by now: only its staging table is left to somebody else
    cases.judge(warehouse)
    assert set(server.tables(database, SCHEMA)) == KEPT
    cases.judge_all(at_least=17 // EVERY)


def _moment(when: Literal["before", "after", "in turn"], from_the_end: int) -> Literal["before", "after"]:
    if when == "in turn":
        return "after" if from_the_end % 2 else "before"
    return when


def _statements_of(server: WarehouseServer, warehouse: Warehouse, cases: Cases) -> int:
    server.executed.clear()
    cases.begin(warehouse)
    return len(server.executed) // 2


def _fail_at(server: WarehouseServer, warehouse: Warehouse, rows: pd.DataFrame, fault: Fault, dies: bool) -> None:
    """Write, with a statement that fails; a writer that dies sends nothing more from then on."""
    server.arm(fault)
    with pytest.MonkeyPatch.context() as patch:
        if dies:
            patch.setattr(SnowflakeCursor, "execute", _dead_after_a_failure(SnowflakeCursor.execute))
        with pytest.raises(BaseException, match=r"internal error|Connection broken|the writer is dead"):
            warehouse.write(SEGMENTS, DAY, rows)
    server.arm(None)


class WriterIsDead(BaseException):
    """What nothing in the writer handles: it stands for the end of its process."""


def _dead_after_a_failure(execute):  # type: ignore[no-untyped-def]
    dead = []

    def executing(*arguments, **options):  # type: ignore[no-untyped-def]
        if dead:
            raise WriterIsDead("the writer is dead")
        try:
            return execute(*arguments, **options)
        except Exception as error:
            dead.append(error)
            raise WriterIsDead("the writer is dead") from error

    return executing


@pytest.mark.full
def test_a_connection_that_is_cut_at_any_statement_is_made_again(
    server: WarehouseServer, database: str, cases: Cases
) -> None:
    warehouse = snowflake(database, attempts=2)
    cases.begin(warehouse)
    for number in range(0, _statements_of(server, warehouse, cases), EVERY):
        server.arm(Fault(number, _moment("in turn", number), "cut"))
        warehouse.write(SEGMENTS, DAY, cases.new)
        server.arm(None)
        cases.judge(warehouse)
    assert all(cases.outcomes)


def test_what_cannot_pass_is_not_tried_again(server: WarehouseServer, database: str, cases: Cases) -> None:
    warehouse = snowflake(database, attempts=3)
    cases.begin(warehouse)
    server.executed.clear()
    _fail_at(server, warehouse, cases.new, Fault(2, "before", "refused"), dies=False)
    assert len(server.executed) == 3


def test_young_staging_tables_of_other_writers_stay(server: WarehouseServer, database: str, cases: Cases) -> None:
    warehouse = snowflake(database, abandoned_after_hours=1.0)
    cases.begin(warehouse)
    young, old, foreign = f"STAGING_9999999999_{'A' * 32}", f"STAGING_1700000000_{'B' * 32}", "STAGING_AREA"
    with server.connect() as connection, connection.cursor() as cursor:
        for name in (young, old, foreign):
            cursor.execute(f'CREATE TABLE "{database}"."{SCHEMA}"."{name}" ("A" VARCHAR)')
    warehouse.write(SEGMENTS, DAY, cases.new)
    assert set(server.tables(database, SCHEMA)) == KEPT | {young, foreign}
