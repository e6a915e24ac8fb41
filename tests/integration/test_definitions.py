"""The code location loads, is what its reviewed snapshot says, and is named the same everywhere."""

import json
import tomllib
from pathlib import Path

import dagster as dg
import pytest
import yaml
from support.graph import describe

from emotion_pipeline.config.settings import Settings, load_settings
from emotion_pipeline.definitions import build_defs
from emotion_pipeline.engine.stages.tables import TABLES
from emotion_pipeline.resources.marts import PROJECT


def test_no_asset_check_job_schedule_or_sensor_changes_unseen(repository: Path) -> None:
    reviewed = yaml.safe_load((repository / "tests" / "graph.yaml").read_text(encoding="utf-8"))
    assert describe(build_defs(Settings())) == reviewed


def test_workspace_and_dg_name_the_same_module(repository: Path) -> None:
    workspace = yaml.safe_load((repository / "workspace.yaml").read_text(encoding="utf-8"))
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    modules = [entry["python_module"]["module_name"] for entry in workspace["load_from"]]
    assert modules == [project["tool"]["dg"]["project"]["code_location_target_module"]]


def test_every_table_is_an_asset_with_one_blocking_partitioned_gate() -> None:
    graph = describe(build_defs(Settings()))
    assert set(TABLES) <= set(graph["assets"])
    for table in TABLES:
        assert graph["checks"][f"{table}.gate"] == {"blocking": True, "partitioned": True}
        assert graph["assets"][table]["depends_on"] == (sorted(TABLES[table].upstream) or ["recordings"])


def test_the_graph_begins_with_the_recordings_and_ends_with_who_reads_the_marts() -> None:
    graph = describe(build_defs(Settings()))
    assert graph["outside"]["recordings"] == {"group": "source", "kinds": ["file"], "depends_on": []}
    marts = {name for name, asset in graph["assets"].items() if asset["group"] == "marts"}
    read = {mart for asset in graph["outside"].values() for mart in asset["depends_on"] if asset["group"] == "readers"}
    assert read == marts - {"time_spine"}


def test_segment_metrics_can_be_grouped_by_what_is_known_of_the_recording() -> None:
    manifest = json.loads(PROJECT.manifest_path.with_name("semantic_manifest.json").read_text(encoding="utf-8"))
    entities = {
        model["name"]: (entity["type"], entity["expr"])
        for model in manifest["semantic_models"]
        for entity in model["entities"]
        if entity["name"] == "recording"
    }
    assert {name: kind for name, (kind, _) in entities.items()} == {
        "calls": "primary",
        "recordings": "foreign",
        "segments": "foreign",
    }
    assert len({expression for _, expression in entities.values()}) == 1


def test_schedules_and_sensors_run_by_themselves_in_production_only() -> None:
    def running(settings: Settings) -> set[str]:
        graph = describe(build_defs(settings))
        return {
            name
            for kind in ("schedules", "sensors")
            for name, described in graph[kind].items()
            if described["by_default"] == "RUNNING"
        }

    erasing = {"every_night", "marts_after_retention"}
    assert running(Settings()) == erasing
    everything = {"every_morning", "every_hour", "recording_arrivals", "follow_inputs"}
    assert running(Settings(deployment="prod")) == erasing | everything


def test_every_job_schedule_and_sensor_says_when_to_use_it() -> None:
    repository = build_defs(Settings()).get_repository_def()
    jobs = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    for definition in (*jobs, *repository.schedule_defs, *repository.sensor_defs):
        assert len((definition.description or "").split()) >= 10, definition.name


def test_a_click_leads_from_a_table_or_mart_to_where_it_is_written(repository: Path) -> None:
    graph = build_defs(Settings()).get_repository_def().asset_graph
    for asset, written in {
        "tone_scores": "emotion_pipeline/assets/tone_scores.py",
        "fct_calls": "dbt_project/models/marts/fct_calls.sql",
    }.items():
        told = graph.get(dg.AssetKey(asset)).metadata["dagster/code_references"]
        assert isinstance(told, dg.CodeReferencesMetadataValue)
        [reference] = told.code_references
        assert isinstance(reference, dg.LocalFileCodeReference)
        assert Path(reference.file_path) == repository / written


@pytest.mark.parametrize("job", ["daily_emotion", "tables_only"])
def test_the_launchpad_explains_what_a_run_can_be_asked_for(job: str) -> None:
    field_of_options = build_defs(Settings()).resolve_job_def(job).resource_defs["launch"].config_field
    assert field_of_options is not None
    options = field_of_options.config_type
    assert isinstance(options, dg.Shape)
    assert set(options.fields) == {"max_recordings", "recompute"}
    for field in options.fields.values():
        assert not field.is_required
        assert len((field.description or "").split()) >= 10


def test_tables_and_marts_are_shown_as_what_the_deployment_keeps_them_in(monkeypatch: pytest.MonkeyPatch) -> None:
    def kinds() -> tuple[set[tuple[str, ...]], set[tuple[str, ...]]]:
        assets = describe(build_defs(load_settings()))["assets"]
        tables = {tuple(assets[table]["kinds"]) for table in (*TABLES, "costs")}
        return tables, {tuple(assets[mart]["kinds"]) for mart in ("fct_segments", "daily_tone_sentiment")}

    assert kinds() == ({("parquet", "python")}, {("dbt", "duckdb")})
    for name, value in {"ACCOUNT": "one", "DATABASE": "EMOTION", "SCHEMA": "ADA"}.items():
        monkeypatch.setenv(f"SNOWFLAKE_{name}", value)
    monkeypatch.setenv("EMOTION_STORAGE__BACKEND", "snowflake")
    assert kinds() == ({("python", "snowflake")}, {("dbt", "snowflake")})
