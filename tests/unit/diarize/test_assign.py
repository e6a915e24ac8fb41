"""Whose words they are, from turns that overlap, leave gaps and end in the middle of a word."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion_pipeline.engine.common.types import Span, Word
from emotion_pipeline.engine.diarize.assign import CERTAIN_SHARE, CLOSE_S, NEAR_S, assign
from emotion_pipeline.engine.diarize.base import Turn


def word(start: float, end: float, speaker: str = "speaker_1") -> Word:
    return Word("word", start, end, 0.9, speaker)


def turn(start: float, end: float, number: int) -> Turn:
    return Turn(Span(start, end), f"speaker_{number}")


def speakers(words: Sequence[Word], turns: Sequence[Turn]) -> list[int]:
    return [int(word.speaker.removeprefix("speaker_")) for word in assign(words, turns)]


def test_without_turns_words_stay_as_they_are() -> None:
    words = [word(0.0, 0.4, "speaker_2"), word(0.5, 0.9)]
    assert assign(words, []) == tuple(words)


def test_without_words_there_is_nothing_to_assign() -> None:
    assert assign([], [turn(0.0, 1.0, 1)]) == ()


def test_only_the_speaker_of_a_word_changes() -> None:
    assert assign([Word("hello", 1.0, 1.5, 0.7, "speaker_1")], [turn(0.9, 1.6, 2)]) == (
        Word("hello", 1.0, 1.5, 0.7, "speaker_2"),
    )


def test_a_word_goes_to_whom_it_overlaps_most() -> None:
    turns = [turn(0.0, 1.2, 1), turn(1.2, 3.0, 2)]
    assert speakers([word(0.5, 1.0), word(1.1, 1.5), word(1.6, 2.0)], turns) == [1, 2, 2]
    assert speakers([word(0.5, 1.0), word(0.9, 1.3), word(1.6, 2.0)], turns) == [1, 1, 2]


def test_overlaps_with_several_turns_of_a_speaker_add_up() -> None:
    assert speakers([word(0.0, 1.0)], [turn(0.0, 0.3, 1), turn(0.3, 0.7, 2), turn(0.7, 1.0, 1)]) == [1]


def test_equal_overlaps_stay_with_the_speaker_before() -> None:
    both = [turn(0.0, 2.0, 1), turn(0.5, 2.0, 2), turn(2.0, 4.0, 2), turn(2.5, 4.0, 1)]
    assert speakers([word(0.0, 0.4), word(1.0, 1.4), word(2.0, 2.4), word(3.0, 3.4)], both) == [1, 1, 2, 2]


def test_a_word_outside_every_turn_goes_to_the_nearest() -> None:
    turns = [turn(0.0, 1.0, 1), turn(2.0, 3.0, 2)]
    assert speakers([word(1.1, 1.3), word(1.7, 1.9), word(3.9, 4.1)], turns) == [1, 2, 2]


def test_a_word_far_from_every_turn_follows_the_word_before() -> None:
    turns = [turn(0.0, 1.0, 1), turn(10.0, 11.0, 2)]
    far = 10.0 - NEAR_S - 0.2
    assert speakers([word(0.2, 0.8), word(far - 0.3, far)], turns) == [1, 1]


def test_a_first_word_far_from_every_turn_goes_to_the_nearest() -> None:
    assert speakers([word(0.0, 0.3)], [turn(5.0, 6.0, 2), turn(7.0, 8.0, 1)]) == [2]


def test_a_word_without_length_belongs_to_the_turn_around_it() -> None:
    assert speakers([word(0.5, 0.5), word(2.5, 2.5)], [turn(0.0, 1.0, 1), turn(2.0, 3.0, 2)]) == [1, 2]


def test_a_single_word_between_close_words_of_another_joins_them() -> None:
    turns = [turn(0.0, 0.5, 1), turn(0.6, 0.75, 2), turn(1.1, 2.0, 1)]
    assert speakers([word(0.0, 0.5), word(0.6, 1.0), word(1.1, 1.5)], turns) == [1, 1, 1]


def test_a_single_word_well_inside_a_turn_of_its_own_stays() -> None:
    turns = [turn(0.0, 0.5, 1), turn(0.55, 1.05, 2), turn(1.1, 2.0, 1)]
    assert speakers([word(0.0, 0.5), word(0.6, 1.0), word(1.1, 1.5)], turns) == [1, 2, 1]


def test_a_single_word_after_a_pause_stays() -> None:
    turns = [turn(0.0, 0.5, 1), turn(0.9, 1.0, 2), turn(1.3, 2.0, 1)]
    late = 0.5 + CLOSE_S + 0.05
    assert speakers([word(0.0, 0.5), word(late, 1.2), word(1.3, 1.6)], turns) == [1, 2, 1]


def test_two_words_of_another_speaker_stay() -> None:
    turns = [turn(0.0, 0.5, 1), turn(0.6, 0.8, 2), turn(1.0, 1.2, 2), turn(1.5, 2.0, 1)]
    assert speakers([word(0.0, 0.5), word(0.6, 0.95), word(1.0, 1.4), word(1.5, 1.9)], turns) == [1, 2, 2, 1]


def test_a_long_word_does_not_hide_turns_from_the_short_ones_after_it() -> None:
    turns = [turn(0.0, 0.4, 1), turn(0.4, 0.6, 2), turn(0.6, 5.0, 1)]
    assert speakers([word(0.0, 5.0), word(0.41, 0.59), word(2.0, 2.4)], turns) == [1, 2, 1]


TIMES = st.integers(0, 200).map(lambda tenths: tenths / 10)
SPANS = st.tuples(TIMES, st.integers(0, 30)).map(lambda pair: (pair[0], pair[0] + pair[1] / 10))
TURNS = st.lists(st.tuples(SPANS, st.integers(1, 4)).map(lambda pair: turn(*pair[0], pair[1])), min_size=1, max_size=12)
WORDS = st.lists(SPANS.map(lambda span: word(*span)), max_size=12).map(
    lambda words: sorted(words, key=lambda w: w.start)
)


def overlap(word: Word, other: Turn) -> float:
    return max(0.0, min(word.end, other.span.end) - max(word.start, other.span.start))


@given(WORDS, TURNS)
def test_no_speaker_overlaps_a_word_much_more_than_its_own(words: list[Word], turns: list[Turn]) -> None:
    assigned = assign(words, turns)
    assert [(word.start, word.end) for word in assigned] == [(word.start, word.end) for word in words]
    names = {turn.speaker for turn in turns}
    for index, word in enumerate(assigned):
        shares = {name: sum(overlap(word, turn) for turn in turns if turn.speaker == name) for name in names}
        assert word.speaker in names
        if max(shares.values()) - shares[word.speaker] > 1e-9:  # only to join a word's neighbours on both sides
            assert assigned[index - 1].speaker == word.speaker == assigned[index + 1].speaker
            assert max(shares.values()) <= CERTAIN_SHARE * (word.end - word.start) + 1e-9


@pytest.mark.parametrize("order", [1, -1])
def test_turns_may_come_in_any_order(order: int) -> None:
    turns = [turn(2.0 * k, 2.0 * k + 1.8, 1 + k % 2) for k in range(500)][::order]
    words = [word(0.5 * k, 0.5 * k + 0.3) for k in range(2000)]
    expected = [1 + int(0.5 * k // 2) % 2 for k in range(2000)]
    assert speakers(words, turns) == expected
