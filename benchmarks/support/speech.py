"""Speech with known words for the transcription benchmark: a call of any length and a set of short clips.

Both come from the readings and clips of a data folder. What transcribers make of them is measured elsewhere.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.audio.encode import encode_flac
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Waveform

_CLIP_SECONDS: Final = (3.0, 10.0)
_PAUSE_SECONDS: Final = (0.3, 3.0)
_SEED: Final = 1


@dataclass(frozen=True, slots=True)
class Spoken:
    """A recording, its words in order, and its length."""

    path: Path
    text: str
    seconds: float


def call(data: Path, folder: Path, seconds: float) -> Spoken:
    """Write a call on two channels that take turns, with pauses, and return it.

    :param data: holds ``speech/manifest.tsv`` with readings below ``read/``
    """
    rng = np.random.default_rng(_SEED)
    with (data / "speech" / "manifest.tsv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["file"].startswith("read/")]
    blocks: list[Waveform] = []
    texts: list[str] = []
    length, turn = 0.0, 0
    while length < seconds:
        row = rows[turn % len(rows)]
        turn += 1
        voice = decode(data / "speech" / row["file"])[0]
        block = np.zeros((2, len(voice) + round(rng.uniform(*_PAUSE_SECONDS) * SAMPLE_RATE)), dtype=np.float32)
        block[turn % 2, : len(voice)] = voice
        blocks.append(block)
        texts.append(row["reference"])
        length += block.shape[1] / SAMPLE_RATE
    path = folder / "call.flac"
    encode_flac(np.concatenate(blocks, axis=1), path)
    return Spoken(path, " ".join(texts), length)


def clips(data: Path, count: int) -> list[Spoken]:
    """Return clips of 3 to 10 s of English, drawn from two corpora of acted speech.

    :param data: holds ``tone/crema_d`` and ``tone/ravdess`` with a ``manifest.csv`` each
    """
    spoken = []
    for corpus in ("crema_d", "ravdess"):
        folder = data / "tone" / corpus
        with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
            spoken += [
                Spoken(folder / row["file"], row["text"], float(row["seconds"]))
                for row in csv.DictReader(file)
                if _CLIP_SECONDS[0] <= float(row["seconds"]) <= _CLIP_SECONDS[1]
            ]
    chosen = np.random.default_rng(_SEED).permutation(len(spoken))[:count]
    return [spoken[index] for index in chosen]
