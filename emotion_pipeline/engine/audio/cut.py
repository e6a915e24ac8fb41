"""Taking a stretch of time out of a channel; where to cut is decided elsewhere."""

import math

from emotion_pipeline.engine.types import SAMPLE_RATE, Channel, Span


def cut(channel: Channel, span: Span, pad: float = 0.0) -> Channel:
    """The samples of ``span``, widened by ``pad`` seconds on both sides, as far as the channel reaches.

    :param channel: float32, shape (n_samples,), 16 kHz
    :return: a view, shape (m,); empty where the span lies outside the channel
    """
    first = max(0, math.floor((span.start - pad) * SAMPLE_RATE))
    last = max(first, math.ceil((span.end + pad) * SAMPLE_RATE))
    return channel[first:last]
