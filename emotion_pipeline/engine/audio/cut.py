"""Taking stretches of time out of audio, at hand or read as a stream; where to cut is decided elsewhere."""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel, Span, Waveform


def cut(channel: Channel, span: Span) -> Channel:
    """The samples of ``span``, as far as the channel reaches.

    :param channel: float32, shape (n_samples,), 16 kHz
    :return: a view, shape (m,); empty where the span lies outside the channel
    """
    first, last = _samples_of(span)
    return channel[first:last]


def cuts(blocks: Iterable[Waveform], spans: Sequence[Span]) -> Iterator[Waveform]:
    """Yield the samples of each span, as ``cut`` gives them, holding no more audio than the longest span and a block.

    :param blocks: float32, shape (n_channels, n), successive, as ``decode.stream`` yields them; read as far as needed
    :param spans: in order of their starts; they may overlap
    :return: shape (n_channels, m), copies; without samples where a span lies beyond the end
    :raises ValueError: the spans are not in order
    """
    if any(after.start < before.start for before, after in itertools.pairwise(spans)):
        raise ValueError("the spans to cut out of a stream must come in order of their starts")
    source = iter(blocks)
    held: list[Waveform] = []
    held_from = held_to = 0
    for span in spans:
        first, last = _samples_of(span)
        while held_to < last and (block := next(source, None)) is not None:
            held.append(block)
            held_to += block.shape[1]
            while held and held_from + held[0].shape[1] <= first:
                held_from += held.pop(0).shape[1]
        joined = np.concatenate(held, axis=1) if held else np.zeros((1, 0), dtype=np.float32)
        yield joined[:, max(0, first - held_from) : max(0, last - held_from)].copy()


def _samples_of(span: Span) -> tuple[int, int]:
    first = max(0, math.floor(span.start * SAMPLE_RATE))
    return first, max(first, math.ceil(span.end * SAMPLE_RATE))
