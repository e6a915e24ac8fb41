"""``python -m benchmarks.transcribe``: word error rate and speed of every transcriber that can run here.

The peer is PocketSphinx as its documentation shows it: default search, the whole file at once, no voice activity. A
back end without weights or key is listed with the reason and no figure. ``--markdown`` prints README's table.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import typer

from emotion_pipeline.config.engine_options import backend_choice
from emotion_pipeline.config.logs import to_logging
from emotion_pipeline.config.settings import load_settings
from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.types import Transcript, Word
from emotion_pipeline.engine.transcribe.base import Transcriber
from emotion_pipeline.engine.transcribe.checkpoints import Checkpoints
from emotion_pipeline.engine.transcribe.registry import TRANSCRIBERS
from emotion_pipeline.training.evaluation.asr import evaluate_asr

PEER: Final = "pocketsphinx, whole file (peer)"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One row of the table; figures are None where ``note`` says why nothing was measured."""

    backend: str
    n: int | None = None
    wer: float | None = None
    # Over the recordings below ``read/`` alone.
    wer_read: float | None = None
    audio_seconds_per_second: float | None = None
    note: str = ""


class WholeFile:
    """The peer: a default decoder is given a recording as one utterance, all channels mixed."""

    fingerprint = PEER

    def transcribe(
        self, recording: Path, checkpoints: Checkpoints | None = None, speakers: tuple[str, ...] | None = None
    ) -> Transcript:
        from pocketsphinx import Decoder

        decoder = Decoder(loglevel="FATAL")
        pcm = (np.clip(decode(recording)[0], -1.0, 1.0) * (2**15 - 1)).astype("<i2").tobytes()
        decoder.start_utt()
        decoder.process_raw(pcm, full_utt=True)
        decoder.end_utt()
        text = decoder.hyp().hypstr if decoder.hyp() else ""
        words = tuple(Word(word, 0.0, 0.0, 1.0, "speaker_1") for word in text.split())
        return Transcript(words, (), "en", None, "assumed_one")


def main(
    manifest: Annotated[Path, typer.Option(help="TSV with file, seconds, reference.")] = Path(
        "../shared/data/speech/manifest.tsv"
    ),
    markdown: Annotated[bool, typer.Option(help="Print a table for people instead of JSON.")] = False,
    backends: Annotated[list[str] | None, typer.Option(help="Which back ends; by default all.")] = None,
) -> None:
    """Measure every transcriber on the same recordings, one after the other."""
    to_logging()
    measured = [measure(name, manifest) for name in backends or TRANSCRIBERS.specs]
    if not backends:
        measured.append(figures(PEER, WholeFile(), manifest))
    typer.echo(_table(measured) if markdown else json.dumps({"transcribe": [asdict(one) for one in measured]}))


def measure(name: str, manifest: Path) -> Measurement:
    """Return the figures of one back end as the settings make it, or why it cannot run here."""
    options = backend_choice(load_settings()).transcriber_options
    try:
        return figures(name, TRANSCRIBERS.load(name, options=options), manifest)
    except BackendUnavailableError as error:
        return Measurement(name, note=f"not measured: {error}")


def figures(name: str, transcriber: Transcriber, manifest: Path) -> Measurement:
    """Return word error rate and speed of one transcriber; the speed is that of the second pass, with all loaded."""
    read = evaluate_asr(transcriber, manifest, below="read/")
    whole = evaluate_asr(transcriber, manifest)
    return Measurement(name, whole.n, whole.wer, read.wer, whole.audio_seconds_per_second)


def _table(measured: list[Measurement]) -> str:
    lines = ["| back end | n | word error rate | of it `read/` | audio seconds a second |", "|---|---|---|---|---|"]
    for one in measured:
        cells: list[Any] = [one.backend, one.n, one.wer, one.wer_read, one.audio_seconds_per_second]
        shown = ["not measured" if cell is None else str(cell) for cell in cells]
        lines.append(f"| {' | '.join(shown)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    typer.run(main)
