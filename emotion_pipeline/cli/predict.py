"""``emotion-clf predict``: what texts or recordings express."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from emotion_pipeline.cli import configured
from emotion_pipeline.cli.console import ERRORS, OUT, print_line, print_table, progress
from emotion_pipeline.cli.output import check_output, check_text_output, work_folder, write, write_text

if TYPE_CHECKING:
    from emotion_pipeline.analyzer import RecordingResult
    from emotion_pipeline.engine.sources.base import FoundRecording

app = typer.Typer()

_STANDARD_INPUT: Final = "-"
# Texts that are scored together.
_TEXTS_AT_ONCE: Final = 512

_Row = dict[str, Any]


class Format(StrEnum):
    """How a recording is printed: as JSON, or its words in one of the forms of ``engine.stages.subtitles``."""

    JSON = "json"
    SRT = "srt"
    VTT = "vtt"
    TXT = "txt"


@app.command()
def predict(
    text: Annotated[
        list[str] | None, typer.Option(help="A text to score; may be given several times. - reads lines from stdin.")
    ] = None,
    file: Annotated[list[Path] | None, typer.Option(help="A recording to analyse; may be given several times.")] = None,
    url: Annotated[
        list[str] | None,
        typer.Option(help="The address of a recording or of a page with a video; as often as you like."),
    ] = None,
    dir: Annotated[Path | None, typer.Option(help="A folder of recordings.")] = None,  # noqa: A002
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line, when it is done.")] = False,
    kind: Annotated[
        Format | None,
        typer.Option("--format", help="json is --json; srt, vtt and txt are the words with speaker and tone."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Write a .csv, .parquet or .jsonl file instead; of srt, vtt and txt a file or a folder."),
    ] = None,
    raw_csv: Annotated[
        bool, typer.Option("--raw-csv", help="Write texts as they are that a spreadsheet would run as formulas.")
    ] = False,
) -> None:
    """Say what texts or recordings express.

    Without any of the first four options texts are read from standard input, one a line. With --output the same
    command goes on where an earlier one was interrupted: only the remaining recordings are analysed. In a .csv file a
    text that begins like a formula has an apostrophe in front.

    Exit codes: 0 done; 1 a recording was rejected or failed, or a setting, model or file is missing or broken; 2 the
    command was used wrongly; 130 interrupted.

    Example: emotion-clf predict --file call.wav --json

    Example: emotion-clf predict --dir recordings/2026-11-02 --output result.parquet

    Example: emotion-clf predict --file call.wav --format srt --output call.srt
    """
    as_json = as_json or kind is Format.JSON
    subtitled = kind if kind is not Format.JSON else None
    named = [option for option, value in (("--file", file), ("--url", url), ("--dir", dir)) if value]
    if text and named:
        raise typer.BadParameter(f"--text and {named[0]} exclude each other; give one command for each")
    if subtitled and (text or not named):
        raise typer.BadParameter(f"--format {subtitled} is for recordings; give --file, --url or --dir")
    if output is not None:
        check_text_output(output) if subtitled else check_output(output)
    texts = _texts(text, or_piped=not named)
    recordings = _recordings(file or [], url or [], dir)
    if not (texts or recordings):
        ERRORS.print(f"{f'no recordings in {dir}' if dir else 'standard input is empty'}; nothing to do")
        return
    if subtitled:
        _subtitle(recordings, subtitled, output)
        return
    hide_bar = as_json and output is None and OUT.is_terminal
    rows = _score_texts(texts) if texts else _analyse(recordings, output, hide_bar=hide_bar)
    if _deliver(rows, output, as_json=as_json, raw_csv=raw_csv) & {"rejected", "failed"}:
        raise typer.Exit(1)


def _texts(options: Sequence[str] | None, *, or_piped: bool) -> list[str]:
    texts = list(options or ())
    if texts != [_STANDARD_INPUT] and (texts or not or_piped):
        return texts
    if sys.stdin is None or (not texts and sys.stdin.isatty()):
        raise typer.BadParameter("give --text, --file, --url or --dir, or pipe texts in, one a line")
    try:
        lines = sys.stdin.buffer.read().decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise typer.BadParameter(
            f"standard input is not UTF-8 (byte {error.start}); convert it to that encoding"
        ) from error
    return [line.removesuffix("\r") for line in (lines if lines[-1] else lines[:-1])]


def _recordings(files: Sequence[Path], addresses: Sequence[str], folder: Path | None) -> "list[FoundRecording]":
    if not (files or addresses or folder):
        return []
    from emotion_pipeline.engine.sources.local import found_recording, recordings_below

    recordings = [found_recording(path) for path in files] + (recordings_below(folder) if folder else [])
    sources = configured.sources()
    return recordings + [sources.find(address) for address in addresses]


def _score_texts(texts: Sequence[str]) -> Iterator[_Row]:
    from emotion_pipeline.engine.sentiment.text_scoring import score_texts

    backends, remaining = configured.backends(), iter(texts)
    while batch := list(islice(remaining, _TEXTS_AT_ONCE)):
        yield from (score.to_dict() for score in score_texts(batch, backends.emotion, backends.sentiment))


def _subtitle(recordings: "Sequence[FoundRecording]", kind: Format, output: Path | None) -> None:
    """Print or write the subtitles of recordings: of several into a folder, each named like its recording."""
    from emotion_pipeline.engine.stages.subtitles import subtitles

    if len(recordings) > 1 and not (output and output.is_dir()):
        raise typer.BadParameter(
            f"{len(recordings)} recordings become as many files: give --output FOLDER, made before"
        )
    failed = False
    for result in _results(recordings, None, hide_bar=output is None):
        if result.status in {"rejected", "failed"}:
            ERRORS.print(f"{result.file}: {result.status}: {result.detail}", style="red")
            failed = True
            continue
        text = subtitles(result, kind)
        if output is None:
            OUT.out(text, end="", highlight=False)
        else:
            write_text(text, output / f"{Path(result.file).stem}.{kind}" if output.is_dir() else output)
    if failed:
        raise typer.Exit(1)


def _analyse(recordings: "Sequence[FoundRecording]", output: Path | None, *, hide_bar: bool) -> Iterator[_Row]:
    return (result.to_dict() for result in _results(recordings, output, hide_bar=hide_bar))


def _results(
    recordings: "Sequence[FoundRecording]", output: Path | None, *, hide_bar: bool
) -> "Iterator[RecordingResult]":
    from emotion_pipeline.analyzer import AudioAnalyzer

    work = work_folder(output) if output else None
    with progress(hidden=hide_bar) as show:
        show("analysing", 0, len(recordings), recordings[0].file)
        try:
            skipped = {recording.file: None for recording in recordings}
            for done, result in enumerate(AudioAnalyzer().stream(recordings, work=work), start=1):
                show("analysing", done, len(recordings), result.file)
                skipped.pop(result.file, None)
                yield result
            if skipped:
                ERRORS.print(f"no recordings, left out: {', '.join(skipped)}")
        except KeyboardInterrupt:
            if work is not None:
                ERRORS.print("interrupted; the same command goes on from here")
            raise


def _deliver(rows: Iterable[_Row], output: Path | None, *, as_json: bool, raw_csv: bool) -> set[str | None]:
    """Write rows to a file, or print them as JSON lines or as a table, and return their statuses."""
    statuses: set[str | None] = set()
    table: list[_Row] = []
    for row in rows:
        statuses.add(row.get("status"))
        if as_json and output is None:
            print_line(row)  # at once: the next row may take minutes
        else:
            table.append(row)
    if output is not None:
        write(table, output, raw_csv=raw_csv)
    elif table:
        print_table(table)
    return statuses
