"""``python -m benchmarks.long_audio``: memory of decoding, voice activity and cutting windows, by length of recording.

Each length is a process of its own, so that the highest memory of one does not hide that of another. The recording is
the project's own samples, one after the other, again and again. ``--work words`` measures a whole transcription with
the recogniser of the plain install, ``--work voices`` who speaks when, by ``diarization.method: voices``.
"""

import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Annotated, Final

import numpy as np
import typer

from benchmarks.support.apart import apart
from emotion_pipeline.engine.audio.channels import speakers_of
from emotion_pipeline.engine.audio.decode import mapped, stream
from emotion_pipeline.engine.audio.encode import FlacWriter
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Waveform
from emotion_pipeline.engine.diarize.voices import VoicesDiarizer
from emotion_pipeline.engine.models.usage import process_peak_bytes
from emotion_pipeline.engine.transcribe.registry import TRANSCRIBERS, TranscriberOptions
from emotion_pipeline.engine.transcribe.windows import windows_of

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
_LOOK_EVERY_S: Final = 0.02


def main(
    hours: Annotated[float, typer.Option(help="Length of the long recording.")] = 10.0,
    minutes: Annotated[float, typer.Option(help="Length of the short one.")] = 1.0,
    work: Annotated[str, typer.Option(help="What is done with them: windows, words or voices.")] = "windows",
) -> None:
    """Compare the peak memory of a long recording with that of a short one."""
    typer.echo(json.dumps(compare(hours * 3600, minutes * 60, work)))


def compare(long_s: float, short_s: float, work: str = "windows") -> dict[str, float]:
    """Return peak memory in MB for both lengths, their difference, how much was found and how fast in the long one.

    :param work: windows, words or voices; what is counted are windows, words or turns
    """
    do = {"windows": _listen, "words": _transcribe, "voices": _tell_apart}[work]
    with tempfile.TemporaryDirectory() as folder:
        short, long = (write(Path(folder) / f"{seconds}.flac", seconds) for seconds in (short_s, long_s))
        short_mb, _, _ = apart(do, short)
        long_mb, seconds, count = apart(do, long)
    return {
        "short_s": short_s,
        "long_s": long_s,
        work: count,
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


def _tell_apart(recording: Path) -> tuple[float, float, int]:
    """Return peak memory in MB, seconds and turns of one recording.

    Memory is the process's own: pages of the file through which the recording is read go as soon as others need them.
    """
    started, done, peak = time.perf_counter(), Event(), [0.0]
    watcher = Thread(target=_watch_own_memory, args=(done, peak))
    watcher.start()
    try:
        with mapped(recording) as channel:
            turns = len(VoicesDiarizer().turns(channel))
    finally:
        done.set()
        watcher.join()
    return peak[0], time.perf_counter() - started, turns


def _watch_own_memory(done: Event, peak: list[float]) -> None:
    """Raise ``peak`` to the most MB that the process had for itself, by Linux' record, until it is done."""
    status = Path("/proc/self/status")
    while not done.wait(_LOOK_EVERY_S):
        line = next(line for line in status.read_text().splitlines() if line.startswith("RssAnon:"))
        peak[0] = max(peak[0], int(line.split()[1]) / 1024)


if __name__ == "__main__":
    typer.run(main)
