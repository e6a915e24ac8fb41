"""Dates in tokens: "march third nineteen eighty four", "the 3rd of March", 05/12/1984, "in nineteen eighty four".

Dates themselves are no personal data. A date of birth and the expiry of a card are, and whether a date is one of these
is decided in ``redactor``. Every other date must not be taken for digits of something else.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from emotion_pipeline.engine.redact.runs import all_years
from emotion_pipeline.engine.redact.speech import Speech
from emotion_pipeline.engine.redact.tokens import Chunk, Form, Manner, word_set

_MONTHS: Final = word_set(
    "january february march april may june july august september october november december "
    "jan feb mar apr jun jul aug sep sept oct nov dec"
)
_ORDINALS: Final = word_set(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth thirtieth"
)
_ORDINAL_SUFFIXES: Final = ("st", "nd", "rd", "th")
_BEFORE_A_YEAR: Final = word_set("in since until of during around year")
# Verbs with "in" before digits: "ending in nineteen eighty four".
_NOT_A_YEAR_IN: Final = word_set("ending ends end put punch type typed key enter starting starts digits")
_MOST_DIGITS_AFTER_A_YEAR: Final = 3
_DAYS: Final = range(1, 32)


class Date(NamedTuple):
    """Tokens ``first`` to ``last``, both included: a month with day or year, or a year."""

    first: int
    last: int


def find_dates(speech: Speech) -> list[Date]:
    """Return the dates in order, none overlapping."""
    dates: list[Date] = []
    for at, token in enumerate(speech.tokens):
        if dates and at <= dates[-1].last:
            continue
        date = None
        if token.form is Form.DATE:
            date = Date(at, at)
        elif token.text in _MONTHS:
            date = _around_month(speech, at)
        elif _is_ordinal(speech, at) and [speech.text(at + 1), speech.text(at + 2)] == ["of", "the"]:
            date = _of_the(speech, at)
        elif token.text in _BEFORE_A_YEAR and speech.text(at - 1) not in _NOT_A_YEAR_IN:
            date = _year_after(speech, at)
        if date is not None:
            dates.append(date)
    return dates


def _around_month(speech: Speech, month: int) -> Date | None:
    first, day_before = _day_before(speech, month)
    at, day_after = (month + 1, False) if day_before else _day_after(speech, month + 1)
    whole = _year(speech, month + 1)
    if whole is not None and not _is_short(speech, month + 1, whole):  # "march nineteen oh four" has no 19th
        return Date(first, whole)
    year = _year(speech, at + (speech.text(at) in (",", "of", "in")))
    if year is not None:
        return Date(first, year)
    # "may five five five one two": where the digits go on, this is no day.
    goes_on = at in speech.starts and not speech.apart(at - 1, at)
    return Date(first, at - 1) if (day_before or day_after) and not goes_on else None


def _of_the(speech: Speech, day: int) -> Date | None:
    """Return "the second of the fourth nineteen seventy one", for the second of April; a year must follow."""
    year = _year(speech, day + 4) if _is_ordinal(speech, day + 3) else None
    return None if year is None else Date(day, year)


def _day_before(speech: Speech, month: int) -> tuple[int, bool]:
    """Return where "the third of" or "3" before a month begins."""
    end = month - 1 - (speech.text(month - 1) == "of")
    if _is_ordinal(speech, end):
        return _ordinal_start(speech, end), True
    index = speech.ends.get(end)
    if index is not None and _is_day(speech.chunks[index]) and speech.chunks[index].first - 1 not in speech.ends:
        return speech.chunks[index].first, True
    return month, False


def _day_after(speech: Speech, at: int) -> tuple[int, bool]:
    """Return what comes after "third", "the twenty first" or "21" behind a month."""
    at += speech.text(at) == "the"
    if speech.text(at) in ("twenty", "thirty") and _is_ordinal(speech, at + 1 + (speech.text(at + 1) == "-")):
        return at + 2 + (speech.text(at + 1) == "-"), True
    if _is_ordinal(speech, at):
        return at + 1, True
    index = speech.starts.get(at)
    if index is not None and _is_day(speech.chunks[index]):
        return speech.chunks[index].last + 1, True
    return at - (speech.text(at - 1) == "the"), False


def _is_day(chunk: Chunk) -> bool:
    return len(chunk.digits) <= 2 and int(chunk.digits) in _DAYS and chunk.manner is not Manner.HOMOPHONE


def _is_ordinal(speech: Speech, at: int) -> bool:
    text = speech.text(at)
    return text in _ORDINALS or (text[:-2].isdecimal() and len(text) <= 4 and text.endswith(_ORDINAL_SUFFIXES))


def _ordinal_start(speech: Speech, end: int) -> int:
    hyphen = speech.text(end - 1) == "-"
    return end - 1 - hyphen if speech.text(end - 1 - hyphen) in ("twenty", "thirty") else end


def _year(speech: Speech, at: int) -> int | None:
    """Return the last token of the year that begins at ``at``: 1984, "nineteen eighty four", "eighty four"."""
    index = speech.starts.get(at)
    if index is None:
        return None
    for length in (3, 2, 1):
        part = speech.chunks[index : index + length]
        if len(part) == length and _adjacent(part) and all_years(part) and not _goes_on(speech, part[-1].last):
            return part[-1].last
    chunk = speech.chunks[index]
    short = len(chunk.digits) == 2 and chunk.manner is Manner.PAIR
    return chunk.last if short and not _goes_on(speech, chunk.last) else None


def _year_after(speech: Speech, at: int) -> Date | None:
    """Return the year in "in nineteen eighty four"; two digits are none without a month."""
    last = _year(speech, at + 1)
    if last is None:
        return None
    return None if _is_short(speech, at + 1, last) else Date(at + 1, last)


def _is_short(speech: Speech, first: int, last: int) -> bool:
    """Tell whether a year has two digits."""
    return sum(len(chunk.digits) for chunk in speech.chunks[speech.starts[first] : speech.ends[last] + 1]) == 2


def _adjacent(part: Sequence[Chunk]) -> bool:
    return all(right.first - left.last == 1 for left, right in pairwise(part))


def _goes_on(speech: Speech, last: int) -> bool:
    """Tell whether so many digits follow directly that what looks like a year is a part of them."""
    if speech.tokens[last].ends_clause or last + 1 not in speech.starts or speech.apart(last, last + 1):
        return False
    digits, at = 0, last + 1
    while digits <= _MOST_DIGITS_AFTER_A_YEAR and (index := speech.starts.get(at)) is not None:
        digits, at = digits + len(speech.chunks[index].digits), speech.chunks[index].last + 1
    return digits > _MOST_DIGITS_AFTER_A_YEAR
