"""Printing: results to standard output, progress and errors to standard error, and how a command ends."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from rich.console import Console
from rich.table import Table

from emotion_pipeline.engine.common.errors import EmotionPipelineError

# Columns that only JSON output has: with them a table would be too wide to read.
_JSON_ONLY: Final = {
    "base_probabilities",
    "features",
    "intensity_probability",
    "label_scores",
    "metrics",
    "notices",
    "segments",
    "speakers",
    "sub_probability",
}

# Texts and file names may hold square brackets, which are no markup.
OUT: Final = Console(soft_wrap=True, markup=False, highlight=False)
ERRORS: Final = Console(stderr=True, soft_wrap=True, markup=False, highlight=False)


def run_command(command: Callable[[], object]) -> None:
    """Run a command line. What a user or a disk can cause ends it with one line and exit code 1, with no traceback.

    Where the reader of a pipe has gone, as ``head`` goes, the command is done: exit code 0.
    """
    try:
        command()
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # typer and rich make it a failure
            raise SystemExit(0) from None
        raise
    except EmotionPipelineError as error:
        _fail(str(error), error)
    except OSError as error:
        what = (
            f"{error.filename}: {error.strerror}"
            if error.filename
            else f"cannot read or write: {error.strerror or error}"
        )
        _fail(f"{what}; check that it exists, its permissions and the space on its disk", error)


def _fail(message: str, error: Exception) -> NoReturn:
    ERRORS.print(f"error: {message}", style="red")
    # Python flushes standard output at the end, and would complain again of what cannot be written there.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    raise SystemExit(1) from error


@contextmanager
def working(activity: str) -> Iterator[None]:
    """Show a spinner beside ``activity`` until the block ends."""
    with ERRORS.status(activity):
        yield


@contextmanager
def progress(*, hidden: bool = False) -> Iterator[Callable[[str, int, int, str], None]]:
    """Yield a function that shows progress: ``show(activity, step, steps, remark)``.

    On a terminal it is a bar, elsewhere a plain line every hundred steps.

    :param hidden: draw no bar, because results are printed in its place
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=ERRORS, disable=hidden or not ERRORS.is_terminal) as bar:
        task = bar.add_task("")

        def show(activity: str, step: int, steps: int, remark: str) -> None:
            bar.update(task, description=f"{activity}: {remark}", completed=step, total=steps or 1)
            if not ERRORS.is_terminal and step and step % 100 == 0:
                ERRORS.print(f"{datetime.now(UTC):%H:%M:%S} {activity} {step}/{steps} {remark}")

        yield show


def print_figures(figures: Mapping[str, Any]) -> None:
    """Print measurements as one JSON object."""
    OUT.print_json(json.dumps(figures))


def print_line(row: Mapping[str, Any]) -> None:
    """Print one result as JSON on one line, coloured on a terminal; a pipe is flushed at once."""
    text = json.dumps(row)
    if OUT.is_terminal:
        OUT.print_json(text, indent=None)
    else:
        OUT.file.write(f"{text}\n")
        OUT.file.flush()


def print_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows of equal keys as a table; of one row alone, each field is a line."""
    names = [name for name in rows[0] if name not in _JSON_ONLY]
    if len(rows) == 1:
        table = Table(show_header=False)
        for name in names:
            table.add_row(name, cell(rows[0][name]))
    else:
        table = Table()
        for name in names:
            table.add_column(name.replace("_", " "), overflow="fold")
        for row in rows:
            table.add_row(*(cell(row[name]) for name in names))
    OUT.print(table)


def cell(value: Any) -> str:
    """Return a value as text for a table: numbers with three digits, the items of a list with commas."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}"
    return ", ".join(value) if isinstance(value, (list, tuple)) else str(value)
