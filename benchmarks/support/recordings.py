"""Recordings by the dozen, cut from the project's own samples: each of its own bytes, all of the same length."""

from collections.abc import Iterator
from functools import cache
from itertools import count, islice
from pathlib import Path
from typing import Final

import numpy as np

from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.audio.encode import encode_flac
from emotion_pipeline.engine.common.errors import MediaError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel

_SAMPLES: Final = Path(__file__).resolve().parents[2] / "samples"
# From one cut to the next: no divisor of anything, so that cuts go on to differ after the tape's end.
_STEP_S: Final = 7.3


def write_recordings(folder: Path, number: int, seconds: float, first: int = 0) -> list[Path]:
    """Write so many FLAC files of so many seconds and return them; ``first`` counts those that were written before."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index, speech in enumerate(islice(_cuts(seconds), first, first + number), start=first):
        paths.append(folder / f"call_{index:04d}.flac")
        encode_flac(speech[np.newaxis], paths[-1])
    return paths


def _cuts(seconds: float) -> Iterator[Channel]:
    tape, length = _tape(), int(seconds * SAMPLE_RATE)
    for index in count():
        start = int(index * _STEP_S * SAMPLE_RATE)
        loudness = 1.0 - 0.05 * (index % 7)
        yield loudness * np.take(tape, np.arange(start, start + length), mode="wrap")


@cache
def _tape() -> Channel:
    """All that is said in the samples, one after the other, on one channel."""
    spoken = []
    for path in sorted(_SAMPLES.glob("*-*-*/*")):
        try:
            spoken.append(decode(path, keep_channels=False)[0])
        except MediaError:
            continue  # the interrupted upload, the manifests
    return np.concatenate(spoken)
