"""From spans of speech to the utterances that a recogniser is given: neither clipped words nor endless ones.

Very short spans give a recogniser no context and very long ones grow its memory, so neighbours are joined over short
pauses, and speech without a pause is cut where it is quietest.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from emotion_pipeline.engine.audio.cut import cut
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel, Span

JOINED_OVER_S: Final = 0.5
_SEARCHED_S: Final = 5.0
_HOP: Final = SAMPLE_RATE // 50


def utterances(
    channel: Channel, speech: Sequence[Span], longest_s: float, joined_over_s: float = JOINED_OVER_S
) -> list[Span]:
    """Return spans of at most ``longest_s`` that cover all of ``speech``, in order, not overlapping.

    :param channel: float32, shape (n_samples,), 16 kHz
    :param joined_over_s: seconds of a pause from which on speech is not joined
    """
    joined: list[Span] = []
    for span in speech:
        last = joined[-1] if joined else None
        if last and span.start - last.end < joined_over_s and span.end - last.start <= longest_s:
            joined[-1] = Span(last.start, span.end)
        else:
            joined.append(span)
    return [part for span in joined for part in _split(channel, span, longest_s)]


def _split(channel: Channel, span: Span, longest_s: float) -> Iterator[Span]:
    while span.seconds > longest_s:
        latest = span.start + longest_s
        at = _quietest(channel, Span(latest - min(_SEARCHED_S, longest_s / 2), latest))
        yield Span(span.start, at)
        span = Span(at, span.end)
    yield span


def _quietest(channel: Channel, where: Span) -> float:
    """Return the time inside ``where`` around which 20 ms of audio have the least energy."""
    samples = cut(channel, where)
    frames = samples[: len(samples) // _HOP * _HOP].reshape(-1, _HOP)
    if len(frames) == 0:
        return where.end
    return where.start + (int(np.square(frames).sum(axis=1).argmin()) + 0.5) * _HOP / SAMPLE_RATE
