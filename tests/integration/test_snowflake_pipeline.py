"""The pipeline with its tables in Snowflake: the same rows as in the lake, and branches in schemas of their own."""

from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest
from dagster_snowflake import SnowflakeResource
from support.pipeline import Pipeline
from support.warehouse_server import WarehouseServer
from support.warehouses import assert_holds, comparable, rows_of

from emotion_pipeline.config.settings import ConfigurationError, load_settings
from emotion_pipeline.definitions import build_defs
from emotion_pipeline.engine.common.errors import ContractError
from emotion_pipeline.engine.stages.tables import SEGMENTS, SENTIMENT_SCORES, TABLES
from emotion_pipeline.warehouse.choice import warehouse_of

EARLIER, DAY = "2026-11-02", "2026-11-03"


@pytest.mark.full
def test_the_real_job_makes_the_same_rows_as_with_the_lake_and_marts_of_them(
    server: WarehouseServer, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNOWFLAKE_SCHEMA", "ADA")
    lake, snowflake = Pipeline(tmp_path / "a"), Pipeline(tmp_path / "b", backend="snowflake")
    for pipeline, job in ((lake, "tables_only"), (snowflake, "daily_emotion")):
        pipeline.drop_speech(DAY, "call.flac")
        run = pipeline.run(DAY, job=job)
        assert run.success
    [calls] = [made for made in run.get_asset_materialization_events() if made.asset_key == dg.AssetKey("fct_calls")]
    assert "| masked_anger_segments | fct_segments.masked, fct_segments.tone |" in str(
        calls.materialization.metadata["made_from"].value
    )
    kept = warehouse_of(snowflake.settings)
    for name, table in TABLES.items():
        stored = kept.read(table, DAY)
        assert stored is not None
        differing = [column for column in ("source_uri", "source_version") if column in table.column_names]
        expected = lake.rows(name, DAY).assign(**{column: stored[column].to_numpy() for column in differing})
        assert comparable(stored, table).equals(comparable(expected, table))
    texts = lake.rows("segments", DAY).sort_values("segment_index")["text"].tolist()
    assert _column(server, f"text from {database}.MARTS_ADA.FCT_SEGMENTS order by segment_index") == texts
    again = snowflake.run(DAY)
    assert again.success
    made = [event.materialization for event in again.get_asset_materialization_events()]
    computed = [table.metadata["computed"].value for table in made if table.asset_key.path[-1] in TABLES]
    assert computed == [0] * len(TABLES), "rows of the last run are taken over"


def _column(server: WarehouseServer, what: str) -> list[Any]:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"select {what}")
        return [value for (value,) in cursor.fetchall()]


def test_a_branch_begins_with_the_rows_of_production_and_changes_only_its_own(
    server: WarehouseServer, database: str, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    monkeypatch.setenv("EMOTION_STORAGE__BACKEND", "snowflake")
    monkeypatch.setenv("EMOTION_DEPLOYMENT", "prod")
    with server.connect() as connection:
        connection.cursor().execute(f"CREATE SCHEMA {database}.EMOTION")
    production = warehouse_of(load_settings())
    rows, others = rows_of(SEGMENTS, DAY, 4, rng), rows_of(SEGMENTS, DAY, 6, rng)
    production.write(SEGMENTS, DAY, rows)
    monkeypatch.setenv("EMOTION_DEPLOYMENT", "branch")
    monkeypatch.setenv("EMOTION_BRANCH", "feature/tone")
    branch = warehouse_of(load_settings())
    assert_holds(branch, SEGMENTS, DAY, rows)
    branch.write(SEGMENTS, DAY, others)
    branch.write(SENTIMENT_SCORES, DAY, rows_of(SENTIMENT_SCORES, DAY, 2, rng))
    assert_holds(production, SEGMENTS, DAY, rows)
    assert production.partitions(SENTIMENT_SCORES) == []
    assert_holds(warehouse_of(load_settings()), SEGMENTS, DAY, others)  # a later run goes on with the branch's own


def test_a_schema_of_production_that_nobody_set_up_is_not_made_up(
    database: str, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    monkeypatch.setenv("EMOTION_STORAGE__BACKEND", "snowflake")
    monkeypatch.setenv("EMOTION_DEPLOYMENT", "prod")
    production = warehouse_of(load_settings())
    assert production.read(SEGMENTS, DAY) is None
    with pytest.raises(Exception, match="EMOTION"):
        production.write(SEGMENTS, DAY, rows_of(SEGMENTS, DAY, 1, rng))


@pytest.mark.usefixtures("database")
def test_a_type_that_the_contract_changed_is_an_error_and_no_silent_conversion(
    server: WarehouseServer, database: str, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    monkeypatch.setenv("SNOWFLAKE_SCHEMA", "ADA")
    monkeypatch.setenv("EMOTION_STORAGE__BACKEND", "snowflake")
    with server.connect() as connection:
        connection.cursor().execute(f"CREATE SCHEMA {database}.ADA")
        connection.cursor().execute(f'CREATE TABLE {database}.ADA.SEGMENTS ("START_SECONDS" VARCHAR)')
    with pytest.raises(
        ContractError, match=r"segments, column start_seconds: .*ADA has it as TEXT, the contract as FLOA"
    ):
        warehouse_of(load_settings()).write(SEGMENTS, DAY, rows_of(SEGMENTS, DAY, 1, rng))


def test_the_code_location_loads_with_snowflake_and_shows_no_secret(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOTION_STORAGE__BACKEND", "snowflake")
    with pytest.raises(ConfigurationError, match="SNOWFLAKE_SCHEMA"):
        build_defs(load_settings())
    monkeypatch.setenv("SNOWFLAKE_SCHEMA", "ADA")
    definitions = build_defs(load_settings())
    assert [job.name for job in definitions.get_repository_def().get_all_jobs() if not job.name.startswith("__")] == [
        "daily_emotion",
        "health",
        "marts_only",
        "retention",
        "tables_only",
    ]
    shown = [
        str(resource.model_dump())
        for resource in (definitions.resources or {}).values()
        if isinstance(resource, dg.ConfigurableResource)
    ]
    assert any(database in text for text in shown)
    assert not any("l0velace" in text for text in shown)


def test_an_asset_of_a_user_queries_the_tables_through_the_resource(
    server: WarehouseServer, database: str, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    monkeypatch.setenv("SNOWFLAKE_SCHEMA", "ADA")
    monkeypatch.setenv("EMOTION_STORAGE__BACKEND", "snowflake")
    settings = load_settings()
    warehouse_of(settings).write(SEGMENTS, DAY, rows_of(SEGMENTS, DAY, 3, rng))

    @dg.asset
    def segment_count(snowflake: SnowflakeResource) -> int:
        with snowflake.get_connection() as connection, connection.cursor() as cursor:
            cursor.execute("select count(*) from segments")
            [(count,)] = cursor.fetchall()
        return count

    definitions = dg.Definitions.merge(build_defs(settings), dg.Definitions(assets=[segment_count]))
    run = dg.materialize(
        [segment_count], resources={"snowflake": (definitions.resources or {})["snowflake"]}, raise_on_error=True
    )
    assert run.output_for_node("segment_count") == 3
    monkeypatch.delenv("SNOWFLAKE_PASSWORD")
    with pytest.raises(dg.DagsterResourceFunctionError) as failure:
        dg.materialize([segment_count], resources={"snowflake": (definitions.resources or {})["snowflake"]})
    assert isinstance(failure.value.__cause__, ConfigurationError)
