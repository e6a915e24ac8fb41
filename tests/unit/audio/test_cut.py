"""Stretches of time taken out of a channel."""

import numpy as np
import pytest

from emotion_pipeline.engine.audio.cut import cut
from emotion_pipeline.engine.types import SAMPLE_RATE, Span

CHANNEL = np.arange(2 * SAMPLE_RATE, dtype=np.float32)


def test_a_span_is_cut_to_the_sample() -> None:
    assert cut(CHANNEL, Span(0.5, 1.0)).tolist() == CHANNEL[8_000:16_000].tolist()


def test_padding_reaches_as_far_as_the_channel() -> None:
    assert cut(CHANNEL, Span(0.5, 1.0), pad=0.25).tolist() == CHANNEL[4_000:20_000].tolist()
    assert cut(CHANNEL, Span(0.1, 1.9), pad=0.5).size == CHANNEL.size


@pytest.mark.parametrize("span", [Span(5.0, 6.0), Span(1.0, 1.0), Span(2.0, 3.0)])
def test_a_span_outside_or_without_length_is_empty(span: Span) -> None:
    assert cut(CHANNEL, span).shape == (0,)


def test_part_of_a_sample_counts_as_a_whole_one() -> None:
    assert cut(CHANNEL, Span(0.5 / SAMPLE_RATE, 1.5 / SAMPLE_RATE)).tolist() == [0.0, 1.0]


def test_nothing_is_copied() -> None:
    assert np.shares_memory(cut(CHANNEL, Span(0.5, 1.0)), CHANNEL)
