"""Which channel of a recording is whose: the one rule by which channels become speakers.

A stereo recording with a person on each channel is two people; one whose channels carry one sound is one recording
twice, also where the second is inverted, quieter or late. Inspection applies the rule while it decodes a recording
anyway. A voice that leaks into the other channel and telling voices apart on one channel belong to ``engine.diarize``.
"""

from pathlib import Path
from typing import Final

import numpy as np
from scipy.fft import next_fast_len
from scipy.ndimage import uniform_filter1d

from emotion_pipeline.engine.audio.decode import stream
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Waveform

# Two channels count as one where their difference has less than this share of their sum's amplitude (-26 dB).
SAME_CHANNELS: Final = 0.05
# A copy may be later or earlier by this.
_FARTHEST: Final = round(0.4 * SAMPLE_RATE)
_BLOCK: Final = 4 * SAMPLE_RATE
# Of the power of a copy, what its original does not explain; two people who both leak by 1 dB leave 0.013.
_MOST_UNEXPLAINED: Final = 0.01
# By how many dB the level of a copy may change.
_STEADY_DB: Final = 0.5
# Below these, nobody speaks and two channels' noise differs: a mean square, and one in relation to the loudest block.
_SILENT: Final = 1e-6
_QUIET: Final = 0.003
# Width over which spectra are averaged, and therefore the length of a filter that a copy may have gone through: 10 ms.
_SMOOTHED_HZ: Final = 100.0


class ChannelComparison:
    """Tells from the blocks of a recording how many of its channels have a speaker of their own."""

    def __init__(self) -> None:
        self._difference = self._total = 0.0
        self._pending: Waveform = np.zeros((2, 0), dtype=np.float32)
        self._loudest = 0.0
        # The lag of the second channel in samples and its level in dB, from the first block with a voice.
        self._copy: tuple[int, float] | None = None
        self._is_copy = True

    def add(self, block: Waveform) -> None:
        """Take the next block, float32, shape (n_channels, n)."""
        if len(block) != 2:
            return
        left, right = block.astype(np.float64)
        self._difference += float(np.square(left - right).sum())
        self._total += float(np.square(left + right).sum())
        if self._is_copy:
            self._pending = np.concatenate([self._pending, block], axis=1)
        while self._is_copy and self._pending.shape[1] >= 2 * _BLOCK:
            self._compare(self._pending[:, : _BLOCK + 2 * _FARTHEST])
            self._pending = self._pending[:, _BLOCK:]

    @property
    def speaker_channels(self) -> int:
        """2 for a person on each of two channels, else 1; asked when all blocks are there."""
        if self._difference <= SAME_CHANNELS**2 * self._total:
            return 1
        if self._is_copy and self._pending.shape[1]:
            self._compare(self._pending)
            self._pending = self._pending[:, :0]
        return 1 if self._is_copy and self._copy is not None else 2

    @property
    def original(self) -> int:
        """The index of the louder channel, of two as loud the one that is heard first."""
        lag, level = self._copy or (0, 0.0)
        return int(level > _STEADY_DB or (abs(level) <= _STEADY_DB and lag < 0))

    def _compare(self, block: Waveform) -> None:
        """Find out whether the second channel is a copy of the first in this block, too."""
        power = float(np.square(block).mean(axis=1).max())
        self._loudest = max(self._loudest, power)
        if power < max(_SILENT, _QUIET * self._loudest):
            return
        lag = _lag(block) if self._copy is None else self._copy[0]
        unexplained, level = _unexplained(_aligned(block, lag))
        if self._copy is None:
            self._copy = lag, level
        self._is_copy = unexplained <= _MOST_UNEXPLAINED and abs(level - self._copy[1]) <= _STEADY_DB


def _lag(block: Waveform) -> int:
    """Return by how many samples the second channel is later, by the peak of the whitened cross-correlation."""
    n_fft = next_fast_len(block.shape[1] + _FARTHEST, real=True)
    first, second = np.fft.rfft(block, n_fft)
    cross = second * first.conj()
    correlation = np.abs(np.fft.irfft(cross / np.maximum(np.abs(cross), 1e-9), n_fft))
    farthest = min(_FARTHEST, block.shape[1] // 2)
    return int(np.concatenate([correlation[-farthest:], correlation[: farthest + 1]]).argmax()) - farthest


def _aligned(block: Waveform, lag: int) -> Waveform:
    """Return the stretch that both channels hold, the second one earlier by ``lag`` samples."""
    first, second = block
    length = block.shape[1] - abs(lag)
    return np.stack([first[max(0, -lag) :][:length], second[max(0, lag) :][:length]])


def _unexplained(block: Waveform) -> tuple[float, float]:
    """Return the share of the second channel's power that no short filter of the first gives, and its level in dB."""
    spectra = np.fft.rfft(block)
    width = max(1, round(_SMOOTHED_HZ * block.shape[1] / SAMPLE_RATE))
    power = uniform_filter1d(np.abs(spectra) ** 2, width, axis=1)
    cross = spectra[1] * spectra[0].conj()
    smooth = uniform_filter1d(cross.real, width) ** 2 + uniform_filter1d(cross.imag, width) ** 2
    total = np.maximum(power.sum(axis=1), 1e-12)
    explained = (smooth / np.maximum(power[0], 1e-12 * total[0])).sum() / total[1]
    return float(1 - explained), float(10 * np.log10(total[1] / total[0]))


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
    """Return what each speaker's voice is heard on: their channel of a two-sided call, else all channels together.

    Of two channels that carry one sound that is the first: their mean is silence where one is inverted.

    :param block: float32, shape (n_channels, n), a stretch of a recording whose ``speakers_of`` is given
    :return: float32, shape (len(speakers), n)
    """
    if len(speakers) > 1:
        return block
    return block[:1] if len(block) == 2 else block.mean(axis=0, keepdims=True)


def voice_index(speaker: str, speakers: tuple[str, ...]) -> int:
    """Return the row of ``voices_of`` on which one of several speakers is heard.

    :raises ValueError: the recording has no such speaker
    """
    if speaker not in speakers:
        raise ValueError(f"{speaker!r} does not speak in this recording; its speakers are {', '.join(speakers)}")
    return speakers.index(speaker)
