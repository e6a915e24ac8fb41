"""Stretches of time taken out of a channel, and out of a stream that is too long to hold."""

import weakref
from collections.abc import Iterator

import numpy as np
import pytest

from emotion_pipeline.engine.audio.cut import cut, cuts
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Span, Waveform

CHANNEL = np.arange(2 * SAMPLE_RATE, dtype=np.float32)


def test_a_span_is_cut_to_the_sample() -> None:
    assert cut(CHANNEL, Span(0.5, 1.0)).tolist() == CHANNEL[8_000:16_000].tolist()


def test_a_span_reaches_as_far_as_the_channel() -> None:
    assert cut(CHANNEL, Span(0.25, 1.25)).tolist() == CHANNEL[4_000:20_000].tolist()
    assert cut(CHANNEL, Span(-0.4, 2.4)).size == CHANNEL.size


@pytest.mark.parametrize("span", [Span(5.0, 6.0), Span(1.0, 1.0), Span(2.0, 3.0)])
def test_a_span_outside_or_without_length_is_empty(span: Span) -> None:
    assert cut(CHANNEL, span).shape == (0,)


def test_part_of_a_sample_counts_as_a_whole_one() -> None:
    assert cut(CHANNEL, Span(0.5 / SAMPLE_RATE, 1.5 / SAMPLE_RATE)).tolist() == [0.0, 1.0]


def test_nothing_is_copied() -> None:
    assert np.shares_memory(cut(CHANNEL, Span(0.5, 1.0)), CHANNEL)


def _blocks(waveform: Waveform, length: int) -> list[Waveform]:
    return [waveform[:, start : start + length] for start in range(0, waveform.shape[1], length)]


@pytest.mark.parametrize("length", [100, 16_000, 1_000_000])
def test_cutting_a_stream_gives_what_cutting_the_whole_gives(rng: np.random.Generator, length: int) -> None:
    waveform = rng.normal(0, 0.1, (2, 10 * SAMPLE_RATE)).astype(np.float32)
    spans = [Span(0.0, 0.5), Span(0.25, 3.0), Span(0.25, 0.3), Span(2.9, 9.0), Span(7.0, 12.0), Span(11.0, 12.0)]
    found = list(cuts(_blocks(waveform, length), spans))
    assert len(found) == len(spans)
    for span, piece in zip(spans, found, strict=True):
        assert np.array_equal(piece, np.stack([cut(channel, span) for channel in waveform]))


def test_a_stream_is_read_no_further_than_the_last_span() -> None:
    def blocks() -> Iterator[Waveform]:
        yield np.zeros((1, SAMPLE_RATE), dtype=np.float32)
        raise AssertionError("nobody asked for more")

    [found] = cuts(blocks(), [Span(0.0, 1.0)])
    assert found.shape == (1, SAMPLE_RATE)


def test_what_nobody_wants_of_a_stream_is_not_held() -> None:
    alive: list[weakref.ref[Waveform]] = []

    def blocks() -> Iterator[Waveform]:
        for _ in range(100):
            block = np.zeros((1, SAMPLE_RATE), dtype=np.float32)
            alive.append(weakref.ref(block))
            yield block

    assert len(list(cuts(blocks(), [Span(98.5, 99.5)]))) == 1
    assert sum(reference() is not None for reference in alive[:90]) == 0


def test_spans_that_are_not_in_order_cannot_be_cut_out_of_a_stream() -> None:
    with pytest.raises(ValueError, match="in order of their starts"):
        list(cuts([], [Span(2.0, 3.0), Span(1.0, 2.0)]))


def test_a_stream_without_blocks_gives_empty_cuts() -> None:
    [found] = cuts([], [Span(0.0, 1.0)])
    assert found.shape[1] == 0
