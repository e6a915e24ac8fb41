"""The marts that BI tools read: what they hold after two days, and that a rebuild takes them from nobody."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
from filelock import FileLock
from support.pipeline import QUIET, REPOSITORY, Pipeline
from support.s3_server import S3Server

from emotion_pipeline.engine.stages.tables import RAW_AUDIO, REVIEWS, STORED, TABLES
from emotion_pipeline.engine.tone.timeline import tone_timeline
from emotion_pipeline.schema.dictionary import dictionary
from emotion_pipeline.warehouse.reviews import Label, add_review

FIRST, SECOND = "2026-11-02", "2026-11-03"
MARTS = ("fct_segments", "fct_recordings", "daily_tone_sentiment")
DBT = Path(sys.executable).with_name("dbt")


def _build(pipeline: Pipeline, day: str = "", raise_on_error: bool = False) -> dg.ExecuteInProcessResult:
    """Build all marts, as a run of one day does or as one of all days."""
    with pipeline.instance() as instance:
        return pipeline.definitions.resolve_job_def("marts_only").execute_in_process(
            instance=instance,
            run_config=QUIET,
            raise_on_error=raise_on_error,
            tags={"dagster/partition": day} if day else None,
        )


def _query(pipeline: Pipeline, sql: str) -> list[dict[str, Any]]:
    with duckdb.connect(str(pipeline.settings.storage.marts), read_only=True) as marts:
        return marts.sql(sql).to_df().to_dict("records")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """A day with an upload that went wrong, a day of which the models are unsure, and the marts of both."""
    pipeline = Pipeline(tmp_path_factory.mktemp("marts"))
    pipeline.drop_speech(FIRST, "call.flac", seconds=4.0)
    pipeline.drop(FIRST, "broken.wav", b"")
    pipeline.drop(FIRST, "manifest.csv", b"uri,Agent,queue\ncall.flac,7,sales\n")
    pipeline.drop_speech(SECOND, "call.flac", start=8.0, seconds=4.0)
    assert pipeline.run(FIRST).success
    assert pipeline.run(SECOND).success
    for table, unsure in (("emotion_labels", "uncertain"), ("tone_scores", "tone_uncertain")):
        pipeline.overwrite(TABLES[table], SECOND, pipeline.rows(table, SECOND).assign(**{unsure: True}))
    assert _build(pipeline, raise_on_error=True).success
    return pipeline


@pytest.fixture
def pipeline(pristine: Pipeline, tmp_path: Path) -> Pipeline:
    """A copy for one test to change."""
    shutil.copytree(pristine.folder, tmp_path / "deployment")
    return Pipeline(tmp_path / "deployment")


# A BI tool that holds the marts open, or one that opens them for every question; says what it saw, and after how long.
READER = """
import sys, time, duckdb, pathlib
path, stop, holds = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3] == "hold"
question = "select (select count(*) from fct_recordings), (select sum(recordings_found) from daily_tone_sentiment)"
marts = duckdb.connect(path, read_only=True)
print("ready", flush=True)
while not stop.exists():
    asked = time.monotonic()
    if not holds:
        marts.close()
        marts = duckdb.connect(path, read_only=True)
    print(*marts.execute(question).fetchone(), time.monotonic() - asked, flush=True)
    time.sleep(0.25)  # two readers in a hurry would take the cores from the run
"""

Answers = list[tuple[int, ...]]
# Less than a build takes, and more than a question does on a busy machine.
LONGEST_WAIT_S = 5.0


@contextmanager
def _reading(path: Path, folder: Path, how: str) -> Iterator[Answers]:
    """Let another process ask the same question again and again, and give its answers when it has ended."""
    answers: Answers = []
    stop = folder / f"stop-{how}"
    command = [sys.executable, "-c", READER, str(path), str(stop), how]
    with (folder / f"answers-{how}").open("w+") as printed:
        with subprocess.Popen(command, stdout=printed, stderr=subprocess.PIPE, text=True) as reader:
            try:
                yield answers
            finally:
                stop.touch()
                _, errors = reader.communicate(timeout=60)
        assert reader.returncode == 0, errors
        printed.seek(0)
        lines = printed.read().splitlines()
    assert lines[0] == "ready"
    answers += [tuple(int(number) for number in line.split()[:2]) for line in lines[1:]]
    assert max(float(line.split()[2]) for line in lines[1:]) < LONGEST_WAIT_S, "a reader had to wait for a build"


def test_every_mart_tells_how_many_rows_it_has(pristine: Pipeline) -> None:
    with pristine.instance() as instance:
        for mart in (*MARTS, "fct_costs"):
            event = instance.get_latest_materialization_event(dg.AssetKey(mart))
            assert event is not None
            assert event.asset_materialization is not None
            metadata = {name: value.value for name, value in event.asset_materialization.metadata.items()}
            assert metadata["dagster/row_count"] == _query(pristine, f"select count(*) as n from {mart}")[0]["n"]


def _origins(pipeline: Pipeline, asset: str) -> dict[str, set[str]]:
    """Return what each column of an asset is made from, as table.column, as the last materialisation told it."""
    with pipeline.instance() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(asset))
    assert event is not None
    assert event.asset_materialization is not None
    lineage = event.asset_materialization.metadata["dagster/column_lineage"].value
    assert isinstance(lineage, dg.TableColumnLineage)
    return {
        column: {f"{dep.asset_key.to_user_string()}.{dep.column_name}" for dep in deps}
        for column, deps in lineage.deps_by_column.items()
    }


def test_every_column_of_a_mart_can_be_followed_to_a_table(pristine: Pipeline) -> None:
    calls = _origins(pristine, "fct_calls")
    assert calls["agent_words_per_minute"] == {
        "stg_conversation_metrics.talk_seconds",
        "stg_conversation_metrics.word_count",
    }
    assert calls["masked_anger_segments"] == {"fct_segments.masked", "fct_segments.tone"}
    assert calls["segment_count"] == set(), "rows are counted, whatever they hold"
    with pristine.instance() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("fct_calls"))
    assert event is not None
    assert event.asset_materialization is not None
    table = str(event.asset_materialization.metadata["made_from"].value)
    assert "| masked_anger_segments | fct_segments.masked, fct_segments.tone |" in table
    assert _origins(pristine, "stg_raw_audio")["recording_seconds"] == {"raw_audio.seconds"}


def test_what_a_column_is_made_from_is_there_in_every_model(pristine: Pipeline) -> None:
    held = {
        row["name"]
        for row in _query(pristine, "select table_name || '.' || column_name as name from information_schema.columns")
    }
    held |= {f"{table.name}.{column}" for table in (*STORED.values(), REVIEWS) for column in table.column_names}
    models = [
        key.to_user_string()
        for key in pristine.definitions.resolve_job_def("marts_only").asset_layer.executable_asset_keys
    ]
    for model in models:
        origins = _origins(pristine, model)
        assert {f"{model}.{column}" for column in origins} == {name for name in held if name.startswith(f"{model}.")}
        assert set().union(*origins.values()) <= held


def test_every_file_of_every_day_is_one_row_and_a_rejected_one_says_why(pristine: Pipeline) -> None:
    rows = _query(pristine, "select * from fct_recordings order by recording_date, file")
    assert [(str(row["recording_date"])[:10], row["file"], row["status"]) for row in rows] == [
        (FIRST, "broken.wav", "rejected"),
        (FIRST, "call.flac", "accepted"),
        (SECOND, "call.flac", "accepted"),
    ]
    broken, call = rows[0], rows[1]
    assert (broken["reason"], broken["emotion"], broken["transcript"]) == ("empty_file", None, None)
    result = pristine.rows("tone_sentiment", FIRST).query("scope == 'recording'").iloc[0]
    for column in ("emotion", "emotion_score", "transcript", "sentiment_score", "tone_sentiment_match"):
        assert call[column] == result[column]


def test_every_segment_is_one_row_with_all_its_judgements(pristine: Pipeline) -> None:
    rows = _query(pristine, "select * from fct_segments order by recording_date, recording_id, segment_index")
    expected = [segment_id for day in (FIRST, SECOND) for segment_id in pristine.rows("segments", day)["segment_id"]]
    assert [row["segment_id"] for row in rows] == expected
    assert len(set(expected)) == len(expected) >= 2
    tones = [tone for day in (FIRST, SECOND) for tone in pristine.rows("tone_scores", day)["tone"]]
    assert [row["tone"] for row in rows] == tones
    judged = ("tone", "base_emotion", "sentiment_score", "tone_sentiment_match", "tone_fingerprint")
    assert all(row[column] is not None for row in rows for column in judged)


def test_the_timeline_of_a_speaker_is_the_one_that_the_engine_draws(pristine: Pipeline) -> None:
    rows = _query(pristine, "select * from tone_timeline order by recording_date, recording_id, speaker, minute")
    expected = [
        row
        for day in (FIRST, SECOND)
        for row in tone_timeline(pristine.rows("segments", day), pristine.rows("tone_scores", day)).to_dict("records")
    ]
    assert len(rows) == len(expected) >= 2
    for row, expected_row in zip(rows, expected, strict=True):
        assert [row[name] for name in ("recording_id", "speaker", "minute", "tone")] == [
            expected_row[name] for name in ("recording_id", "speaker", "step", "tone")
        ]
        assert row["spoken_seconds"] == pytest.approx(expected_row["spoken_seconds"])
        assert row["probability_neutral"] == pytest.approx(expected_row["probability_neutral"])


def test_calls_are_grouped_by_a_column_of_the_manifest(pristine: Pipeline) -> None:
    queue = "json_extract_path_text(attributes, 'queue')"
    rows = _query(pristine, f"select {queue} as queue, count(*) as calls from fct_calls group by 1 order by 1")
    assert [(row["queue"], row["calls"]) for row in rows] == [("sales", 1), (None, 1)]


def test_calls_turns_and_roles_say_what_the_metrics_say(pristine: Pipeline) -> None:
    metrics = pristine.rows("conversation_metrics", FIRST)
    whole = metrics[metrics["scope"] == "recording"].iloc[0]
    [call] = _query(pristine, f"from fct_calls where recording_date = date '{FIRST}'")
    for column in ("turns", "talk_share", "interruptions", "loudness_lufs", "sentiment_score", "escalated"):
        assert call[column] == pytest.approx(whole[column])
    turns = _query(pristine, f"from fct_turns where recording_date = date '{FIRST}' order by turn_index")
    assert len(turns) == call["turns"]
    assert sum(turn["word_count"] for turn in turns) == call["word_count"]
    assert {turn["audio_uri"] for turn in turns} == {call["audio_uri"]}
    roles = _query(pristine, f"from speaker_day where recording_date = date '{FIRST}'")
    assert sum(role["speakers"] for role in roles) == call["speaker_count"]
    [week] = _query(pristine, "from weekly_trend")
    assert week["calls"] == 2


def test_a_segment_leaves_the_queue_when_it_was_reviewed(pipeline: Pipeline) -> None:
    queue = _query(pipeline, f"from review_queue where recording_date = date '{SECOND}' order by priority desc")
    assert queue
    add_review(pipeline.lake, queue[0]["segment_id"], Label("ada", tone="happy"), SECOND)
    assert _build(pipeline, day=SECOND).success
    left = _query(pipeline, f"from review_queue where recording_date = date '{SECOND}'")
    assert {row["segment_id"] for row in left} == {row["segment_id"] for row in queue[1:]}
    [review] = _query(pipeline, "from fct_reviews")
    assert (review["reviewer"], review["tone"], review["model_tone"]) == ("ada", "happy", queue[0]["tone"])


@pytest.mark.full
def test_metrics_of_segments_are_asked_by_day_and_what_is_known_of_calls(pristine: Pipeline, tmp_path: Path) -> None:
    project = tmp_path / "dbt_project"
    shutil.copytree(REPOSITORY / "dbt_project", project, ignore=shutil.ignore_patterns("target", "logs"))
    variables = {**os.environ, "DBT_PROFILES_DIR": str(project), "LAKE_ROOT": pristine.settings.storage.root}
    variables["MARTS_PATH"] = str(shutil.copy(pristine.settings.storage.marts, tmp_path))  # it locks the file
    asked = ["--metrics", "segments_judged_count,recordings_accepted", "--csv", str(tmp_path / "answer.csv")]
    by = ["--group-by", "metric_time__day,recording__queue,recording__language"]
    for command in ([DBT, "--quiet", "parse"], [DBT.with_name("mf"), "query", *asked, *by]):
        done = subprocess.run(command, cwd=project, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    rows = pd.read_csv(tmp_path / "answer.csv").dropna(subset="recording__language")
    answers = {row["metric_time__day"][:10]: row for row in rows.to_dict("records")}
    assert (answers[FIRST]["recording__queue"], answers[FIRST]["recordings_accepted"]) == ("sales", 1)
    judged = "select recording_date::varchar as day, count(tone_sentiment_match) as judged from fct_segments group by 1"
    counts = {row["day"]: row["judged"] for row in _query(pristine, judged)}
    assert {day: row["segments_judged_count"] for day, row in answers.items()} == counts


def test_there_is_one_row_per_day_that_counts_its_files_and_segments(pristine: Pipeline) -> None:
    rows = _query(pristine, "select * from daily_tone_sentiment order by recording_date")
    assert [str(row["recording_date"])[:10] for row in rows] == [FIRST, SECOND]
    assert [row["recordings_found"] for row in rows] == [2, 1]
    assert [row["recordings_rejected"] for row in rows] == [1, 0]
    assert [row["audio_seconds"] for row in rows] == pytest.approx([4.0, 4.0])
    assert [row["segment_count"] for row in rows] == [len(pristine.rows("segments", day)) for day in (FIRST, SECOND)]


def test_a_build_whose_data_tests_fail_leaves_the_old_marts_as_they_were(pipeline: Pipeline) -> None:
    marts = pipeline.settings.storage.marts
    before = marts.read_bytes()
    pipeline.overwrite(RAW_AUDIO, SECOND, pipeline.rows("raw_audio", SECOND).iloc[[0, 0]])

    run = _build(pipeline)

    assert not run.success
    assert marts.read_bytes() == before

    with FileLock(f"{marts.with_name(f'.{marts.name}.building')}.lock", timeout=0):
        pass  # a build that failed is in nobody's way


@pytest.mark.full
def test_who_reads_the_marts_while_they_are_rebuilt_sees_the_old_or_the_new_and_never_half(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    pipeline.drop_speech(SECOND, "later.flac", start=4.0, seconds=3.0)
    marts = pipeline.settings.storage.marts
    with _reading(marts, tmp_path, "hold") as held, _reading(marts, tmp_path, "open") as opened:
        assert pipeline.run(SECOND, job="daily_emotion").success
        assert _build(pipeline).success
    old, new = (3, 3), (4, 4)
    assert set(held) == {old}, "the file that is held open stays as it was"
    assert set(opened) == {old, new}
    assert _query(pipeline, "select count(*) as n from fct_recordings") == [{"n": 4}]


def test_a_run_of_a_day_replaces_that_day_in_the_marts_and_no_other(pipeline: Pipeline) -> None:
    before = _rows_of_day(pipeline, FIRST)
    _forget(pipeline, FIRST)
    pipeline.drop_speech(SECOND, "later.flac", start=4.0, seconds=3.0)
    assert pipeline.run(SECOND, job="daily_emotion").success
    assert _rows_of_day(pipeline, FIRST) == before, "the tables of the other day were not even looked at"
    assert _rows_of_day(pipeline, SECOND)["fct_recordings"] == 2
    assert _rows_of_day(pipeline, SECOND)["fct_costs"] == len(TABLES)


@pytest.mark.full
def test_a_day_that_became_empty_is_empty_in_the_marts_too(pipeline: Pipeline) -> None:
    for table in TABLES.values():
        pipeline.overwrite(table, SECOND, pipeline.rows(table.name, SECOND).iloc[:0])
    assert _build(pipeline, day=SECOND).success
    emptied = _rows_of_day(pipeline, SECOND)
    assert {name: emptied[name] for name in MARTS} == dict.fromkeys(MARTS, 0)
    assert _rows_of_day(pipeline, FIRST)["fct_recordings"] == 2


@pytest.mark.full
def test_marts_of_another_shape_are_made_anew_as_a_whole(pipeline: Pipeline) -> None:
    with duckdb.connect(str(pipeline.settings.storage.marts)) as marts:
        marts.execute("alter table daily_tone_sentiment drop column share_uncertain")
    assert pipeline.run(SECOND, job="daily_emotion").success
    rows = _query(pipeline, "select recording_date, share_uncertain from daily_tone_sentiment")
    assert len(rows) == 2


@pytest.mark.full
def test_a_day_from_before_a_column_was_in_the_contract_has_none_in_it(pipeline: Pipeline) -> None:
    for day, column in ((FIRST, "agreement_score"), (SECOND, "masked_share")):
        file = str(pipeline.lake.path(TABLES["tone_sentiment"], day))
        pq.write_table(pq.read_table(file).drop_columns([column]), file)
        file = str(pipeline.lake.path(TABLES["raw_audio"], day))
        pq.write_table(pq.read_table(file).drop_columns(["attributes"]), file)  # which no day has any more
    assert _build(pipeline).success
    rows = _query(pipeline, "from fct_recordings where status = 'accepted' order by recording_date")
    assert [pd.isna(row["agreement_score"]) for row in rows] == [True, False]
    assert [pd.isna(row["masked_share"]) for row in rows] == [False, True]
    assert [row["attributes"] for row in rows] == [None, None]


@pytest.mark.full
def test_a_lake_in_an_object_store_has_the_same_marts(
    pristine: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Path(pristine.settings.storage.root)
    with S3Server() as s3:
        for name, value in s3.environment.items():
            monkeypatch.setenv(name, value)
        bucket = s3.bucket({f"lake/{file.relative_to(lake)}": file.read_bytes() for file in lake.rglob("*.parquet")})
        on_s3 = Pipeline(tmp_path, root=f"s3://{bucket}/lake")
        assert _build(on_s3).success
        everything = {mart: _everything(on_s3, mart) for mart in MARTS}
        assert _build(on_s3, day=SECOND).success
        assert {mart: _everything(on_s3, mart) for mart in MARTS} == everything
    assert everything == {mart: _everything(pristine, mart) for mart in MARTS}
    assert all(everything.values())


def _everything(pipeline: Pipeline, mart: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(pipeline.settings.storage.marts), read_only=True) as marts:
        return marts.execute(f"from {mart} order by all").fetchall()


def _rows_of_day(pipeline: Pipeline, day: str) -> dict[str, int]:
    """Return how many rows of a day each mart has."""
    counts = {
        mart: _query(pipeline, f"select count(*) as n from {mart} where recording_date = date '{day}'")
        for mart in (*MARTS, "fct_costs")
    }
    return {mart: rows[0]["n"] for mart, rows in counts.items()}


def _forget(pipeline: Pipeline, day: str) -> None:
    """Take a day's tables away behind the pipeline's back."""
    for table in TABLES.values():
        pipeline.lake.path(table, day).unlink()


@pytest.mark.full
def test_the_unit_tests_of_the_models_pass(pristine: Pipeline, tmp_path: Path) -> None:
    # They look up the columns of what a model reads, so they run on a copy of marts that were built.
    marts = shutil.copy(pristine.settings.storage.marts, tmp_path / "marts.duckdb")
    folders = {"project-dir": "dbt_project", "profiles-dir": "dbt_project"}
    folders |= {"target-path": str(tmp_path / "target"), "log-path": str(tmp_path / "logs")}
    options = [word for name, folder in folders.items() for word in (f"--{name}", folder)]
    done = subprocess.run(
        [str(DBT), "test", "--select", "test_type:unit", *options],
        cwd=REPOSITORY,
        env={**os.environ, "LAKE_ROOT": pristine.settings.storage.root, "MARTS_PATH": str(marts)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
    assert "ERROR=0" in done.stdout
    assert "PASS=0" not in done.stdout, "there are unit tests"


def test_the_sources_of_dbt_are_what_the_contract_says() -> None:
    done = subprocess.run(
        [sys.executable, "dbt_project/write_sources.py", "--check"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_the_data_dictionary_is_what_the_contract_says() -> None:
    assert (REPOSITORY / "docs" / "data_dictionary.md").read_text(encoding="utf-8") == dictionary()
