"""The marts of Snowflake as the dashboard asks them: copied into a DuckDB file, whole, in the types of the contract."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from support.warehouse_server import WarehouseServer
from support.warehouses import SCHEMA, new_database, snowflake

from emotion_pipeline.warehouse.snowflake.marts_copy import copy_marts, state_of
from emotion_pipeline.warehouse.snowflake.warehouse import SnowflakeWarehouse, execute


@pytest.fixture(scope="module")
def warehouse() -> Iterator[SnowflakeWarehouse]:
    with WarehouseServer() as server:
        database = new_database(server)
        with server.as_settings(database, SCHEMA=SCHEMA):
            yield snowflake(database)


def _make(warehouse: SnowflakeWarehouse, mart: str, rows: str) -> None:
    place = f"{warehouse.database}.MARTS_{SCHEMA}"
    for statement in (f"CREATE SCHEMA IF NOT EXISTS {place}", f"CREATE OR REPLACE TABLE {place}.{mart} AS {rows}"):
        warehouse.ask(lambda session, statement=statement: execute(session, statement))


def test_a_copy_holds_what_the_mart_holds_in_the_same_types(warehouse: SnowflakeWarehouse, tmp_path: Path) -> None:
    _make(
        warehouse,
        "FCT_CALLS",
        """SELECT '2026-11-02'::DATE AS recording_date, 'r' AS recording_id, 7::NUMBER(38, 0) AS turns, 0.5::FLOAT AS
        talk_share, TRUE AS escalated, '{"queue": "sales"}' AS attributes""",
    )
    copy = tmp_path / "marts.duckdb"
    before = state_of(warehouse)
    copy_marts(warehouse, copy)
    _make(warehouse, "REVIEW_QUEUE", "SELECT '2026-11-02'::DATE AS recording_date, 'r' AS recording_id WHERE FALSE")
    assert state_of(warehouse) != before
    copy_marts(warehouse, copy)
    with duckdb.connect(str(copy), read_only=True) as marts:
        columns = {name: kind for name, kind, *_ in marts.execute("describe fct_calls").fetchall()}
        assert columns == {
            "recording_date": "DATE",
            "recording_id": "VARCHAR",
            "turns": "BIGINT",
            "talk_share": "DOUBLE",
            "escalated": "BOOLEAN",
            "attributes": "VARCHAR",
        }
        assert marts.execute("select turns, attributes from fct_calls").fetchall() == [(7, '{"queue": "sales"}')]
        assert marts.execute("select count(*) from review_queue").fetchall() == [(0,)]


def test_a_copy_that_fails_leaves_the_old_one(warehouse: SnowflakeWarehouse, tmp_path: Path) -> None:
    copy = tmp_path / "marts.duckdb"
    copy.write_bytes(b"the old one")
    elsewhere = SnowflakeWarehouse("NOWHERE", SCHEMA, attempts=1)
    with pytest.raises(Exception, match=r"NOWHERE"):
        copy_marts(elsewhere, copy)
    assert copy.read_bytes() == b"the old one"
