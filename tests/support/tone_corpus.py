"""A labelled tone corpus of made voices, in manners that no model can fail to tell apart."""

import csv
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel

# Pitch in Hz, its range in per cent, and syllables a second: tones that no model can fail to tell apart
MANNERS = {"angry": (260, 10, 7.0), "happy": (230, 45, 5.0), "neutral": (130, 5, 4.0), "sad": (100, 15, 2.0)}


def spoken(manner: str, rng: np.random.Generator) -> Channel:
    pitch, spread, pace = MANNERS[manner]
    time = np.arange(int(0.8 * SAMPLE_RATE)) / SAMPLE_RATE
    melody = pitch * rng.uniform(0.95, 1.05) * (1 + spread / 100 * np.sin(2 * np.pi * rng.uniform(1, 2) * time))
    phase = 2 * np.pi * np.cumsum(melody) / SAMPLE_RATE
    buzz = sum(np.sin(k * phase) / k for k in range(1, 10))
    loudness = 1.2 - np.cos(2 * np.pi * pace * time)
    return (0.05 * buzz * loudness + 0.001 * rng.standard_normal(len(time))).astype(np.float32)


def write_wave(path: Path, samples: NDArray[np.float32]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def write_manifest(folder: Path, rows: list[dict[str, str]]) -> Path:
    manifest = folder / "manifest.csv"
    with manifest.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["file", "speaker", "emotion"])
        writer.writeheader()
        writer.writerows(rows)
    return manifest


def make_corpus(folder: Path, speakers: int = 5, seed: int = 0) -> Path:
    """Two clips of each manner by each speaker, and a surprised one that does not take part."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    rows = []
    for speaker in range(speakers):
        for manner in (*MANNERS, *MANNERS):
            rows.append({"file": f"{len(rows)}.wav", "speaker": f"s{speaker}", "emotion": manner})
            write_wave(folder / rows[-1]["file"], spoken(manner, rng))
    write_wave(folder / "other.wav", spoken("happy", rng))
    return write_manifest(folder, [*rows, {"file": "other.wav", "speaker": "s0", "emotion": "surprise"}])
