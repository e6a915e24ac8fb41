"""What ``make backfill FROM=… TO=…`` runs: the days of a range through the real jobs, with progress and an exit code.

Where Dagster's daemon runs on this instance the days wait in its run queue; otherwise they run here one by one.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Annotated, Final

import dagster as dg
import typer

from emotion_pipeline.cli.console import run_command
from emotion_pipeline.cli.in_process import CONSOLE, build_marts, make_day
from emotion_pipeline.config.logs import to_logging
from emotion_pipeline.config.settings import Settings, load_settings
from emotion_pipeline.definitions import build_defs
from emotion_pipeline.engine.sources.fetch_errors import SourceError
from emotion_pipeline.engine.stages.tables import RAW_AUDIO, STORED
from emotion_pipeline.jobs.jobs import WHY
from emotion_pipeline.resources.dagster_private import (
    PARTITION_TAG,
    add_backfill,
    backfill_has_ended,
    they_are_healthy,
)
from emotion_pipeline.resources.recordings import RecordingSource
from emotion_pipeline.warehouse.choice import warehouse_of

_DAEMONS: Final = ("BACKFILL", "QUEUED_RUN_COORDINATOR")
_POLL_S: Final = 1.0

# A day, and whether it succeeded.
Outcome = tuple[str, bool]


def main(
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day, as in 2026-11-02.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day, itself included.")],
) -> None:
    """Materialise every day from first to last that has recordings, then build the marts once."""
    to_logging()
    settings = load_settings()
    if last < first:
        raise typer.BadParameter(f"--to {last.date()} lies before --from {first.date()}; exchange them")
    try:
        days = days_between(settings, first.date(), last.date())
    except SourceError as error:
        raise typer.BadParameter(str(error)) from error
    with dg.DagsterInstance.get() as instance:
        queued = daemon_is_there(instance)
        CONSOLE.print(f"{len(days)} days, {'in the run queue' if queued else 'in this process: no daemon is at work'}")
        definitions = build_defs(settings)
        outcomes = (in_queue if queued else in_process)(definitions, instance, days)
        failed = _watch(outcomes, len(days))
        marts_built = not days or build_marts(definitions, instance)
    if failed:
        CONSOLE.print(f"failed: {', '.join(failed)}")
    raise typer.Exit(0 if marts_built and not failed else 1)


def days_between(settings: Settings, first: date, last: date) -> list[str]:
    """Return the days of the range that have recordings or were materialised before. Raises SourceError."""
    source = RecordingSource.of(settings.sources)
    partitions = source.partitions
    days = {*source.days(), *warehouse_of(settings).partitions(RAW_AUDIO)}
    return sorted(day for day in days if str(first) <= day <= str(last) and partitions.has_partition_key(day))


def daemon_is_there(instance: dg.DagsterInstance) -> bool:
    """Return whether the daemons that a backfill takes have given a sign of life lately."""
    return they_are_healthy(instance, _DAEMONS)


def in_process(definitions: dg.Definitions, instance: dg.DagsterInstance, days: Sequence[str]) -> Iterator[Outcome]:
    """Run the days here, one after the other; models are loaded once."""
    for day in days:
        yield day, make_day(definitions, instance, day).success


def in_queue(definitions: dg.Definitions, instance: dg.DagsterInstance, days: Sequence[str]) -> Iterator[Outcome]:
    """Hand the days to the daemon, a run each, and report each when its last run has ended."""
    backfill_id = add_backfill(instance, definitions, list(STORED), days, {WHY: "make backfill"})
    reported: set[str] = set()
    while len(reported) < len(days):
        ended = backfill_has_ended(instance, backfill_id)
        for day, success in _finished(instance, backfill_id).items():
            if day not in reported and (success or ended):
                reported.add(day)
                yield day, success
        if ended:
            yield from ((day, False) for day in days if day not in reported)
            return
        time.sleep(_POLL_S)


def _finished(instance: dg.DagsterInstance, backfill_id: str) -> dict[str, bool]:
    """Return the days of which a run has ended, with what its latest run came to: a crash is tried again."""
    newest_first = instance.get_runs(dg.RunsFilter.for_backfill(backfill_id))
    latest: dict[str, dg.DagsterRun] = {}
    for run in newest_first:
        latest.setdefault(run.tags[PARTITION_TAG], run)
    return {day: run.is_success for day, run in latest.items() if run.is_finished}


def _watch(outcomes: Iterator[Outcome], total: int) -> list[str]:
    """Print each day when it is done, and return those that failed."""
    failed = []
    for number, (day, success) in enumerate(outcomes, start=1):
        CONSOLE.print(f"[{number}/{total}] {day}  {'ok' if success else 'FAILED'}")
        if not success:
            failed.append(day)
    return sorted(failed)


if __name__ == "__main__":
    run_command(lambda: typer.run(main))
