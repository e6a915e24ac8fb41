"""The sensor asks for exactly the days concerned, once, and never takes a failed look for a removal."""

import os
from pathlib import Path

import dagster as dg
import pytest

from emotion_pipeline.jobs.arrivals import DayState, decide, recording_arrivals
from emotion_pipeline.resources.recordings import RecordingSource

QUIET = 60.0


def _now(**digests: str) -> dict[str, DayState]:
    return {day: DayState(digest, QUIET) for day, digest in digests.items()}


def test_new_and_changed_days_are_run_and_no_other() -> None:
    decision = decide({"a": "1", "b": "1"}, _now(a="1", b="2", c="1"), settle_seconds=10)
    assert decision.days == ("b", "c")
    assert decision.seen == {"a": "1", "b": "2", "c": "1"}


def test_a_day_that_is_still_written_to_waits_for_a_later_tick() -> None:
    writing = {"a": DayState("2", quiet_seconds=1.0)}
    decision = decide({"a": "1"}, writing, settle_seconds=10)
    assert decision.days == ()
    assert decide(decision.seen, _now(a="2"), settle_seconds=10).days == ("a",)


def test_a_day_whose_folder_vanished_is_not_run_and_is_new_when_it_comes_back() -> None:
    decision = decide({"a": "1"}, {}, settle_seconds=10)
    assert decision.days == ()
    assert decide(decision.seen, _now(a="1"), settle_seconds=10).days == ("a",)


def _tick(root: Path, cursor: str | None) -> dg.SensorResult | dg.SkipReason:
    context = dg.build_sensor_context(cursor=cursor)
    answer = recording_arrivals(context, recordings=RecordingSource(root=str(root), settle_seconds=0.0))
    assert isinstance(answer, dg.SensorResult | dg.SkipReason)
    return answer


def _drop(root: Path, day: str, name: str, content: bytes = b"audio") -> None:
    (root / day).mkdir(parents=True, exist_ok=True)
    (root / day / name).write_bytes(content)


def _days(answer: dg.SensorResult | dg.SkipReason) -> list[str | None]:
    assert isinstance(answer, dg.SensorResult)
    return [request.partition_key for request in answer.run_requests or []]


def _reasons(answer: dg.SensorResult | dg.SkipReason) -> set[str]:
    assert isinstance(answer, dg.SensorResult)
    return {request.tags["why"] for request in answer.run_requests or []}


def test_a_late_file_asks_for_its_own_day_only(tmp_path: Path) -> None:
    _drop(tmp_path, "2026-11-02", "a.wav")
    _drop(tmp_path, "2026-11-03", "b.wav")
    _drop(tmp_path, "notes", "c.wav")
    first = _tick(tmp_path, None)
    assert _days(first) == ["2026-11-02", "2026-11-03"]
    assert isinstance(first, dg.SensorResult)
    assert isinstance(_tick(tmp_path, first.cursor), dg.SkipReason)
    _drop(tmp_path, "2026-11-02", "late.wav")
    late = _tick(tmp_path, first.cursor)
    assert _days(late) == ["2026-11-02"]
    assert (_reasons(first), _reasons(late)) == ({"recordings arrived"}, {"recordings changed"})


def test_unfinished_uploads_and_notes_are_no_arrivals(tmp_path: Path) -> None:
    _drop(tmp_path, "2026-11-02", "a.wav")
    first = _tick(tmp_path, None)
    assert isinstance(first, dg.SensorResult)
    for name in ("b.wav.part", ".hidden.wav", "notes.txt"):
        _drop(tmp_path, "2026-11-02", name)
    assert isinstance(_tick(tmp_path, first.cursor), dg.SkipReason)


def test_a_root_that_cannot_be_listed_skips_and_keeps_what_was_seen(tmp_path: Path) -> None:
    _drop(tmp_path, "2026-11-02", "a.wav")
    first = _tick(tmp_path, None)
    assert isinstance(first, dg.SensorResult)
    context = dg.build_sensor_context(cursor=first.cursor)
    gone = RecordingSource(root=str(tmp_path / "unmounted"), settle_seconds=0.0)
    answer = recording_arrivals(context, recordings=gone)
    assert isinstance(answer, dg.SkipReason)
    assert "unmounted" in (answer.skip_message or "")
    assert context.cursor == first.cursor


@pytest.mark.parametrize("day", ["2014-05-01", "2126-01-01"])
def test_a_day_outside_the_partitions_is_left_alone(tmp_path: Path, day: str) -> None:
    _drop(tmp_path, day, "a.wav")
    assert isinstance(_tick(tmp_path, None), dg.SkipReason)


def test_a_replaced_file_asks_for_its_day_again_also_where_name_and_size_are_the_same(tmp_path: Path) -> None:
    _drop(tmp_path, "2026-11-02", "a.wav", b"first")
    _drop(tmp_path, "2026-11-03", "b.wav", b"other")
    first = _tick(tmp_path, None)
    assert isinstance(first, dg.SensorResult)
    replaced = tmp_path / "2026-11-02" / "a.wav"
    replaced.write_bytes(b"again")
    os.utime(replaced, ns=(0, replaced.stat().st_mtime_ns + 1_000_000))
    second = _tick(tmp_path, first.cursor)
    assert _days(second) == ["2026-11-02"]
    keys = {request.run_key for tick in (first, second) for request in tick.run_requests or []}  # type: ignore[union-attr]
    assert len(keys) == 3, "the run of the replaced file is another one, or Dagster would skip it"


def test_a_file_that_arrives_months_late_asks_for_its_old_day_only(tmp_path: Path) -> None:
    for day in ("2026-03-01", "2026-11-20"):
        _drop(tmp_path, day, "a.wav")
    first = _tick(tmp_path, None)
    assert isinstance(first, dg.SensorResult)
    _drop(tmp_path, "2026-03-01", "found_in_the_archive.wav")
    _drop(tmp_path, "2025-12-24", "never_seen_before.wav")
    assert _days(_tick(tmp_path, first.cursor)) == ["2025-12-24", "2026-03-01"]


def test_after_a_restart_the_stored_cursor_goes_on_where_the_last_tick_ended(tmp_path: Path) -> None:
    """The daemon keeps the cursor in the instance's storage; a new process reads it from there."""
    root, home = tmp_path / "recordings", tmp_path / "home"
    _drop(root, "2026-11-02", "a.wav")
    assert _daemon_tick(root, home) == ["2026-11-02"]
    assert _daemon_tick(root, home) == []
    _drop(root, "2026-11-03", "b.wav")
    assert _daemon_tick(root, home) == ["2026-11-03"]


def _daemon_tick(root: Path, home: Path) -> list[str | None]:
    """Tick as a daemon that has just started: what it knows, it reads from the instance on disk and stores there."""
    home.mkdir(exist_ok=True)
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        stored = instance.daemon_cursor_storage.get_cursor_values({"arrivals"}).get("arrivals")
        answer = _tick(root, stored)
        if isinstance(answer, dg.SkipReason):
            return []
        instance.daemon_cursor_storage.set_cursor_values({"arrivals": str(answer.cursor)})
        return _days(answer)
