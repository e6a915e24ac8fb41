"""From tokens to words, with the vocabularies that Whisper really has."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whisper.tokenizer import get_encoding

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.transcribe.base import DecodedWord
from emotion_pipeline.engine.transcribe.whisper.words import Vocabulary, vocabulary_of, words_of

ENCODING = get_encoding("multilingual")


def vocabulary(is_multilingual: bool = True) -> Vocabulary:
    encoding = ENCODING if is_multilingual else get_encoding("gpt2")
    special = encoding.special_tokens_set
    return vocabulary_of(
        lambda name: encoding.encode_single_token(name) if name in special else None,
        lambda tokens: encoding.decode(list(tokens)),
        is_multilingual,
    )


KNOWN = vocabulary()


def heard(text: str, language: str = "en") -> tuple[DecodedWord, ...]:
    """The words of a text whose tokens each take a tenth of a second and get a probability that tells their place."""
    tokens = ENCODING.encode(text)
    probabilities = [1.0 - at / 100 for at in range(len(tokens))]
    return words_of(KNOWN, language, tokens, [at / 10 for at in range(len(tokens) + 1)], probabilities, 30.0)


def said(text: str, language: str = "en") -> list[str]:
    return [word.text for word in heard(text, language)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (" Hello, brave new world.", ["Hello,", "brave", "new", "world."]),
        (" I don't know the U.S. well-known 3.5 percent", ["I", "don't", "know", "the", "U.S.", "well-known", "3.5",
                                                            "percent"]),
        (" He said “no” (twice) … and left!", ["He", "said", "“no”", "(twice)…", "and", "left!"]),
        (" ¿Qué pasa? ¡Nada!", ["¿Qué", "pasa?", "¡Nada!"]),
        (" R & D costs 50 % more", ["R", "&", "D", "costs", "50", "%", "more"]),
        (" naïve café — 😀 Привет", ["naïve", "café—", "😀", "Привет"]),
        ("... Well", ["...Well"]),
        (" he  said\nso", ["he", "said", "so"]),
        (" ...", []),
        ("", []),
    ],
)  # fmt: skip
def test_words_are_what_people_would_call_words(text: str, words: list[str]) -> None:
    assert said(text) == words


def test_a_language_without_spaces_has_a_word_per_character() -> None:
    words = said("你好，世界。", "zh")
    assert "".join(words) == "你好，世界。"
    assert words[-1] == "世界。" or words[-1] == "界。"
    assert all(word[0] not in "，。" for word in words)


def test_a_word_begins_with_its_first_token_and_ends_with_its_last_one_that_is_no_punctuation() -> None:
    tokens = ENCODING.encode(" well-known, yes")
    assert [ENCODING.decode([token]) for token in tokens] == [" well", "-", "known", ",", " yes"]
    first, second = heard(" well-known, yes")
    assert (first.start, first.end) == (0.0, 0.3)
    assert (second.start, second.end) == (0.4, 0.5)
    assert first.probability == pytest.approx((1.0 + 0.99 + 0.98) / 3)
    assert second.probability == 0.96


def test_no_word_lies_outside_the_audio() -> None:
    tokens = ENCODING.encode(" one two three")
    words = words_of(KNOWN, "en", tokens, [-0.02, 0.4, 0.9, 1.4], [1.2, 0.5, -0.1], 0.65)
    assert [(word.start, word.end, word.probability) for word in words] == [
        (0.0, 0.4, 1.0), (0.4, 0.65, 0.5), (0.65, 0.65, 0.0)
    ]  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(st.lists(st.integers(0, 50_256), max_size=30), st.sampled_from(["en", "ja"]))
def test_no_tokens_lose_a_character_or_the_order(tokens: list[int], language: str) -> None:
    starts = [at / 10 for at in range(len(tokens) + 1)]
    words = words_of(KNOWN, language, tokens, starts, [0.5] * len(tokens), 30.0)
    assert all(word.text.split() == [word.text] for word in words)
    assert all(word.start < word.end for word in words)
    assert all(before.end <= after.start for before, after in pairwise(words))
    whole = "".join(ENCODING.decode(tokens).replace("\ufffd", "").split())
    found = "".join(word.text for word in words)
    assert found in ("", whole) or sorted(found) == sorted(whole)
    if any(one.isalnum() for one in whole):
        assert found


def test_the_prompt_asks_for_a_transcript_without_timestamps() -> None:
    assert ENCODING.decode(KNOWN.prompt("de")) == "<|startoftranscript|><|de|><|transcribe|><|notimestamps|>"
    english = vocabulary(is_multilingual=False)
    assert get_encoding("gpt2").decode(english.prompt("en")) == "<|startoftranscript|><|notimestamps|>"


def test_nothing_but_text_and_the_end_may_be_said() -> None:
    assert set(KNOWN.special) == set(range(ENCODING.n_vocab)) - set(range(50_257)) - {KNOWN.end}
    assert ENCODING.decode([KNOWN.special[-1]]) == "<|30.00|>"


def test_a_language_is_known_by_its_code_only() -> None:
    assert len(KNOWN.languages) == 99
    with pytest.raises(BackendUnavailableError, match="does not know the language 'German'; it knows en, zh, de"):
        KNOWN.prompt("German")


def test_a_vocabulary_of_something_else_is_refused() -> None:
    with pytest.raises(KeyError, match="startoftranscript"):
        vocabulary_of(lambda name: None, lambda tokens: "", True)
