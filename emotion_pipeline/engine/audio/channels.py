"""Which channel of a recording is whose: the one rule by which channels become speakers.

A stereo recording with a person on each channel is two people; one whose channels are the same is one recording twice.
Inspection applies the rule while it decodes a recording anyway. Telling voices apart on one channel belongs to
``engine.diarize``.
"""

from pathlib import Path
from typing import Final

import numpy as np

from emotion_pipeline.engine.audio.decode import stream
from emotion_pipeline.engine.common.types import Waveform

# Two channels count as one where their difference has less than this share of their sum's amplitude (-20 dB).
SAME_CHANNELS: Final = 0.1


class ChannelComparison:
    """Tells from the blocks of a recording how many of its channels have a speaker of their own."""

    def __init__(self) -> None:
        self._difference = self._total = 0.0

    def add(self, block: Waveform) -> None:
        """Take the next block, float32, shape (n_channels, n)."""
        if len(block) == 2:
            left, right = block.astype(np.float64)
            self._difference += float(np.square(left - right).sum())
            self._total += float(np.square(left + right).sum())

    @property
    def speaker_channels(self) -> int:
        """2 for a person on each of two channels, else 1."""
        return 2 if self._difference > SAME_CHANNELS**2 * self._total else 1


def speakers_of(recording: Path) -> tuple[str, ...]:
    """Return the names under which a recording's channels speak: one, or one per channel of a two-sided call.

    It decodes the whole recording: only for one that was not inspected.

    :raises MediaError: the recording cannot be read
    """
    comparison = ChannelComparison()
    for block in stream(recording, keep_channels=True):
        comparison.add(block)
    return speaker_names(comparison.speaker_channels)


def speaker_names(count: int) -> tuple[str, ...]:
    """Return the names of so many speakers, ``speaker_1`` first."""
    return tuple(f"speaker_{number}" for number in range(1, count + 1))


def voices_of(block: Waveform, speakers: tuple[str, ...]) -> Waveform:
    """Return what each speaker's voice is heard on: their channel of a two-sided call, else the mean of all channels.

    :param block: float32, shape (n_channels, n), a stretch of a recording whose ``speakers_of`` is given
    :return: float32, shape (len(speakers), n)
    """
    return block if len(speakers) > 1 else block.mean(axis=0, keepdims=True)


def voice_index(speaker: str, speakers: tuple[str, ...]) -> int:
    """Return the row of ``voices_of`` on which one of several speakers is heard.

    :raises ValueError: the recording has no such speaker
    """
    if speaker not in speakers:
        raise ValueError(f"{speaker!r} does not speak in this recording; its speakers are {', '.join(speakers)}")
    return speakers.index(speaker)
