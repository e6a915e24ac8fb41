"""Spans of speech as utterances: all of it, in pieces that a recogniser can take."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel, Span
from emotion_pipeline.engine.transcribe.utterances import JOINED_OVER_S, utterances

LONGEST_S = 20.0
NOISE = np.random.default_rng(5).normal(0, 0.1, 120 * SAMPLE_RATE).astype(np.float32)
# Pauses and stretches of speech in turn; the last ones may lie beyond the end of the two minutes of audio.
LENGTHS = st.lists(st.tuples(st.floats(0.0, 3.0), st.floats(0.01, 70.0)), max_size=12)


def speech_of(lengths: list[tuple[float, float]]) -> list[Span]:
    spans, now = [], 0.0
    for pause, length in lengths:
        spans.append(Span(now + pause, now + pause + length))
        now = spans[-1].end
    return spans


def covered(span: Span, parts: list[Span]) -> bool:
    """Whether every moment of ``span`` lies in one of the ordered ``parts``."""
    now = span.start
    for part in parts:
        if part.start <= now < part.end:
            now = part.end
    return now >= span.end


@given(LENGTHS)
@settings(max_examples=150, deadline=None)
def test_utterances_are_short_ordered_and_cover_all_speech(lengths: list[tuple[float, float]]) -> None:
    speech = speech_of(lengths)
    parts = utterances(NOISE, speech, LONGEST_S)
    assert all(0 <= part.seconds <= LONGEST_S + 1e-9 for part in parts)
    assert all(before.end <= after.start for before, after in pairwise(parts))
    assert all(covered(span, parts) for span in speech)


@given(LENGTHS)
@settings(max_examples=50, deadline=None)
def test_utterances_hold_no_pause_longer_than_the_one_they_join_over(lengths: list[tuple[float, float]]) -> None:
    speech = speech_of(lengths)
    spoken = sum(span.seconds for span in speech)
    in_parts = sum(part.seconds for part in utterances(NOISE, speech, LONGEST_S))
    assert spoken - 1e-6 <= in_parts <= spoken + JOINED_OVER_S * len(speech) + 1e-6


def test_no_speech_makes_no_utterance() -> None:
    assert utterances(NOISE, [], LONGEST_S) == []


@pytest.mark.parametrize(("pause", "count"), [(0.4, 1), (0.6, 2)])
def test_only_short_pauses_are_joined_over(pause: float, count: int) -> None:
    assert len(utterances(NOISE, [Span(1.0, 2.0), Span(2.0 + pause, 4.0)], LONGEST_S)) == count


def test_neighbours_are_not_joined_beyond_the_longest() -> None:
    speech = [Span(0.0, 12.0), Span(12.1, 21.0)]
    assert utterances(NOISE, speech, LONGEST_S) == speech


def test_endless_speech_is_cut_where_it_is_quietest() -> None:
    channel: Channel = NOISE[: 30 * SAMPLE_RATE].copy()
    channel[int(17.25 * SAMPLE_RATE) : int(17.35 * SAMPLE_RATE)] = 0.0
    first, second = utterances(channel, [Span(0.0, 30.0)], LONGEST_S)
    assert 17.25 <= first.end == second.start <= 17.35
    assert (first.start, second.end) == (0.0, 30.0)


def test_a_recogniser_that_gains_by_long_items_may_join_over_longer_pauses() -> None:
    speech = [Span(0.0, 2.0), Span(3.5, 4.0), Span(7.0, 9.0)]
    assert utterances(NOISE, speech, 30.0, joined_over_s=2.0) == [Span(0.0, 4.0), Span(7.0, 9.0)]


@pytest.mark.parametrize("longest_s", [1.0, 4.0, 29.0])
def test_no_utterance_is_longer_than_was_asked_for(longest_s: float) -> None:
    parts = utterances(NOISE, [Span(0.0, 100.0)], longest_s)
    assert all(0 < part.seconds <= longest_s for part in parts)
    assert (parts[0].start, parts[-1].end) == (0.0, 100.0)
