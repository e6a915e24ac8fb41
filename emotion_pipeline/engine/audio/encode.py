"""Writing the engine's samples as FLAC: 16 kHz, 16 bit, lossless, one or more channels.

This is the form in which a normalised copy of every accepted recording is kept. A file appears under its name only when
it is complete: it is written beside it under a temporary name, flushed to disk, then renamed.
"""

import os
import uuid
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Final, Self, cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Waveform

_LAYOUTS: Final = {1: "mono", 2: "stereo"}
_FULL_SCALE: Final = 2**15


class FlacWriter:
    """Context manager that writes blocks of samples; without ``publish`` nothing is left behind.

    :param path: where the file appears; its folder must exist
    :param channels: 1 or 2
    """

    def __init__(self, path: Path, channels: int) -> None:
        if channels not in _LAYOUTS:
            raise ValueError(f"{path}: {channels} channels; a kept copy is mono or stereo, mix down or pick two first.")
        self._path = path
        self._channels = channels

    def __enter__(self) -> Self:
        # Not made by mkstemp, whose files only their owner may read: a lake is read by others too.
        self._temporary = self._path.with_name(f".{self._path.name}.{uuid.uuid4().hex}.part")
        self._container = av.open(f"file:{self._temporary.absolute()}", "w", format="flac")
        layout = _LAYOUTS[self._channels]
        self._stream = cast(
            AudioStream, self._container.add_stream("flac", rate=SAMPLE_RATE, layout=layout, format="s16")
        )
        self._written = 0
        return self

    def write(self, block: Waveform) -> None:
        """Append ``block``, float32, shape (channels, n), [-1, 1]."""
        samples = np.clip(np.rint(block * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)
        frame = AudioFrame.from_ndarray(
            np.ascontiguousarray(samples.T).reshape(1, -1), format="s16", layout=_LAYOUTS[self._channels]
        )
        frame.sample_rate = SAMPLE_RATE
        frame.pts = self._written
        self._written += block.shape[1]
        self._container.mux(self._stream.encode(frame))

    def publish(self) -> None:
        """Finish the file, flush it to disk and give it its name; an older file of that name is replaced."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        descriptor = os.open(self._temporary, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._temporary.replace(self._path)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._container.close()  # fails where the disk is full
        finally:
            self._temporary.unlink(missing_ok=True)


def write_flac(blocks: Iterable[Waveform], path: Path) -> None:
    """Write blocks of shape (channels, n), n >= 1, all with the same one or two channels, as one FLAC file.

    :raises ValueError: there is no block, or it has more than two channels
    """
    iterator = iter(blocks)
    first = next(iterator, None)
    if first is None:
        raise ValueError(f"{path}: there are no samples to write.")
    with FlacWriter(path, first.shape[0]) as writer:
        writer.write(first)
        for block in iterator:
            writer.write(block)
        writer.publish()


def encode_flac(waveform: Waveform, path: Path) -> None:
    """Write ``waveform``, shape (channels, n), n >= 1, one or two channels, as a FLAC file.

    :raises ValueError: it has more than two channels
    """
    write_flac([waveform], path)
