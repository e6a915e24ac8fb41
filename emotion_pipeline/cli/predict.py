"""``emotion-clf predict``: what texts or recordings express."""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from emotion_pipeline.cli import configured
from emotion_pipeline.cli.console import OUT, print_table, working
from emotion_pipeline.engine.audio.store import FolderAudioStore
from emotion_pipeline.engine.sources.base import FoundRecording
from emotion_pipeline.engine.sources.hub import Sources
from emotion_pipeline.engine.sources.local import found_recording, recordings_below

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer()

_WRITERS: Final[Mapping[str, Callable[["pd.DataFrame", Path], object]]] = {
    ".csv": lambda frame, path: frame.to_csv(path, index=False),
    ".parquet": lambda frame, path: frame.to_parquet(path, index=False),
    ".jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True),
}
"""How a result is written, by the suffix of its file."""


@app.command()
def predict(
    text: Annotated[list[str] | None, typer.Option(help="A text to judge; may be given several times.")] = None,
    file: Annotated[list[Path] | None, typer.Option(help="A recording to analyse; may be given several times.")] = None,
    url: Annotated[
        list[str] | None,
        typer.Option(help="The address of a recording or of a page with a video; as often as you like."),
    ] = None,
    dir: Annotated[Path | None, typer.Option(help="A folder of recordings.")] = None,  # noqa: A002
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    output: Annotated[Path | None, typer.Option(help="Write a .csv, .parquet or .jsonl file instead.")] = None,
) -> None:
    """Say what texts or recordings express.

    Example: emotion-clf predict --file call.wav --json
    """
    sources = configured.sources()
    recordings = [found_recording(path) for path in file or []] + (recordings_below(dir) if dir else [])
    recordings += [sources.find(address) for address in url or []]
    if bool(text) == bool(recordings):
        raise typer.BadParameter("give either --text, or --file, --url and --dir; and the folder must hold recordings")
    if output is not None and output.suffix not in _WRITERS:
        raise typer.BadParameter(f"{output} must end in {', '.join(_WRITERS)}")
    rows = _predict_texts(text) if text else _predict_recordings(recordings, sources)
    if output is not None:
        _write(rows, output)
    elif as_json:
        for row in rows:
            OUT.print_json(json.dumps(row), indent=None)
    else:
        print_table(rows)
    if any(row.get("status") in {"rejected", "failed"} for row in rows):
        raise typer.Exit(1)


def _predict_texts(texts: Sequence[str]) -> list[dict[str, Any]]:
    backends = configured.backends()
    emotions, sentiments = backends.emotion.predict(texts), backends.sentiment.score(texts)
    return [
        {"text": text, **asdict(emotion), "sentiment_score": sentiment}
        for text, emotion, sentiment in zip(texts, emotions, sentiments, strict=True)
    ]


def _predict_recordings(recordings: Sequence[FoundRecording], sources: Sources) -> list[dict[str, Any]]:
    from emotion_pipeline.engine.stages.chain import analyse
    from emotion_pipeline.engine.stages.report import report

    with tempfile.TemporaryDirectory() as folder, working(f"analysing {len(recordings)} recordings"):
        today = datetime.now(UTC).strftime("%Y-%m-%d")
        analysis = analyse(today, recordings, sources, configured.backends(), FolderAudioStore(Path(folder)))
        return [one.to_dict() for one in report(analysis)]


def _write(rows: Sequence[dict[str, Any]], output: Path) -> None:
    import pandas as pd

    unfinished = output.with_name(f".{output.name}.tmp")
    try:
        _WRITERS[output.suffix](pd.DataFrame(rows), unfinished)
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)
