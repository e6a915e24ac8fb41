"""Sentiment from Snowflake Cortex as the pipeline runs it: settings, asset, gate, and what a second day costs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cortex_server import TOKENS_OF_PROMPT, CortexServer
from support.filling import filled
from support.pipeline import Pipeline

from emotion_pipeline.engine.stages.tables import SEGMENTS, SENTIMENT_SCORES

DAY, NEXT_DAY = "2026-11-02", "2026-11-03"
TEXTS = ["it was a good day", "het is niet goed maar ik ben ook heel blij", "it was a bad day", "it was a good day"]


@pytest.fixture(scope="module")
def running() -> Iterator[CortexServer]:
    with CortexServer() as server:
        yield server


@pytest.fixture
def pipeline(running: CortexServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    database, _, schema = running.create_schema().partition(".")
    monkeypatch.setenv("EMOTION_SENTIMENT__BACKEND", "cortex")
    running.forget()
    with running.as_settings(database, SCHEMA=schema):
        made = Pipeline(tmp_path)
        for day in (DAY, NEXT_DAY):
            filled(made.lake, day, recordings=2, segments=2)
            made.overwrite(SEGMENTS, day, made.rows("segments", day).assign(text=TEXTS, language="en"))
            made.lake.path(SENTIMENT_SCORES, day).unlink()
        yield made


def test_a_day_is_scored_by_one_statement_and_the_same_words_of_another_day_by_none(
    running: CortexServer, pipeline: Pipeline
) -> None:
    assert pipeline.run(DAY, ["sentiment_scores"]).success
    rows = (
        pipeline.rows("sentiment_scores", DAY).set_index("segment_id").loc[pipeline.rows("segments", DAY)["segment_id"]]
    )
    assert rows["sentiment_score"].fillna(9.0).tolist() == [0.75, 9.0, -0.5, 0.75]
    assert rows["reason"].tolist() == [None, "language_not_supported", None, None]
    assert len(running.scoring) == 1
    running.forget()
    assert pipeline.run(DAY, ["sentiment_scores"]).success
    assert running.executed == [], "rows of the last run are taken over"
    assert pipeline.run(NEXT_DAY, ["sentiment_scores"]).success
    assert running.scoring == []
    assert pipeline.rows("sentiment_scores", NEXT_DAY)["sentiment_score"].notna().sum() == 3


def test_a_day_that_needs_more_than_the_budget_stops_and_is_finished_by_the_next_run(
    running: CortexServer, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOTION_SENTIMENT__MAX_TOKENS", str(TOKENS_OF_PROMPT + 5))
    stopped = pipeline.run(DAY, ["sentiment_scores"])
    [failure] = [event for event in stopped.all_events if event.is_step_failure]
    assert "sentiment.max_tokens allows 15" in str(failure.step_failure_data.error)
    assert pipeline.run(DAY, ["sentiment_scores"]).success
    assert sum(function == "SENTIMENT" for function, _ in running.asked) == 2
