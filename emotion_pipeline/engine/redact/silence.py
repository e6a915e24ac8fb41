"""Silences what was redacted in a copy of the stored audio; which spans those are is decided in ``redactor``."""

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

    Only the speaker's channel is silenced where each speaker has one, else all channels. The copy appears whole or not
    at all, and may replace the source.

    :param source: 16 kHz, one or two channels, as ``audio.encode`` writes it
    :param speakers: in order of the channels
    :param target: FLAC; its folder must exist
    :raises MediaError: the source cannot be read
    """
    blocks = stream(source, keep_channels=True)
    first = next(blocks)
    spans_by_channel = [spans] * len(first)
    if len(speakers) == len(first):
        spans_by_channel = [
            [span for span in spans if span.speaker == speaker or span.speaker not in speakers] for speaker in speakers
        ]
    intervals = [_intervals(channel_spans) for channel_spans in spans_by_channel]
    with FlacWriter(target, len(first)) as writer:
        start = 0
        for block in chain([first], blocks):
            channels = zip(block, intervals, strict=True)
            writer.write(np.stack([_silenced(channel, start, silent) for channel, silent in channels]))
            start += block.shape[1]
        writer.publish()


def _intervals(spans: Sequence[RedactedSpan]) -> list[tuple[int, int]]:
    """Return the samples of padded spans, joined where they touch: fades between them would let words through."""
    joined: list[tuple[int, int]] = []
    for span in sorted((span.span for span in spans), key=lambda span: (span.start, span.end)):
        start, end = round((span.start - PAD_S) * SAMPLE_RATE), round((span.end + PAD_S) * SAMPLE_RATE)
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _silenced(channel: Channel, start: int, intervals: Sequence[tuple[int, int]]) -> Channel:
    """Return a block of a channel that begins at sample ``start``, silent inside the intervals."""
    overlapping = [(first, end) for first, end in intervals if first < start + len(channel) and end > start]
    result = channel.copy()
    for first, end in overlapping:
        positions = np.arange(max(first, start), min(end, start + len(channel)))
        # 1 at the outermost sample, 0 from the end of the fade on.
        depth = np.minimum(positions - first, end - 1 - positions)
        result[positions - start] *= np.clip(1 - (depth + 1) / _FADE_SAMPLES, 0, 1).astype(np.float32)
    return result
