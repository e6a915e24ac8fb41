"""What follows its inputs by itself, and what does not: the real graph on an instance of its own."""

from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData

from emotion_pipeline.checks.gate import GATE, Finding, Verdict
from emotion_pipeline.config.settings import Settings
from emotion_pipeline.definitions import build_defs
from emotion_pipeline.engine.stages.tables import RAW_AUDIO, STORED, TABLES

OLD_DAY, DAY = "2026-10-02", "2026-11-02"
MARTS = {"fct_segments", "fct_recordings", "daily_tone_sentiment", "tone_timeline", "fct_costs", "stg_segments"}


class Ticks:
    """The automation of the whole graph, tick by tick."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.definitions = build_defs(Settings())
        self.cursor = None
        self.tick()

    def tick(self) -> dict[str, set[str]]:
        """Return what is asked for now: the days of each table, and of a mart, which has none, the name ``None``."""
        result = dg.evaluate_automation_conditions(self.definitions, self.instance, cursor=self.cursor)
        self.cursor = result.cursor
        asked: dict[str, set[str]] = {}
        for evaluation in result.results:
            days = {
                str(subset.partition_key) for subset in evaluation.true_subset.expensively_compute_asset_partitions()
            }
            if days:
                asked[evaluation.key.to_user_string()] = days
        return asked

    def made(self, table: str, day: str, passed: bool = True) -> None:
        """Record a table of a day and the verdict of its gate."""
        self.instance.report_runless_asset_event(dg.AssetMaterialization(table, partition=day))
        finding = Finding("held", blocking=True, failing=1, sample=())
        self.judged(Verdict(STORED[table], 1, 1, () if passed else (finding,)), day)

    def judged(self, verdict: Verdict, day: str) -> None:
        result = verdict.to_check_result()
        records_filter = dg.AssetRecordsFilter(dg.AssetKey(verdict.table.name), asset_partitions=[day])
        target = self.instance.fetch_materializations(records_filter, limit=1).records[0]
        self.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=dg.AssetKey(verdict.table.name),
                check_name=GATE,
                passed=result.passed,
                severity=result.severity,
                partition=day,
                blocking=True,
                target_materialization_data=AssetCheckEvaluationTargetMaterializationData(
                    storage_id=target.storage_id, run_id=target.run_id, timestamp=target.timestamp
                ),
            )
        )


@pytest.fixture
def ticks() -> Iterator[Ticks]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Ticks(instance)


def test_nothing_is_asked_for_where_nothing_happened(ticks: Ticks) -> None:
    assert ticks.tick() == {}


@pytest.mark.parametrize("day", [OLD_DAY, DAY])
def test_all_that_follows_from_a_new_input_is_asked_for_once_and_for_its_day_only(ticks: Ticks, day: str) -> None:
    ticks.made("raw_audio", day)
    asked = ticks.tick()
    assert {name for name in asked if name in TABLES} == set(TABLES) - {"raw_audio"}, "files are the sensor's business"
    assert asked.pop("costs") == {day}
    assert set(asked) <= set(TABLES), "the marts wait for the tables"
    assert all(days == {day} for days in asked.values())
    assert ticks.tick() == {}


def test_a_day_that_its_gate_holds_back_is_followed_by_nothing_and_others_go_on(ticks: Ticks) -> None:
    ticks.made("raw_audio", OLD_DAY, passed=False)
    ticks.made("raw_audio", DAY)
    assert ticks.tick()["transcripts"] == {DAY}


def test_a_table_with_a_failed_gate_stops_its_followers_even_when_another_input_is_new(ticks: Ticks) -> None:
    for table in ("raw_audio", "transcripts", "segments"):
        ticks.made(table, DAY)
    ticks.made("linguistic_features", DAY, passed=False)
    asked = ticks.tick()
    assert "emotion_labels" not in asked
    assert "tone_scores" in asked, "it does not read the features"


def test_a_verdict_with_warnings_only_counts_as_passed(ticks: Ticks) -> None:
    ticks.instance.report_runless_asset_event(dg.AssetMaterialization("raw_audio", partition=DAY))
    assert "transcripts" not in ticks.tick(), "nobody has judged it yet"
    warning = Finding("no row is rejected", blocking=False, failing=1, sample=())
    ticks.judged(Verdict(RAW_AUDIO, 2, 1, (warning,)), DAY)
    assert "transcripts" in ticks.tick()


def test_marts_are_rebuilt_once_after_a_table_although_other_days_are_missing_or_held_back(ticks: Ticks) -> None:
    ticks.made("tone_scores", OLD_DAY, passed=False)
    for table in ("tone_sentiment", "conversation_metrics"):
        ticks.made(table, DAY)
    assert set(ticks.tick()) == {"costs"}, "it follows, and the marts wait for it"
    ticks.made("costs", DAY)
    assert ticks.tick() == {}, "another table may come"
    asked = ticks.tick()
    assert set(asked) >= MARTS
    assert set(asked).isdisjoint(STORED)
    assert ticks.tick() == {}
