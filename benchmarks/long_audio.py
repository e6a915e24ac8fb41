"""``python -m benchmarks.long_audio``: memory of decoding, voice activity and cutting windows, by length of recording.

With ``--words`` it is that of a whole transcription with the recogniser of the plain install.
Each length is a process of its own, so that the highest memory of one does not hide that of another. The recording is
the project's own samples, one after the other, again and again.
"""

import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks.support.apart import apart
from emotion_pipeline.engine.audio.channels import speakers_of
from emotion_pipeline.engine.audio.decode import stream
from emotion_pipeline.engine.audio.encode import FlacWriter
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Waveform
from emotion_pipeline.engine.models.usage import process_peak_bytes
from emotion_pipeline.engine.transcribe.registry import TRANSCRIBERS, TranscriberOptions
from emotion_pipeline.engine.transcribe.windows import windows_of

SAMPLES = Path(__file__).resolve().parents[1] / "samples"


def main(
    hours: Annotated[float, typer.Option(help="Length of the long recording.")] = 10.0,
    minutes: Annotated[float, typer.Option(help="Length of the short one.")] = 1.0,
    words: Annotated[bool, typer.Option("--words", help="Transcribe them, too.")] = False,
) -> None:
    """Compare the peak memory of a long recording with that of a short one."""
    typer.echo(json.dumps(compare(hours * 3600, minutes * 60, words=words)))


def compare(long_s: float, short_s: float, *, words: bool = False) -> dict[str, float]:
    """Return peak memory in MB for both lengths, their difference, and how fast the long one went.

    :param words: whether to transcribe as well as to listen
    """
    with tempfile.TemporaryDirectory() as folder:
        short, long = (write(Path(folder) / f"{seconds}.flac", seconds) for seconds in (short_s, long_s))
        work = _transcribe if words else _listen
        short_mb, _, _ = apart(work, short)
        long_mb, seconds, count = apart(work, long)
    return {
        "short_s": short_s,
        "long_s": long_s,
        "words" if words else "windows": count,
        "peak_mb_short": round(short_mb, 1),
        "peak_mb_long": round(long_mb, 1),
        "difference_mb": round(long_mb - short_mb, 1),
        "audio_seconds_per_second": round(long_s / seconds, 1),
    }


def write(path: Path, seconds: float) -> Path:
    """Write a recording on one channel of that length, block by block, and return its path."""
    left = round(seconds * SAMPLE_RATE)
    with FlacWriter(path, 1) as writer:
        for block in _speech():
            writer.write(block[:, :left])
            left -= min(left, block.shape[1])
            if left == 0:
                break
        writer.publish()
    return path


def _speech() -> Iterator[Waveform]:
    recordings = sorted(path for path in SAMPLES.glob("*/*") if path.suffix in {".flac", ".mp3", ".m4a", ".ogg"})
    while True:
        for recording in recordings:
            for block in stream(recording):
                yield np.ascontiguousarray(block)


def _listen(recording: Path) -> tuple[float, float, int]:
    """Return peak memory in MB, seconds and windows of one recording."""
    started = time.perf_counter()
    windows = sum(1 for _ in windows_of(recording, speakers_of(recording)))
    seconds = time.perf_counter() - started
    return process_peak_bytes() / 2**20, seconds, windows


def _transcribe(recording: Path) -> tuple[float, float, int]:
    """Return peak memory in MB, seconds and words of one recording."""
    transcriber = TRANSCRIBERS.load("faster-whisper", options=TranscriberOptions(model="tiny.en"))
    started = time.perf_counter()
    words = len(transcriber.transcribe(recording).words)
    return process_peak_bytes() / 2**20, time.perf_counter() - started, words


if __name__ == "__main__":
    typer.run(main)
