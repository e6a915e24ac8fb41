"""What a materialisation tells about itself, what it takes over from the last one, and what runs it every morning."""

import base64
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from support.pipeline import REPOSITORY, Pipeline

from emotion_pipeline.engine.emotion.taxonomy import BASE_EMOTIONS
from emotion_pipeline.engine.stages.tables import COSTS, TABLES
from emotion_pipeline.engine.tone.labels import TONES
from emotion_pipeline.jobs.schedules import every_morning
from emotion_pipeline.resources.recordings import RecordingSource

DAY = "2026-11-02"
# Tables whose rows take listening or a model; the others follow from them by a rule.
COMPUTED_TABLES = [name for name in TABLES if name not in {"segments", "tone_sentiment"}]

Reports = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Runs:
    """The metadata of every table in three runs of one day: the first, one without news, one with one more file."""

    first: Reports
    again: Reports
    one_more: Reports
    added_segments: int
    pipeline: Pipeline


def _run(pipeline: Pipeline, **launch: Any) -> Reports:
    run = pipeline.run(DAY, launch=launch)
    assert run.success
    events = [event.materialization for event in run.get_asset_materialization_events()]
    return {made.asset_key.path[-1]: {name: value.value for name, value in made.metadata.items()} for made in events}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    pipeline = Pipeline(tmp_path_factory.mktemp("runs"))
    pipeline.drop_speech(DAY, "call.flac", seconds=5.0)
    # A name in Latin-1, as old archives have them: the file is broken, and even so it must not stop the others.
    pipeline.drop(DAY, os.fsdecode(b"caf\xe9.wav"), b"RIFF")
    first, again = _run(pipeline), _run(pipeline)
    before = len(pipeline.rows("segments", DAY))
    pipeline.drop_speech(DAY, "later.flac", start=8.0, seconds=4.0)
    one_more = _run(pipeline)
    return Runs(first, again, one_more, len(pipeline.rows("segments", DAY)) - before, pipeline)


@pytest.mark.parametrize("table", TABLES)
def test_a_materialisation_tells_what_is_worth_opening(runs: Runs, table: str) -> None:
    report = runs.first[table]
    assert report["rows"] == report["dagster/row_count"] > 0
    assert report["seconds"] >= 0
    assert report["model_fingerprints"] not in {"", "none"}
    assert report["path"].endswith(f"{table}/{DAY}.parquet")
    assert report["preview"].startswith("| ")
    lineage = report["dagster/column_lineage"].deps_by_column
    named = {dep.asset_key.path[-1] for deps in lineage.values() for dep in deps}
    assert named == set(TABLES[table].upstream), "every table above gives columns to this one"


@pytest.mark.parametrize("table", ["linguistic_features", "tone_scores", "sentiment_scores", "emotion_labels"])
def test_a_preview_names_the_place_of_a_segment_and_no_id(runs: Runs, table: str) -> None:
    head, _, first = runs.first[table]["preview"].splitlines()[:3]
    assert head.startswith("| file | speaker | start_seconds |")
    assert "segment_id" not in head
    segment = runs.pipeline.rows("segments", DAY).iloc[0]
    assert first.startswith(f"| {segment['file']} | {segment['speaker']} | {segment['start_seconds']:.3f} |")


@pytest.mark.parametrize("table", ["raw_audio", "transcripts", "tone_scores"])
def test_a_materialisation_that_listened_tells_how_fast(runs: Runs, table: str) -> None:
    report = runs.first[table]
    assert 0 < report["audio_seconds"] <= 5.0
    assert report["real_time_factor"] == pytest.approx(report["seconds"] / report["audio_seconds"], abs=1e-3)
    assert "real_time_factor" not in runs.again[table], "who did not listen has no speed"


def test_recordings_that_were_rejected_are_counted_by_reason(runs: Runs) -> None:
    assert runs.first["raw_audio"]["rejected"] == 1
    assert runs.first["raw_audio"]["reject_reasons"] == {"unreadable": 1}
    assert "unreadable" in runs.first["raw_audio"]["preview"]
    assert runs.pipeline.rows("raw_audio", DAY)["file"].tolist() == ["caf\\xe9.wav", "call.flac", "later.flac"]


def test_what_a_day_is_like_is_told_in_numbers_to_plot(runs: Runs) -> None:
    first = runs.first
    assert first["raw_audio"]["share_rejected"] == 0.5
    rows = {table: runs.pipeline.rows(table, DAY) for table in ("tone_scores", "emotion_labels", "sentiment_scores")}
    now = runs.one_more
    for table, classes, column in (("tone_scores", TONES, "tone"), ("emotion_labels", BASE_EMOTIONS, "base_emotion")):
        for name in classes:
            assert now[table][f"share_{name}"] == pytest.approx((rows[table][column] == name).mean(), abs=1e-4)
        assert 0 < now[table]["mean_confidence"] <= 1
        assert 0 <= now[table]["share_uncertain"] <= 1
    mean_sentiment = rows["sentiment_scores"]["sentiment_score"].mean()
    assert now["sentiment_scores"]["mean_sentiment"] == pytest.approx(mean_sentiment, abs=1e-4)
    assert {"share_match", "share_masked"} <= set(now["tone_sentiment"])
    assert 0 <= now["conversation_metrics"]["share_escalated"] <= 1


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("tone_scores", "waveforms"),
        ("tone_scores", "tone_by_speaker"),
        ("emotion_labels", "distribution"),
        ("tone_sentiment", "segments_by_match"),
    ],
)
def test_pictures_are_png_images_in_markdown(runs: Runs, table: str, name: str) -> None:
    picture = re.fullmatch(r"!\[[^\]]+\]\(data:image/png;base64,([^)]+)\)", runs.first[table][name])
    assert picture is not None
    assert base64.b64decode(picture[1], validate=True).startswith(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize("table", COMPUTED_TABLES)
def test_a_day_that_is_done_is_not_computed_again(runs: Runs, table: str) -> None:
    assert runs.first[table]["computed"] == runs.first[table]["rows"]
    assert (runs.again[table]["computed"], runs.again[table]["reused"]) == (0, runs.first[table]["rows"])


@pytest.mark.parametrize("table", COMPUTED_TABLES)
def test_one_file_more_costs_the_work_of_that_file(runs: Runs, table: str) -> None:
    if table == "conversation_metrics":  # one row of the recording, one of each of its speakers
        new = (runs.pipeline.rows(table, DAY)["file"] == "later.flac").sum()
    else:
        new = 1 if table in {"raw_audio", "transcripts"} else runs.added_segments
    assert new > 0
    assert (runs.one_more[table]["computed"], runs.one_more[table]["reused"]) == (new, runs.first[table]["rows"])


def test_what_a_day_cost_is_summed_over_all_of_its_runs(runs: Runs) -> None:
    costs = runs.pipeline.lake.read(COSTS, DAY)
    assert costs is not None
    by_table = costs.set_index("table_name")
    assert list(by_table.index) == list(TABLES)
    assert set(by_table["runs"]) == {3}
    for table in COMPUTED_TABLES:
        reports = (runs.first[table], runs.again[table], runs.one_more[table])
        assert by_table.loc[table, "rows_computed"] == sum(report["computed"] for report in reports)
        assert by_table.loc[table, "rows_reused"] == sum(report["reused"] for report in reports)
    words = sum(runs.pipeline.rows("segments", DAY)["word_count"])
    assert by_table.loc["sentiment_scores", "token_count"] == pytest.approx(words, rel=0.1)
    assert by_table.loc["transcripts", "audio_hours"] == pytest.approx(9.0 / 3600, rel=0.01), "each is heard once"
    assert (by_table.loc[["transcripts"], "model_seconds"] > 0).all()
    assert (by_table["model_seconds"] <= by_table["wall_seconds"]).all()
    assert (by_table.loc[["raw_audio", "segments"], "model_seconds"] == 0).all()


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Reports, Reports]:
    """The metadata of every table in two runs of a day of two recordings: of one of them, and of it once more."""
    pipeline = Pipeline(tmp_path_factory.mktemp("asked"))
    for name, start in (("one.flac", 0.0), ("two.flac", 8.0)):
        pipeline.drop_speech(DAY, name, start=start, seconds=4.0)
    some = _run(pipeline, max_recordings=1)
    assert pipeline.rows("raw_audio", DAY)["file"].tolist() == ["one.flac"]
    return some, _run(pipeline, max_recordings=1, recompute=True)


def test_a_run_takes_in_no_more_recordings_than_it_is_asked_for(asked: tuple[Reports, Reports]) -> None:
    some, _ = asked
    assert (some["raw_audio"]["rows"], some["raw_audio"]["left_out"]) == (1, 1)
    assert some["transcripts"]["rows"] == 1


@pytest.mark.parametrize("table", COMPUTED_TABLES)
def test_a_day_that_is_done_is_computed_again_where_that_is_asked_for(
    asked: tuple[Reports, Reports], table: str
) -> None:
    some, again = asked
    assert (again[table]["computed"], again[table]["reused"]) == (some[table]["rows"], 0)


def test_a_run_that_is_asked_for_nothing_leaves_no_recording_out(runs: Runs) -> None:
    assert runs.one_more["raw_audio"]["left_out"] == 0


def _morning(root: Path) -> object:
    context = dg.build_schedule_context(scheduled_execution_time=datetime(2026, 11, 3, 4, tzinfo=UTC))
    return every_morning(context, recordings=RecordingSource(root=str(root)))


def test_every_morning_the_day_before_is_run(tmp_path: Path) -> None:
    for day in ("2026-11-01", "2026-11-02", "2026-11-03"):
        (tmp_path / day).mkdir()
    request = _morning(tmp_path)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2026-11-02"
    assert request.tags["why"] == "the day before is complete"


def test_a_day_on_which_nothing_was_dropped_is_skipped_and_the_reason_names_it(tmp_path: Path) -> None:
    (tmp_path / "2026-11-01").mkdir()
    answer = _morning(tmp_path)
    assert isinstance(answer, dg.SkipReason)
    assert "2026-11-02" in str(answer.skip_message)


def test_nobody_imports_what_they_must_not() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [str(command), "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout
