"""Silencing what was taken out of the words, in a copy of the stored audio; which spans is decided elsewhere."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np

from emotion_pipeline.engine.audio.decode import stream
from emotion_pipeline.engine.audio.encode import FlacWriter
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel, RedactedSpan

# On both sides of a span: recognisers are that far off with the times of words.
PAD_S: Final = 0.05
# 10 ms of the pad, from and to silence: a hard edge clicks.
_FADE_SAMPLES: Final = SAMPLE_RATE // 100


def silence(source: Path, spans: Sequence[RedactedSpan], speakers: tuple[str, ...], target: Path) -> None:
    """Write a copy of ``source`` in which ``spans`` and ``PAD_S`` around them are silent; all else is bit-identical.

    Only the channel of the speaker is silenced where the recording has one channel per speaker; all are otherwise, and
    for a speaker who is not among ``speakers``. The copy appears whole or not at all, and may replace the source.

    :param source: 16 kHz, one or two channels, as ``audio.encode`` writes it
    :param speakers: in order of the channels
    :param target: FLAC; its folder must exist
    :raises MediaError: the source cannot be read
    """
    blocks = stream(source, keep_channels=True)
    first = next(blocks)
    silencers = _silencers(spans, speakers, len(first))
    with FlacWriter(target, len(first)) as writer:
        for block in chain([first], blocks):
            writer.write(np.stack([one.apply(channel) for one, channel in zip(silencers, block, strict=True)]))
        writer.publish()


class _Silencer:
    """Silences the spans of one channel, block by block."""

    def __init__(self, spans: Sequence[RedactedSpan]) -> None:
        intervals = sorted(
            (round((span.span.start - PAD_S) * SAMPLE_RATE), round((span.span.end + PAD_S) * SAMPLE_RATE))
            for span in spans
        )
        self._intervals = _joined(intervals)
        self._position = 0

    def apply(self, block: Channel) -> Channel:
        """Return the next samples of the channel, those inside the spans silent."""
        start, end = self._position, self._position + len(block)
        self._position = end
        if not self._intervals or self._intervals[0][0] >= end:
            return block
        result = block.copy()
        for first, last in self._intervals:
            if first >= end:
                break
            positions = np.arange(max(first, start), min(last, end))
            # 1 at the outermost sample, 0 from the end of the fade on.
            depth = np.minimum(positions - first, last - 1 - positions)
            result[positions - start] *= np.clip(1 - (depth + 1) / _FADE_SAMPLES, 0, 1).astype(np.float32)
        self._intervals = [interval for interval in self._intervals if interval[1] > end]
        return result


def _joined(intervals: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return sorted intervals, those joined that overlap or touch: fades between them would let words through."""
    joined: list[tuple[int, int]] = []
    for start, end in intervals:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _silencers(spans: Sequence[RedactedSpan], speakers: tuple[str, ...], channels: int) -> list[_Silencer]:
    if len(speakers) != channels:
        return [_Silencer(spans) for _ in range(channels)]
    return [
        _Silencer([span for span in spans if span.speaker == speaker or span.speaker not in speakers])
        for speaker in speakers
    ]
