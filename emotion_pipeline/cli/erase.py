"""``emotion-clf erase``: recordings removed from everything that the pipeline and the service store."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from emotion_pipeline.api.commands import lifetime
from emotion_pipeline.cli import configured
from emotion_pipeline.cli.console import ERRORS, OUT, working
from emotion_pipeline.config.settings import Settings, load_settings
from emotion_pipeline.engine.common.errors import EmotionPipelineError
from emotion_pipeline.warehouse.choice import warehouse_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from emotion_pipeline.warehouse.base import Chosen, Warehouse
    from emotion_pipeline.warehouse.erasure import Erasure

app = typer.Typer()

_STANDARD_ERROR: Final = 2


class ErasureError(EmotionPipelineError):
    """An erasure that was not finished; the message says what is left."""


@app.command()
def erase(
    recording: Annotated[
        list[str] | None, typer.Option(help="A recording_id, the SHA-256 of its bytes; may be given several times.")
    ] = None,
    file: Annotated[
        list[str] | None, typer.Option(help="A file, or the name or address under which it was taken in.")
    ] = None,
    older_than: Annotated[str | None, typer.Option(help="All days of more than this age, as in 90d.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Erase; without it only what would be erased is shown.")] = False,
) -> None:
    """Erase recordings: table rows, audio copies, refused batches, unfinished work, marts and the service's jobs.

    Delete them at their source first: what is still there is taken in again. No run may be at work meanwhile.

    Example: emotion-clf erase --file recordings/2026-11-02/call.wav

    Example: emotion-clf erase --older-than 90d --yes
    """
    if bool(recording or file) == bool(older_than):
        raise typer.BadParameter("give --recording or --file, or --older-than")
    from emotion_pipeline.warehouse.erasure import erase as erase_stored
    from emotion_pipeline.warehouse.erasure import planned
    from emotion_pipeline.warehouse.files import Files

    settings = load_settings()
    warehouse, files = warehouse_of(settings), Files(settings.storage.root)
    chosen = _chosen(warehouse, recording or [], file or [], older_than)
    erasure = planned(warehouse, files, chosen)
    jobs = _erase_jobs(settings, chosen, erasure, older_than, dry_run=True)
    _print(erasure, jobs, done=False)
    if not yes or (erasure.is_empty and not jobs):
        return
    with working("erasing"):
        # First what is found by way of the rows, so that a call that is cut off finds it again.
        _erase_jobs(settings, chosen, erasure, older_than, dry_run=False)
        erase_stored(warehouse, files, chosen, _forget(settings), erasure)
        rebuilt = not _has_marts(settings) or _rebuild_marts()
    _print(erasure, jobs, done=True)
    if not rebuilt:
        raise ErasureError("the marts could not be built anew and still hold the rows; run: dg launch --job marts_only")


def _chosen(warehouse: "Warehouse", ids: list[str], names: list[str], older_than: str | None) -> "Chosen":
    from emotion_pipeline.engine.common.hashing import hash_file
    from emotion_pipeline.warehouse.base import Chosen
    from emotion_pipeline.warehouse.erasure import days_before, recordings_named

    if older_than:
        return days_before(lifetime(older_than) / timedelta(days=1))
    recordings = set(ids)
    for name in names:
        named = {hash_file(Path(name))} if Path(name).is_file() else recordings_named(warehouse, name)
        if not named:
            raise ErasureError(f"{name}: there is no such file, and nothing was taken in under this name")
        recordings |= named
    return Chosen(frozenset(recordings))


def _erase_jobs(
    settings: Settings, chosen: "Chosen", erasure: "Erasure", older_than: str | None, *, dry_run: bool
) -> int:
    from emotion_pipeline.api.erasure import erase_jobs

    before = (datetime.now(UTC) - lifetime(older_than)).timestamp() if older_than else 0.0
    addresses = {source.uri for source in erasure.sources} if chosen.recordings else set()
    return erase_jobs(settings, chosen.recordings, addresses, before, dry_run=dry_run)


def _forget(settings: Settings) -> "Callable[[Sequence[str]], None] | None":
    """Return what drops texts from the cache of Cortex, where Cortex scores them."""
    if not settings.sentiment.backend.startswith("cortex"):
        return None
    from emotion_pipeline.engine.sentiment.cortex import CortexSentiment

    sentiment = configured.backends().sentiment
    return sentiment.forget if isinstance(sentiment, CortexSentiment) else None


def _has_marts(settings: Settings) -> bool:
    return settings.storage.backend == "snowflake" or settings.storage.marts.is_file()


def _rebuild_marts() -> bool:
    """Build all marts anew in a process that knows Dagster; return whether that was done."""
    command = [sys.executable, "-m", "emotion_pipeline.cli.in_process"]
    return subprocess.run(command, check=False, stdout=_STANDARD_ERROR).returncode == 0


def _print(erasure: "Erasure", jobs: int, *, done: bool) -> None:
    what = "erased" if done else "to erase"
    for table, days in erasure.rows.items():
        if days:
            OUT.print(f"{what}: {sum(days.values())} rows of {table} in {', '.join(days)}")
    OUT.print(f"{what}: {len(erasure.files)} files and refused batches, {jobs} jobs of the service")
    if done:
        return
    there = [source for source in erasure.sources if not source.uri.startswith("file:") or _is_there(source.uri)]
    for source in there:
        ERRORS.print(f"{source.day}/{source.file} may still be at its source, {source.uri}: delete it there first")
    if not erasure.is_empty:
        ERRORS.print("nothing was erased yet; --yes erases it")


def _is_there(uri: str) -> bool:
    from emotion_pipeline.engine.sources.local import local_path

    return local_path(uri).exists()
