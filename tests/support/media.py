"""Recordings made on the spot: WAV headers byte by byte, and every other format through PyAV's encoders."""

import struct
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Waveform

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


def tone(hertz: float = 440.0, seconds: float = 1.0, level: float = 0.3, rate: int = SAMPLE_RATE) -> Waveform:
    """One channel of a sine, shape (1, n)."""
    time = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * hertz * time)).astype(np.float32)[np.newaxis]


def wav(
    samples: NDArray[np.floating],
    rate: int = SAMPLE_RATE,
    *,
    kind: int = 1,
    declared_rate: int | None = None,
    data_bytes: int | None = None,
    dtype: str = "<i2",
) -> bytes:
    """A WAV file of ``samples``, shape (channels, n), whose header may state another rate, codec or length."""
    scale = 1.0 if "f" in dtype else 2.0 ** (8 * np.dtype(dtype).itemsize - 1) - 1
    data = (samples.T * scale).astype(dtype).tobytes()
    width = np.dtype(dtype).itemsize
    stated = declared_rate or rate
    channels = len(samples)
    layout = struct.pack("<HHIIHH", kind, channels, stated, stated * channels * width, channels * width, 8 * width)
    size = len(data) if data_bytes is None else data_bytes
    riff = struct.pack("<4sI4s4sI", b"RIFF", min(36 + size, 2**32 - 1), b"WAVE", b"fmt ", len(layout))
    return riff + layout + struct.pack("<4sI", b"data", size) + data


def encoded(path: Path, samples: Waveform, container: str, codec: str, rate: int = SAMPLE_RATE) -> Path:
    """Write ``samples``, shape (channels, n) at ``rate``, and return ``path``."""
    layout = LAYOUTS[len(samples)]
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(stream, AudioStream)
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=layout)
        frame.sample_rate = rate
        frame.pts = 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path
