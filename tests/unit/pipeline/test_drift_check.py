"""The drift report of a day, from tables of a real lake, as Dagster records it."""

from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
from support.filling import filled, frames

from emotion_pipeline.assets.drift import DAYS_BEFORE, FEWEST_DAYS, drift
from emotion_pipeline.engine.stages.tables import TONE_SCORES
from emotion_pipeline.partitions import DAILY
from emotion_pipeline.warehouse.lake import Lake

DAY = "2026-10-30"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """More days than the report looks back, with a hundred recordings each that are all alike."""
    lake = Lake(root=str(tmp_path))
    for day in pd.date_range(end=DAY, periods=DAYS_BEFORE + 3):
        filled(lake, str(day.date()), recordings=100)
    return lake


@dg.asset(partitions_def=DAILY)
def tone_sentiment() -> None:
    """Stands for the table that the report belongs to."""


def _report(lake: Lake, day: str = DAY) -> dg.AssetCheckEvaluation:
    with dg.DagsterInstance.ephemeral() as instance:
        run = dg.materialize(
            [tone_sentiment, drift], partition_key=day, resources={"warehouse": lake}, instance=instance
        )
        [evaluation] = run.get_asset_check_evaluations()
        assert run.success, "a warning stops nothing"
        assert evaluation.partition == day
    return evaluation


def test_a_day_like_the_days_before_passes_and_tells_its_figures(lake: Lake) -> None:
    report = _report(lake)
    assert report.passed, report.description
    assert report.metadata["days_before"].value == DAYS_BEFORE
    shown = str(report.metadata["report"].value)
    for figure in (
        "tone",
        "tone_probability",
        "emotion",
        "emotion_probability",
        "word_probability",
        "words_per_second",
    ):
        assert f"| {figure} |" in shown


def test_a_day_on_which_everybody_sounds_angry_is_a_warning_that_names_the_tone(lake: Lake) -> None:
    rows = frames(DAY, recordings=100)["tone_scores"].assign(tone="angry")
    lake.write(TONE_SCORES, DAY, rows)
    report = _report(lake)
    assert not report.passed
    assert report.severity is dg.AssetCheckSeverity.WARN
    assert (report.description or "").startswith("tone: ")
    assert report.metadata["index_tone"].value > 0.25  # type: ignore[operator]


def test_in_the_first_week_nothing_is_called_drift(lake: Lake) -> None:
    first, *_, sixth, seventh = lake.partitions(TONE_SCORES)[: FEWEST_DAYS + 1]
    for day in (first, sixth):
        lake.write(TONE_SCORES, day, frames(day, recordings=100)["tone_scores"].assign(tone="angry"))
        report = _report(lake, day)
        assert report.passed
        assert "too little to tell" in (report.description or "")
    assert "too little" not in (_report(lake, seventh).description or "")
