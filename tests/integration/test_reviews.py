"""What people say of segments is kept, whatever runs meanwhile, and comes back in the queue and in the figures."""

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from support.filling import filled, frames
from support.pipeline import Pipeline, run_day
from support.warehouse_server import WarehouseServer
from support.warehouses import BACK_ENDS, empty_warehouse
from typer.testing import CliRunner

from emotion_pipeline.cli.app import app
from emotion_pipeline.engine.stages.tables import REVIEWS, TABLES
from emotion_pipeline.training.evaluation.reviews import Agreement, evaluate_reviews
from emotion_pipeline.warehouse.base import Chosen, Warehouse
from emotion_pipeline.warehouse.lake import Lake
from emotion_pipeline.warehouse.reviews import Label, ReviewError, add_review, pending, read_reviews

DAY, LATER = "2026-11-02", "2026-11-03"
WRITES = 50


@pytest.fixture(params=BACK_ENDS)
def warehouse(request: pytest.FixtureRequest, server: WarehouseServer, tmp_path: Path) -> Iterator[Warehouse]:
    """Two days of segments with their scores."""
    with empty_warehouse(request.param, server, tmp_path) as made:
        for day in (DAY, LATER):
            rows = frames(day, recordings=2)
            for name in ("segments", "tone_scores", "emotion_labels", "sentiment_scores"):
                made.write(TABLES[name], day, rows[name])
        yield made


def _segment(warehouse: Warehouse, number: int = 0) -> str:
    return str(warehouse.read_all(TABLES["segments"], [DAY])["segment_id"].iloc[number])


def test_a_review_is_kept_with_what_the_model_had_said(warehouse: Warehouse) -> None:
    segment, tones = _segment(warehouse), warehouse.read_all(TABLES["tone_scores"], [DAY]).set_index("segment_id")
    assert read_reviews(warehouse).empty
    review = add_review(warehouse, segment, Label("ada", tone="angry", sentiment="negative", note="it's loud"), DAY)
    [row] = read_reviews(warehouse).to_dict("records")
    assert (row["review_id"], row["segment_id"], row["reviewer"]) == (review, segment, "ada")
    assert (row["tone"], row["emotion"], row["sentiment"], row["note"]) == ("angry", None, "negative", "it's loud")
    assert row["model_tone"] == tones.loc[segment, "tone"]
    warehouse.write(TABLES["segments"], DAY, frames(DAY, recordings=1, seed=5)["segments"])
    assert read_reviews(warehouse)["review_id"].tolist() == [review], "another run of the day changes nothing"


def test_a_second_look_of_the_same_person_is_the_one_that_counts(warehouse: Warehouse) -> None:
    segment = _segment(warehouse)
    for reviewer, tone in (("ada", "angry"), ("bob", "sad"), ("ada", "calm")):
        add_review(warehouse, segment, Label(reviewer, tone=tone), DAY)
    assert sorted(read_reviews(warehouse)["tone"]) == ["calm", "sad"]
    assert len(warehouse.read_all(REVIEWS, [DAY])) == 3


def test_without_a_day_the_newest_that_has_the_segment_is_found(warehouse: Warehouse) -> None:
    add_review(warehouse, _segment(warehouse), Label("ada", tone="sad"))
    assert warehouse.partitions(REVIEWS) == [LATER], "the same recording came on both days"


def test_an_erased_recording_takes_its_reviews_with_it(warehouse: Warehouse) -> None:
    segments = warehouse.read_all(TABLES["segments"], [DAY])
    for segment in (segments.iloc[0], segments.iloc[-1]):
        add_review(warehouse, segment["segment_id"], Label("ada", note="mine"), DAY)
    chosen = Chosen(frozenset({segments.iloc[0]["recording_id"]}))
    assert warehouse.erase(REVIEWS, chosen, dry_run=True) == {DAY: 1}
    assert warehouse.erase(REVIEWS, chosen, dry_run=False) == {DAY: 1}
    assert read_reviews(warehouse)["recording_id"].tolist() == [segments.iloc[-1]["recording_id"]]


def test_fifty_reviews_at_once_are_all_kept_while_the_day_is_made_anew(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    filled(lake, DAY, recordings=1)
    segment = _segment(lake)

    def write(number: int) -> str:
        return add_review(lake, segment, Label(f"reviewer {number}", tone="sad", note=str(number)), DAY)

    with ThreadPoolExecutor(10) as writers:
        begun = [writers.submit(write, number) for number in range(WRITES)]
        for _ in range(3):
            filled(lake, DAY, recordings=1)
        written = [each.result() for each in begun]
    kept = read_reviews(lake)
    assert sorted(kept["review_id"]) == sorted(written)
    assert len(set(kept["reviewer"])) == WRITES


def _write_for_ever(root: str, segment: str) -> None:
    number = 0
    while True:
        add_review(Lake(root), segment, Label(f"reviewer {number}", tone="sad"), DAY)
        number += 1


def test_a_writer_that_is_killed_leaves_whole_reviews_only(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    filled(lake, DAY, recordings=1)
    writer = multiprocessing.get_context("spawn").Process(target=_write_for_ever, args=(lake.root, _segment(lake)))
    writer.start()
    while len(read_reviews(lake)) < 5:
        time.sleep(0.01)
    os.kill(writer.pid or 0, signal.SIGKILL)
    writer.join()
    kept = read_reviews(lake)
    assert kept["reviewer"].tolist() == [f"reviewer {number}" for number in range(len(kept))]


@pytest.mark.full
def test_reviews_written_while_a_run_is_killed_stay(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path)
    pipeline.drop_speech(DAY, "call.flac", seconds=5.0)
    run_day(pipeline.folder, DAY)
    pipeline.drop_speech(DAY, "later.flac", start=5.0, seconds=5.0)
    segment = _segment(pipeline.lake)
    run = multiprocessing.get_context("spawn").Process(target=run_day, args=(pipeline.folder, DAY))
    run.start()
    written = []
    with ThreadPoolExecutor(5) as writers:
        for number in range(WRITES):
            written.append(writers.submit(add_review, pipeline.lake, segment, Label(f"{number}", tone="sad"), DAY))
            time.sleep(0.4)
            if number == WRITES // 2:
                run.kill()
    run.join()
    run_day(pipeline.folder, DAY)
    assert len(pipeline.rows("raw_audio", DAY)) == 2, "the second run was not killed"
    assert sorted(read_reviews(pipeline.lake)["review_id"]) == sorted(each.result() for each in written)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ({"reviewer": " ", "tone": "sad"}, "needs the name"),
        ({"reviewer": "ada"}, "says nothing"),
        ({"reviewer": "ada", "tone": "angri"}, "did you mean 'angry'"),
        ({"reviewer": "ada", "sentiment": "bad"}, "none of negative, neutral, positive"),
    ],
)
def test_a_review_that_says_nothing_or_nonsense_is_refused(label: dict[str, str], message: str) -> None:
    with pytest.raises(ReviewError, match=message):
        Label(**label)


def test_what_was_reviewed_leaves_the_queue_at_once() -> None:
    queue = pd.DataFrame({"segment_id": ["a", "b", "c", "b"], "priority": [0.2, 0.9, 0.5, 0.4]})
    left = pending(queue, pd.DataFrame({"segment_id": ["c"]}))
    assert left["segment_id"].tolist() == ["b", "a"], "each once, the most urgent first"


def test_agreement_and_kappa_are_those_worked_out_by_hand() -> None:
    # 3 of 4 agree; by chance (2/4 * 3/4 + 2/4 * 1/4) = 0.5 would: kappa = (0.75 - 0.5) / 0.5.
    rows = pd.DataFrame(
        {
            "reviewed_at": ["2026-11-02T09:00:00+00:00"] * 2
            + ["2026-11-08T09:00:00+00:00", "2026-11-09T09:00:00+00:00"],
            "tone": ["angry", "angry", "sad", "sad"],
            "model_tone": ["angry", "angry", "angry", "sad"],
            "emotion": [None, "Anger", None, None],
            "model_emotion": ["Anger"] * 4,
            "sentiment": ["negative", "neutral", "positive", None],
            "model_sentiment_score": [-0.5, 0.2, 0.1, None],
        }
    )
    figures = evaluate_reviews(rows)
    assert (figures.tone.n, figures.tone.agreement, figures.tone.kappa) == (4, 0.75, pytest.approx(0.5))
    assert figures.emotion == Agreement(1, 1.0, None), "one label only: kappa is not defined"
    assert (figures.sentiment.n, figures.sentiment.agreement) == (3, pytest.approx(2 / 3))
    assert list(figures.weeks) == ["2026-11-02", "2026-11-09"]
    assert figures.weeks["2026-11-09"]["tone"].n == 1


def test_the_command_lists_writes_and_measures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake, marts = Lake(str(tmp_path / "lake")), tmp_path / "marts.duckdb"
    filled(lake, DAY, recordings=1)
    monkeypatch.setenv("EMOTION_STORAGE__ROOT", lake.root)
    monkeypatch.setenv("EMOTION_STORAGE__MARTS", str(marts))
    run = CliRunner()
    assert "marts_only" in str(run.invoke(app, ["review"]).exception), "there is no queue yet"
    segment = _segment(lake)
    with duckdb.connect(str(marts)) as connection:
        connection.execute(
            f"create table review_queue as select date '{DAY}' as recording_date, '{segment}' as segment_id, "
            "'call.wav' as file, 'customer' as speaker_role, 61.0 as start_seconds, 65.0 as end_seconds, "
            "'escalation, low_confidence' as reasons, 0.7 as priority, 'no' as text, 'angry' as tone"
        )
    listed = run.invoke(app, ["review", "--reason", "low_confidence"])
    assert f"{segment}  {DAY}/call.wav 1:01-1:05" in listed.stdout
    assert run.invoke(app, ["review", "--day", LATER]).stdout == ""
    written = run.invoke(app, ["review", "label", segment, "--tone", "sad", "--reviewer", "ada"])
    assert written.exit_code == 0
    assert run.invoke(app, ["review", "--json"]).stdout == ""
    assert json.loads(run.invoke(app, ["evaluate", "reviews"]).stdout)["tone"]["n"] == 1
