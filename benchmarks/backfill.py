"""``python -m benchmarks.backfill``: what a run costs beside the engine's work, and whether many runs at once lose
anything.

First one day of recordings in one run, then the same day with one more file: how much of the time is not the engine's,
and how much of a full run the file costs. Then days by the dozen as users do it, ``make backfill`` through the daemon's
queue on PostgreSQL, while one run is killed and one day holds nothing but broken files. The engine's time is what the
materialisations report, waiting for a turn at the processor included; all other time is Dagster, gates, storage, marts
and the start of processes.
"""

import hashlib
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import dagster as dg
import pandas as pd
import typer
import yaml
from dagster._core.events import DagsterEventType
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.tags import PARTITION_NAME_TAG

from benchmarks.support.deployment import REPOSITORY, Deployment
from benchmarks.support.postgres import postgres
from benchmarks.support.recordings import write_recordings
from emotion_pipeline.cli.backfill import daemon_is_there
from emotion_pipeline.engine.stages.tables import RAW_AUDIO, SEGMENTS, TABLES, TONE_SENTIMENT, TRANSCRIPTS

FIRST: Final = date(2026, 1, 1)
WANTED: Final = {"overhead_share": 0.25, "one_new_file_share": 0.10}
_START_S: Final = 120.0
_BY_SEGMENT: Final = ("linguistic_features", "tone_scores", "sentiment_scores", "emotion_labels")


def main(
    days: Annotated[int, typer.Option(help="Days of the backfill, the bad one included.")] = 30,
    recordings: Annotated[int, typer.Option(help="Recordings a day.")] = 20,
    seconds: Annotated[float, typer.Option(help="Length of a recording of the backfill.")] = 4.0,
    single_seconds: Annotated[float, typer.Option(help="Length of a recording of the single run.")] = 60.0,
    at_once: Annotated[int, typer.Option(help="Runs at once.")] = 4,
) -> None:
    """Print the figures as one JSON line; end with 1 where a row is missing or double."""
    with tempfile.TemporaryDirectory(prefix="benchmark-backfill-") as folder:
        figures = {
            **single_run(Deployment(Path(folder) / "single"), recordings, single_seconds),
            **{f"wanted_{name}": value for name, value in WANTED.items()},
            **many_runs(Path(folder) / "many", days, recordings, seconds, at_once),
        }
    typer.echo(json.dumps(figures))
    raise typer.Exit(1 if figures["faults"] else 0)


def single_run(deployment: Deployment, recordings: int, seconds: float) -> dict[str, Any]:
    """One day in one process, marts included; then again with one more recording.

    ``command`` is all that a user waits for: interpreter, imports, the run of the day, the marts; ``run`` is that run.
    """
    day = str(FIRST)
    deployment.configure("telemetry: {enabled: false}\n")
    write_recordings(deployment.recordings / day, recordings, seconds)
    code, full_s = deployment.backfill(day, day)
    before = deployment.reports()
    write_recordings(deployment.recordings / day, 1, seconds, first=recordings)
    again, more_s = deployment.backfill(day, day)
    _must_succeed(code or again, deployment, "emotion_pipeline.cli.backfill")
    after = [report for report in deployment.reports() if report not in before]
    more_run_s, full_run_s = [_seconds(deployment, run) for run in _runs(deployment)]
    engine_s = _engine_seconds(before)
    return {
        "recordings": recordings,
        "recording_seconds": seconds,
        "command_s": round(full_s, 1),
        "run_s": round(full_run_s, 1),
        "engine_s": round(engine_s, 1),
        "overhead_share": round(1.0 - engine_s / full_s, 3),
        "run_overhead_share": round(1.0 - engine_s / full_run_s, 3),
        "one_new_file_command_s": round(more_s, 1),
        "one_new_file_run_s": round(more_run_s, 1),
        "one_new_file_engine_s": round(_engine_seconds(after), 1),
        "one_new_file_share": round(more_s / full_s, 3),
        "one_new_file_run_share": round(more_run_s / full_run_s, 3),
        "one_new_file_recordings_computed": _computed(after, "raw_audio"),
        "one_new_file_transcripts_computed": _computed(after, "transcripts"),
    }


def many_runs(folder: Path, days: int, recordings: int, seconds: float, at_once: int) -> dict[str, Any]:
    """Days through the queue; the run that has just begun when half of them are done is killed."""
    dates = [str(FIRST + timedelta(days=number)) for number in range(days)]
    bad = dates[days // 3]
    with postgres(folder / "postgres") as address:
        deployment = Deployment(folder, {"DAGSTER_PG_URL": address})
        deployment.configure(_dagster_yaml(at_once))
        for number, day in enumerate(dates):
            write_recordings(deployment.recordings / day, recordings, seconds, first=number * recordings)
        for broken in (deployment.recordings / bad).iterdir():
            broken.write_bytes(b"RIFF" + broken.name.encode())
        with daemon(deployment):
            killed: list[str] = []
            killer = threading.Thread(target=_kill_one, args=(deployment, days // 2, killed), daemon=True)
            killer.start()
            code, wall_s = deployment.backfill(dates[0], dates[-1])
        runs, held_back = _runs(deployment), _held_back(deployment)
        engine_s = _engine_seconds(deployment.reports())
    faults = [*_faults(deployment, dates, bad), *([] if killed else ["no run was killed"])]
    if held_back != {bad}:
        faults.append(f"gates held back {sorted(held_back)}, not {bad} alone")
    log = deployment.log("emotion_pipeline.cli.backfill")
    expected = ("in the run queue", f"failed: {bad}")
    faults += [f"the command did not say {line!r}" for line in expected if line not in log]
    return {
        "days": days,
        "days_recording_seconds": seconds,
        "at_once": at_once,
        "wall_s": round(wall_s, 1),
        "engine_s_in_all_runs": round(engine_s, 1),
        "runs": len(runs),
        "runs_that_failed": sum(run.is_failure for run in runs),
        "killed": killed,
        "exit_code": code,
        "recordings_a_minute": round(60 * recordings * (days - 1) / wall_s, 1),
        "faults": faults,
    }


@contextmanager
def daemon(deployment: Deployment) -> Iterator[None]:
    """Dagster's daemon at work until the block ends. Raises SystemExit where it does not begin to."""
    process = deployment.start("dagster._daemon", "run", "-m", "emotion_pipeline.definitions")
    try:
        with deployment.instance() as instance:
            deadline = time.monotonic() + _START_S
            while not daemon_is_there(instance):
                _must_succeed(process.poll() or int(time.monotonic() > deadline), deployment, "dagster._daemon")
                time.sleep(0.5)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30.0)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _dagster_yaml(at_once: int) -> str:
    """The instance that ships for several hosts, with so many runs at once."""
    shipped = yaml.safe_load((REPOSITORY / "deploy" / "dagster.yaml").read_text(encoding="utf-8"))
    shipped["concurrency"]["runs"]["max_concurrent_runs"] = at_once
    return yaml.safe_dump(shipped)


def _kill_one(deployment: Deployment, after: int, killed: list[str]) -> None:
    """Kill the process of a run that is under way once ``after`` runs have ended, and note its day."""
    with deployment.instance() as instance:
        while not killed:
            time.sleep(0.2)
            ended = instance.get_runs_count(dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS]))
            under_way = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]), limit=1)
            if ended < after or not under_way:
                continue
            process = _process_of(instance, under_way[0].run_id)
            if process is not None:
                os.kill(process, signal.SIGKILL)
                killed.append(under_way[0].tags[PARTITION_NAME_TAG])


def _process_of(instance: dg.DagsterInstance, run_id: str) -> int | None:
    events = instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT)
    named = (re.search(r"process for run \(pid: (\d+)\)", event.message + event.user_message) for event in events)
    return next((int(found[1]) for found in named if found), None)


def _runs(deployment: Deployment) -> list[dg.DagsterRun]:
    """Return all runs of days, the newest first; those that build the marts have no day."""
    with deployment.instance() as instance:
        return [run for run in instance.get_runs() if PARTITION_NAME_TAG in run.tags]


def _seconds(deployment: Deployment, run: dg.DagsterRun) -> float:
    with deployment.instance() as instance:
        record = instance.get_run_record_by_id(run.run_id)
    if record is None or record.start_time is None or record.end_time is None:
        raise SystemExit(f"run {run.run_id} has not ended")
    return record.end_time - record.start_time


def _held_back(deployment: Deployment) -> set[str]:
    """Return the days that a gate of recordings has refused."""
    gate = dg.AssetCheckKey(dg.AssetKey(RAW_AUDIO.name), "gate")
    with deployment.instance() as instance:
        records = instance.event_log_storage.get_asset_check_execution_history(gate, limit=10_000)
    return {str(record.partition) for record in records if record.status is AssetCheckExecutionRecordStatus.FAILED}


def _engine_seconds(reports: list[tuple[str, str, Any]]) -> float:
    return sum(float(report["seconds"]) for _, _, report in reports if "seconds" in report)


def _computed(reports: list[tuple[str, str, Any]], table: str) -> int:
    return sum(int(report["computed"]) for _, name, report in reports if name == table)


def _faults(deployment: Deployment, days: list[str], bad: str) -> Iterator[str]:
    """Say of every day what is missing, double or there without a right to be."""
    for day in days:
        found = {name: rows for name, table in TABLES.items() if (rows := deployment.lake.read(table, day)) is not None}
        files = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (deployment.recordings / day).iterdir()}
        if day == bad:
            yield from (f"{name} holds the bad day {day}" for name in found)
        elif missing := TABLES.keys() - found.keys():
            yield f"{day}: no {', '.join(sorted(missing))}"
        else:
            yield from (f"{day}: {fault}" for fault in _incomplete(found, files))


def _incomplete(tables: dict[str, pd.DataFrame], files: set[str]) -> Iterator[str]:
    """Say which tables of one day hold a key twice, or not exactly the recordings and segments that they should."""
    segments = set(tables[SEGMENTS.name]["segment_id"])
    expected = {
        **dict.fromkeys((RAW_AUDIO.name, TRANSCRIPTS.name), ("recording_id", files)),
        **dict.fromkeys(_BY_SEGMENT, ("segment_id", segments)),
        TONE_SENTIMENT.name: ("subject_id", files | segments),
    }
    for name, rows in tables.items():
        if rows.duplicated(list(TABLES[name].key)).any():
            yield f"{name} holds a key twice"
    for name, (key, values) in expected.items():
        if set(tables[name][key]) != values:
            yield f"{name} has not the {len(values)} keys {key} that it should have"


def _must_succeed(code: int | None, deployment: Deployment, module: str) -> None:
    if code:
        raise SystemExit(f"{module} ended with {code}:\n{deployment.log(module)[-4_000:]}")


if __name__ == "__main__":
    typer.run(main)
