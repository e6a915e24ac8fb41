"""A recording that is erased is gone: no byte of it and no word is left in any file, and nothing else changed."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from support.filling import frames
from support.pipeline import QUIET, Pipeline
from support.warehouse_server import WarehouseServer
from support.warehouses import new_database
from typer.testing import CliRunner

from emotion_pipeline.api.jobs.database import migrate, open_database
from emotion_pipeline.api.jobs.store import JobStore, NewJob, request_digest
from emotion_pipeline.cli.app import app
from emotion_pipeline.config.service_settings import Api, ApiSecrets, Jobs, Webhooks
from emotion_pipeline.config.settings import Settings
from emotion_pipeline.definitions import build_defs
from emotion_pipeline.engine.stages.tables import SEGMENTS, TABLES
from emotion_pipeline.warehouse.base import Warehouse
from emotion_pipeline.warehouse.choice import warehouse_of
from emotion_pipeline.warehouse.files import Files
from emotion_pipeline.warehouse.reviews import Label, add_review

DAY, LATER = "2020-01-02", "2020-01-03"
WORDS, OTHER_WORDS = "quetzalcoatl owes me a refund", "vladivostok is lovely in spring"
AUDIO, OTHER_AUDIO = b"the samples of a voice " * 40, b"the samples of another " * 40


def _fill(warehouse: Warehouse, files: Files, api: Path) -> tuple[str, str]:
    """Store two recordings of one day everywhere where a recording may be stored, and return their ids."""
    made = frames(DAY, recordings=2, segments=2)
    ids = sorted(set(made["raw_audio"]["recording_id"]))
    words = dict(zip(ids, (WORDS, OTHER_WORDS), strict=True))
    for name, frame in made.items():
        for column in {"text", "transcript"} & set(frame.columns):
            frame[column] = frame["recording_id"].map(words)
        warehouse.write(TABLES[name], DAY, frame)
    for segment in made["segments"].drop_duplicates("recording_id").to_dict("records"):
        add_review(warehouse, segment["segment_id"], Label("ada", note=segment["text"]), DAY)
    for recording, audio in zip(ids, (AUDIO, OTHER_AUDIO), strict=True):
        for uri in (files.audio_uri(recording), files.silenced_uri(recording)):
            with files.audio_draft(uri) as draft:
                draft.write_bytes(audio)
        files.checkpoints(recording).write("window-0.json", words[recording])
    files.hold(SEGMENTS, DAY, made["segments"])
    files.hold(SEGMENTS, LATER, made["segments"][made["segments"]["recording_id"] == ids[0]])
    engine = open_database(Api(folder=api), ApiSecrets())
    migrate(engine, api)
    store = JobStore(engine, Jobs(), Webhooks())
    for recording in ids:
        (api / "uploads").mkdir(exist_ok=True)
        (api / "uploads" / recording).write_bytes(AUDIO if recording == ids[0] else OTHER_AUDIO)
        store.add(NewJob("alice", "call.wav", upload=recording, request_digest=request_digest(recording, None)))
        _, claim = store.claim() or pytest.fail("the job is there")
        store.succeed(claim, json.dumps({"transcript": words[recording]}), 1.0)
    engine.dispose()
    return ids[0], ids[1]


def _leftovers(root: Path, *contents: bytes) -> list[str]:
    """Return the files below a folder that hold any of these bytes, Parquet and DuckDB read as tables, too."""
    found = []
    for path in root.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            if path.suffix == ".parquet":
                with duckdb.connect() as connection:
                    content += str(connection.execute("from read_parquet(?)", [str(path)]).fetchall()).encode()
            if path.suffix == ".duckdb":
                with duckdb.connect(str(path), read_only=True) as connection:
                    names = connection.execute("select table_name from information_schema.tables").fetchall()
                    content += str([connection.sql(f'from "{name}"').fetchall() for (name,) in names]).encode()
            found += [str(path.relative_to(root)) for secret in contents if secret in content]
    return sorted(found)


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    pipeline = Pipeline(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMOTION_STORAGE__ROOT", pipeline.settings.storage.root)
    monkeypatch.setenv("EMOTION_STORAGE__MARTS", str(pipeline.settings.storage.marts))
    monkeypatch.setenv("EMOTION_API__FOLDER", str(tmp_path / "api"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    with pipeline.instance():
        pass
    return pipeline


def _build_marts() -> None:
    subprocess.run([sys.executable, "-m", "emotion_pipeline.cli.in_process"], check=True, capture_output=True)


def _erase(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["erase", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_nothing_of_an_erased_recording_is_left_and_all_of_the_other(deployment: Pipeline) -> None:
    person, other = _fill(deployment.lake, Files(deployment.settings.storage.root), deployment.folder / "api")
    with duckdb.connect(str(deployment.settings.storage.marts)) as marts:
        marts.execute("create table fct_segments as select ? as text", [WORDS])
    everywhere = _leftovers(deployment.folder, WORDS.encode(), AUDIO)
    places = (
        "api/jobs.db",
        "api/uploads",
        "lake/audio",
        "lake/silenced",
        "lake/unfinished",
        "lake/held",
        "lake/segments",
    )
    for place in (*places, "lake/transcripts", "lake/tone_sentiment", "marts.duckdb"):
        assert any(file.startswith(place) for file in everywhere), place

    shown = _erase("--recording", person)
    assert "nothing was erased yet" in shown
    assert _leftovers(deployment.folder, WORDS.encode(), AUDIO) == everywhere, "a dry run changes nothing"

    others = [*_leftovers(deployment.folder, OTHER_WORDS.encode(), OTHER_AUDIO), "marts.duckdb"]
    _erase("--recording", person, "--yes")
    assert _leftovers(deployment.folder, WORDS.encode(), AUDIO) == []
    assert _leftovers(deployment.folder, OTHER_WORDS.encode(), OTHER_AUDIO) == sorted(others)
    for name in TABLES:
        assert set(deployment.rows(name, DAY)["recording_id"]) == {other}
    [record] = (deployment.folder / "lake" / "erasures").iterdir()
    logged = json.loads(record.read_text(encoding="utf-8"))
    assert logged["chosen"]["recordings"] == [person]
    assert logged["rows"]["segments"] == {DAY: 2}
    assert f"{person}.wav" not in record.read_text(encoding="utf-8"), "a name may name a person"
    assert "0 files and refused batches, 0 jobs" in _erase("--recording", person, "--yes")


def test_a_recording_is_erased_by_the_name_under_which_it_was_taken_in(deployment: Pipeline) -> None:
    person, _ = _fill(deployment.lake, Files(deployment.settings.storage.root), deployment.folder / "api")
    shown = _erase("--file", f"{person}.wav", "--yes")
    assert f"{DAY}/{person}.wav may still be at its source" in shown
    assert _leftovers(deployment.folder, WORDS.encode(), AUDIO) == []
    result = CliRunner().invoke(app, ["erase", "--file", "nobody.wav"])
    assert "nothing was taken in under this name" in str(result.exception)


def test_retention_erases_old_days_and_keeps_what_new_days_still_have(deployment: Pipeline) -> None:
    files = Files(deployment.settings.storage.root)
    _, other = _fill(deployment.lake, files, deployment.folder / "api")
    today = datetime.now(UTC).date().isoformat()
    for name, frame in frames(today, 2, 2).items():
        deployment.lake.write(TABLES[name], today, frame[frame["recording_id"] == other])
    for path in deployment.folder.rglob("*.flac"):
        os.utime(path, (0, 0))
    assert _retain(deployment, keep_days=30_000)
    assert len(deployment.rows("segments", DAY)) == 4, "the day is not that old"

    assert _retain(deployment, keep_days=30)
    assert all(deployment.rows(name, DAY).empty for name in TABLES)
    assert len(deployment.rows("segments", today)) == 2
    kept = sorted(path.stem for path in (deployment.folder / "lake" / "audio").rglob("*.flac"))
    assert kept == [other], "a new day has it, too"


def _retain(deployment: Pipeline, keep_days: int) -> bool:
    job = build_defs(_keeping(deployment, keep_days)).resolve_job_def("retention")
    with deployment.instance() as instance:
        return job.execute_in_process(instance=instance, run_config=QUIET).success


def _keeping(deployment: Pipeline, keep_days: int | None) -> Settings:
    storage = deployment.settings.storage.model_copy(update={"keep_days": keep_days})
    return deployment.settings.model_copy(update={"storage": storage})


def test_every_night_asks_for_an_erasure_only_where_a_retention_is_set(deployment: Pipeline) -> None:
    for keep_days, expected in ((None, dg.SkipReason), (30, dg.RunRequest)):
        definitions = build_defs(_keeping(deployment, keep_days))
        repository = definitions.get_repository_def()
        schedule = repository.get_schedule_def("every_night")
        resources = {"retention": (definitions.resources or {})["retention"]}
        with dg.build_schedule_context(resources=resources) as context:
            assert isinstance(schedule(context), expected)


@pytest.mark.full
def test_in_snowflake_the_rows_are_gone_from_tables_and_marts(
    deployment: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    with WarehouseServer() as server:
        database = new_database(server)
        with server.as_settings(database):
            monkeypatch.setenv("SNOWFLAKE_SCHEMA", "ADA")
            monkeypatch.setenv("EMOTION_STORAGE__BACKEND", "snowflake")
            settings = Pipeline(deployment.folder, backend="snowflake").settings
            person, other = _fill(warehouse_of(settings), Files(settings.storage.root), deployment.folder / "api")
            _build_marts()
            _erase("--recording", person, "--yes")
            with server.connect() as connection, connection.cursor() as cursor:
                for table in (
                    "ADA.SEGMENTS",
                    "ADA.TONE_SENTIMENT",
                    "MARTS_ADA.FCT_SEGMENTS",
                    "MARTS_ADA.FCT_RECORDINGS",
                ):
                    cursor.execute(f"select distinct recording_id from {database}.{table}")
                    assert cursor.fetchall() == [(other,)], table
    assert _leftovers(deployment.folder, WORDS.encode(), AUDIO) == []
