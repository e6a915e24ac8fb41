"""Numbers made at random and said in random ways are taken out whole; ordinary speech never is."""

from itertools import groupby
from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import luhn
from support.speaking import dialogue, words_of

from emotion_pipeline.engine.redact.kinds import is_placeholder
from emotion_pipeline.engine.redact.redactor import Redactor

PHRASES = yaml.safe_load(Path(__file__).with_name("phrases.yaml").read_text(encoding="utf-8"))
KEPT = [phrase for phrase in PHRASES["kept"] if "[" not in phrase]
SPOKEN_WORDS = sorted(
    {word.strip("{}") for phrases in [KEPT, *PHRASES["found"].values()] for word in " ".join(phrases).split()}
)

UNITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
TEENS = ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
ALIKE = {"1": ["won"], "2": ["to", "too"], "4": ["for"], "8": ["ate"]}
REPEATED = {2: "double", 3: "triple"}
BETWEEN = ["", "", "", "uh", "um", "dash", "okay", "and"]

digits = st.sampled_from("0123456789")


@st.composite
def card_numbers(draw: st.DrawFn) -> str:
    length = draw(st.integers(13, 19))
    body = draw(st.sampled_from("3456")) + "".join(draw(digits) for _ in range(length - 2))
    return body + luhn.calc_check_digit(body)


@st.composite
def phone_numbers(draw: st.DrawFn) -> str:
    first = st.sampled_from("23456789")
    return draw(first) + draw(digits) + draw(digits) + draw(first) + "".join(draw(digits) for _ in range(6))


def unit(digit: str, draw: st.DrawFn) -> str:
    return draw(st.sampled_from(["zero", "oh"])) if digit == "0" else UNITS[int(digit)]


def one_by_one(number: str, draw: st.DrawFn) -> str:
    return " ".join(unit(digit, draw) for digit in number)


def with_repeats(number: str, draw: st.DrawFn) -> str:
    words = []
    for digit, group in groupby(number):
        count = len(list(group))
        word = unit(digit, draw)
        words.append(f"{REPEATED[count]} {word}" if count in REPEATED else " ".join([word] * count))
    return " ".join(words)


def in_groups(number: str, draw: st.DrawFn) -> str:
    size = draw(st.integers(3, 4))
    groups = [number[start : start + size] for start in range(0, len(number), size)]
    if len(groups[-1]) == 1:  # behind "and", one digit alone might as well be "and one more thing"
        groups[-2:] = ["".join(groups[-2:])]
    spoken = [one_by_one(group, draw) for group in groups]
    return " ".join(f"{group} {draw(st.sampled_from(BETWEEN))}" for group in spoken[:-1]) + " " + spoken[-1]


def written(number: str, draw: st.DrawFn) -> str:
    size, mark = draw(st.integers(2, 4)), draw(st.sampled_from([" ", "-", ", ", ". "]))
    return mark.join(number[start : start + size] for start in range(0, len(number), size))


def in_pairs(number: str, draw: st.DrawFn) -> str:
    words = []
    for start in range(0, len(number), 2):
        pair = number[start : start + 2]
        if len(pair) == 1 or pair[0] == "0":
            words.append(one_by_one(pair, draw))
        elif pair[0] == "1":
            words.append(TEENS[int(pair[1])])
        else:
            words.append(TENS[int(pair[0]) - 2] + (f" {UNITS[int(pair[1])]}" if pair[1] != "0" else ""))
    return " ".join(words)


def misheard(number: str, draw: st.DrawFn) -> str:
    """Every other digit at most is written as a word that sounds like it, never the first or last."""
    words, alike = [], False
    for index, digit in enumerate(number):
        alike = 0 < index < len(number) - 1 and not alike and digit in ALIKE and draw(st.booleans())
        words.append(draw(st.sampled_from(ALIKE[digit])) if alike else unit(digit, draw))
    return " ".join(words)


WAYS = st.sampled_from([one_by_one, with_repeats, in_groups, written, in_pairs, misheard])
CLEAR_WAYS = st.sampled_from([one_by_one, with_repeats, in_groups])


def check_taken_out(before: str, number: str, after: str) -> None:
    words = words_of(f"{before} {number} {after}")
    redacted, spans = Redactor().redact(words)
    first, last = len(before.split()), len(words) - len(after.split())
    left = [word.text for word in redacted[first:last] if not is_placeholder(word.text)]
    assert set(left) <= {"okay", "and"}, left
    assert [word.text for word in redacted[:first]] == before.split()
    assert [word.text for word in redacted[last:]] == after.split()
    assert spans


@given(card_numbers(), WAYS, st.sampled_from(["", "so it is", "my card number is"]), st.data())
@settings(max_examples=200, deadline=None)
def test_a_valid_card_number_is_taken_out_however_it_is_said(number, way, before, data) -> None:
    check_taken_out(before, way(number, data.draw), "please")


@given(phone_numbers(), WAYS, st.sampled_from(["my number is", "call me at", "yes my phone is"]), st.data())
@settings(max_examples=200, deadline=None)
def test_an_announced_telephone_number_is_taken_out_however_it_is_said(number, way, before, data) -> None:
    check_taken_out(before, way(number, data.draw), "please")


@given(phone_numbers(), CLEAR_WAYS, st.data())
@settings(max_examples=100, deadline=None)
def test_a_telephone_number_is_taken_out_where_nothing_announces_it(number, way, data) -> None:
    check_taken_out("well that would be", way(number, data.draw), "please")


@given(st.lists(st.sampled_from(KEPT), min_size=1, max_size=4), st.sampled_from([str, str.upper, str.title]))
@settings(max_examples=150, deadline=None)
def test_ordinary_sentences_are_never_touched(sentences, spelling) -> None:
    """Far enough apart that none announces what the next one says."""
    turns = [(f"speaker_{1 + index % 2}", spelling(sentence) + ".") for index, sentence in enumerate(sentences)]
    words = tuple(dialogue(*turns, pause=45.0))
    assert Redactor().redact(words) == (words, ())


@given(st.lists(st.sampled_from(SPOKEN_WORDS), max_size=60), st.integers(1, 9))
@settings(max_examples=200, deadline=None)
def test_whatever_is_said_is_redacted_once_and_for_all(texts, turn) -> None:
    words = [
        word
        for index, text in enumerate(texts)
        for word in words_of(text, f"speaker_{1 + index // turn % 2}", index * 0.5)
    ]
    once, spans = Redactor().redact(words)
    assert len(once) == len(words)
    assert Redactor().redact(once) == (once, ())
    changed = [word for word, other in zip(words, once, strict=True) if word != other]
    for word in changed:
        covered = [span.span for span in spans if span.speaker == word.speaker]
        assert any(span.start <= word.start and word.end <= span.end for span in covered)


@given(st.lists(st.text(min_size=1, max_size=12), max_size=12))
@settings(max_examples=200, deadline=None)
def test_no_word_is_too_strange(texts) -> None:
    words = [word for index, text in enumerate(texts) for word in words_of("x", start=index * 0.5)[:1] if text]
    strange = [type(word)(text, word.start, word.end, 0.5, "s") for word, text in zip(words, texts, strict=True)]
    redacted, _ = Redactor().redact(strange)
    assert len(redacted) == len(strange)
