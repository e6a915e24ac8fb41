"""``emotion-clf predict``: what texts or recordings express."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from emotion_pipeline.analyzer import AudioAnalyzer
from emotion_pipeline.cli import configured
from emotion_pipeline.cli.console import ERRORS, OUT, print_line, print_table, progress
from emotion_pipeline.cli.output import check_output, work_folder, write
from emotion_pipeline.engine.sentiment.text_scoring import judge
from emotion_pipeline.engine.sources.base import FoundRecording
from emotion_pipeline.engine.sources.local import found_recording, recordings_below

app = typer.Typer()

_STANDARD_INPUT: Final = "-"
# Texts that are read from standard input before they are judged together.
_TEXTS_AT_ONCE: Final = 512

_Row = dict[str, Any]


@app.command()
def predict(
    text: Annotated[
        list[str] | None, typer.Option(help="A text to judge; may be given several times. - reads lines from stdin.")
    ] = None,
    file: Annotated[list[Path] | None, typer.Option(help="A recording to analyse; may be given several times.")] = None,
    url: Annotated[
        list[str] | None,
        typer.Option(help="The address of a recording or of a page with a video; as often as you like."),
    ] = None,
    dir: Annotated[Path | None, typer.Option(help="A folder of recordings.")] = None,  # noqa: A002
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line, when it is done.")] = False,
    output: Annotated[Path | None, typer.Option(help="Write a .csv, .parquet or .jsonl file instead.")] = None,
) -> None:
    """Say what texts or recordings express.

    Without any of the first four options texts are read from standard input, one a line. With --output a command that
    was interrupted goes on where it was when it is given again: only recordings that are missing are analysed.

    Exit codes: 0 done; 1 a recording was rejected or failed, or something that is needed is missing or broken; 2 wrong
    use; 130 interrupted.

    Example: emotion-clf predict --file call.wav --json

    Example: emotion-clf predict --dir recordings/2026-11-02 --output result.parquet
    """
    if output is not None:
        check_output(output)
    texts = _texts(text, or_piped=not (file or url or dir))
    recordings = _recordings(file or [], url or [], dir)
    if bool(texts) == bool(recordings):
        raise typer.BadParameter("give either --text, or --file, --url and --dir; and the folder must hold recordings")
    prints_at_once = as_json and output is None
    rows = _judged(texts) if texts else _analysed(recordings, output, hide_bar=prints_at_once and OUT.is_terminal)
    statuses = _print_lines(rows) if prints_at_once else _deliver(list(rows), output)
    if statuses & {"rejected", "failed"}:
        raise typer.Exit(1)


def _texts(given: Sequence[str] | None, *, or_piped: bool) -> list[str]:
    named = list(given or ())
    if named != [_STANDARD_INPUT] and (named or not or_piped or sys.stdin.isatty()):
        return named
    try:
        lines = sys.stdin.buffer.read().decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise typer.BadParameter(
            f"standard input is no UTF-8 (byte {error.start}); save it in that encoding"
        ) from error
    return [line.removesuffix("\r") for line in (lines if lines[-1] else lines[:-1])]


def _recordings(files: Sequence[Path], addresses: Sequence[str], folder: Path | None) -> list[FoundRecording]:
    found = [found_recording(path) for path in files] + (recordings_below(folder) if folder else [])
    sources = configured.sources()
    return found + [sources.find(address) for address in addresses]


def _judged(texts: Sequence[str]) -> Iterator[_Row]:
    backends, waiting = configured.backends(), iter(texts)
    while some := list(islice(waiting, _TEXTS_AT_ONCE)):
        yield from (one.to_dict() for one in judge(some, backends.emotion, backends.sentiment))


def _analysed(recordings: Sequence[FoundRecording], output: Path | None, *, hide_bar: bool) -> Iterator[_Row]:
    work = work_folder(output) if output else None
    done = 0
    with progress(hidden=hide_bar) as told:
        told("analysing", done, len(recordings), recordings[0].file)
        try:
            for result in AudioAnalyzer().stream(recordings, work=work):
                done += 1
                told("analysing", done, len(recordings), result.file)
                yield result.to_dict()
        except KeyboardInterrupt:
            if work is not None:
                ERRORS.print("interrupted; the same command goes on from here", highlight=False)
            raise


def _print_lines(rows: Iterable[_Row]) -> set[str | None]:
    """Print each row when it is there and return the statuses that rows have."""
    statuses: set[str | None] = set()
    for row in rows:
        print_line(row)
        statuses.add(row.get("status"))
    return statuses


def _deliver(rows: Sequence[_Row], output: Path | None) -> set[str | None]:
    """Write rows or print them as a table, and return the statuses that they have."""
    if output is not None:
        write(rows, output)
    else:
        print_table(rows)
    return {row.get("status") for row in rows}
