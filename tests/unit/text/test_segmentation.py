"""Sentences and speaker turns: what every cut keeps, and where it falls."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion_pipeline.engine.common.types import Word
from emotion_pipeline.engine.text.segmentation import segment_words


def word(text: str, start: float, end: float, speaker: str = "A") -> Word:
    return Word(text, start, end, 1.0, speaker)


def spoken(sentence: str, start: float = 0.0, speaker: str = "A", step: float = 0.4) -> list[Word]:
    return [word(text, start + i * step, start + (i + 1) * step, speaker) for i, text in enumerate(sentence.split())]


def texts(words: list[Word], **limits: float) -> list[tuple[str, str]]:
    return [(segment.speaker, segment.text) for segment in segment_words(words, **limits)]


any_words = st.lists(
    st.builds(
        lambda text, start, length, speaker: word(text, start, start + length, speaker),
        st.sampled_from(["yes", "no.", "well,", "Dr.", "why?", "🙂", ""]),
        st.floats(0, 600, allow_nan=False),
        st.one_of(st.floats(0, 2), st.floats(0, 80)),
        st.sampled_from(["A", "B", "C"]),
    ),
    max_size=60,
)


@given(any_words, st.floats(0.5, 40), st.floats(0.05, 5))
def test_every_word_is_in_exactly_one_segment_of_its_speaker(words: list[Word], longest: float, pause: float) -> None:
    segments = segment_words(words, longest, pause)
    kept = sorted((w for s in segments for w in s.words), key=repr)
    assert kept == sorted(words, key=repr)
    assert all(w.speaker == s.speaker for s in segments for w in s.words)


@given(any_words, st.floats(0.5, 40))
def test_a_segment_has_a_word_and_fits_unless_it_is_one_word(words: list[Word], longest: float) -> None:
    for segment in segment_words(words, longest):
        assert segment.words
        assert segment.end - segment.start <= longest or len(segment.words) == 1


@given(any_words, st.randoms())
def test_the_order_in_which_words_arrive_does_not_matter(words: list[Word], chance: random.Random) -> None:
    unique = list({(w.start, w.end, w.speaker): w for w in words}.values())
    shuffled = chance.sample(unique, len(unique))
    assert segment_words(shuffled) == segment_words(unique)


@given(any_words)
def test_segments_come_in_order_of_time(words: list[Word]) -> None:
    starts = [segment.start for segment in segment_words(words)]
    assert starts == sorted(starts)


def test_a_sentence_mark_ends_a_segment() -> None:
    assert texts(spoken("Hello there. How are you? Fine")) == [
        ("A", "Hello there."),
        ("A", "How are you?"),
        ("A", "Fine"),
    ]


def test_an_abbreviation_or_initial_does_not_end_a_segment() -> None:
    assert texts(spoken("Ask Dr. J. Smith e.g. today")) == [("A", "Ask Dr. J. Smith e.g. today")]


def test_a_pause_ends_a_segment_where_there_is_no_punctuation() -> None:
    words = [*spoken("hello there", 0.0), *spoken("how are you", 2.0)]
    assert texts(words) == [("A", "hello there"), ("A", "how are you")]
    assert texts(words, pause_seconds=1.5) == [("A", "hello there how are you")]


def test_another_speaker_s_turn_ends_a_turn() -> None:
    words = [*spoken("i want a refund", 0.0), *spoken("of course", 1.7, "B"), *spoken("thank you", 2.6)]
    assert texts(words) == [("A", "i want a refund"), ("B", "of course"), ("A", "thank you")]


def test_words_interleaved_on_two_channels_stay_with_their_speaker() -> None:
    words = [*spoken("this is the left side", 0.0, "left"), *spoken("and this is the right", 0.1, "right")]
    assert texts(words) == [("left", "this is the left side"), ("right", "and this is the right")]


def test_a_long_stretch_is_cut_at_its_widest_gap() -> None:
    early, late = spoken("a " * 50, 0.0), spoken("b " * 50, 20.3)
    assert texts([*early, *late]) == [("A", "a " * 49 + "a"), ("A", "b " * 49 + "b")]


def test_a_word_longer_than_the_limit_stands_alone() -> None:
    words = [word("before", 0, 1), word("laaa", 1.1, 40), word("after", 40.1, 41)]
    assert [s.text for s in segment_words(words)] == ["before", "laaa", "after"]


def test_no_words_make_no_segments() -> None:
    assert segment_words([]) == ()


@pytest.mark.parametrize("limits", [{"max_seconds": 0.0}, {"pause_seconds": -1.0}])
def test_a_limit_that_is_not_positive_is_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        segment_words(spoken("hello"), **limits)
