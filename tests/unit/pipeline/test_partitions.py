"""Which days a code location has is a setting, and everything that has days follows it."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from emotion_pipeline.config.settings import ConfigurationError, Settings, Sources, load_settings
from emotion_pipeline.definitions import build_defs
from emotion_pipeline.engine.stages.tables import STORED
from emotion_pipeline.partitions import daily
from emotion_pipeline.resources.recordings import RecordingSource


def test_days_go_from_the_first_to_the_last_and_no_further() -> None:
    assert daily("2026-01-30", "2026-02-01").get_partition_keys() == ["2026-01-30", "2026-01-31", "2026-02-01"]


@pytest.mark.parametrize("last", [None, 0, 9], ids=["unset", "today", "to come"])
def test_today_is_a_day_and_tomorrow_is_none(last: int | None) -> None:
    today = datetime.now(UTC).date()
    days = daily(str(today - timedelta(days=1)), None if last is None else str(today + timedelta(days=last)))
    assert days.get_partition_keys() == [str(today - timedelta(days=1)), str(today)]


def test_every_table_and_every_check_of_a_day_has_the_days_of_the_settings() -> None:
    settings = Settings(sources=Sources(first_day=date(2026, 1, 1), last_day=date(2026, 1, 3)))
    graph = build_defs(settings).get_repository_def().asset_graph
    partitioned = {str(graph.get(dg.AssetKey(table)).partitions_def) for table in STORED}
    partitioned |= {str(days) for key in graph.asset_check_keys if (days := graph.get(key).partitions_def)}
    assert partitioned == {str(daily("2026-01-01", "2026-01-03"))}


def test_a_folder_of_a_day_that_does_not_count_is_not_seen(tmp_path: Path) -> None:
    for day in ("2025-12-31", "2026-01-01", "2026-01-04"):
        (tmp_path / day).mkdir()
    source = RecordingSource.of(Sources(root=str(tmp_path), first_day=date(2026, 1, 1), last_day=date(2026, 1, 3)))
    assert source.days() == ["2026-01-01"]


def test_a_last_day_before_the_first_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_SOURCES__FIRST_DAY", "2026-01-02")
    monkeypatch.setenv("EMOTION_SOURCES__LAST_DAY", "2026-01-01")
    with pytest.raises(ConfigurationError, match=r"last_day 2026-01-01 lies before .*first_day 2026-01-02"):
        load_settings()
