"""``python -m benchmarks.languages``: how many clips a model of English takes for another language.

Clips of acted speech in German, Bangla and English and readings in English, each by itself, as the pipeline hears them:
of the first two most should be noticed, of the others none.
"""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from emotion_pipeline.engine.transcribe.recording import LocalTranscriber
from emotion_pipeline.engine.transcribe.whisper.faster import faster_whisper

CORPORA: Final = {"emodb": "German", "banglaser": "Bangla", "crema_d": "English"}


def main(
    data: Annotated[Path, typer.Option(help="Folder with tone/ and speech/.")] = Path("../shared/data"),
    clips: Annotated[int, typer.Option(help="Of each corpus, evenly spread.")] = 170,
) -> None:
    """Print one JSON line: of each corpus how many clips were taken for another language than English."""
    transcriber = LocalTranscriber(faster_whisper("tiny.en"))
    corpora = {f"{name} ({language})": _spread(data / "tone" / name, clips) for name, language in CORPORA.items()}
    corpora["read (English)"] = sorted((data / "speech" / "read").glob("*.flac"))[:clips]
    typer.echo(json.dumps({name: noticed(transcriber, files) for name, files in corpora.items()}))


def noticed(transcriber: LocalTranscriber, files: Sequence[Path]) -> dict[str, Any]:
    """Return how many of the recordings are taken for another language than English."""
    other = sum(transcriber.transcribe(file, speakers=("speaker_1",)).language != "en" for file in files)
    return {"clips": len(files), "not_english": other, "share": round(other / len(files), 3)}


def _spread(folder: Path, count: int) -> list[Path]:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [folder / row["file"] for row in rows[:: max(1, len(rows) // count)][:count]]


if __name__ == "__main__":
    typer.run(main)
