"""Dates in tokens: "march third nineteen eighty four", "the 3rd of March", 05/12/1984, "in nineteen eighty four".

Only dates of birth and of a card's expiry are personal data: ``redactor`` tells them from the others, which must not be
taken for digits of something else.
"""

from itertools import pairwise
from typing import Final

from emotion_pipeline.engine.redact.numbers import all_years
from emotion_pipeline.engine.redact.speech import Speech
from emotion_pipeline.engine.redact.tokens import Form, Number, NumberStyle, word_set

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


def find_dates(speech: Speech) -> list[range]:
    """Return the tokens of each date (a month with day or year, or a year), in order, none overlapping."""
    dates: list[range] = []
    for index, token in enumerate(speech.tokens):
        if dates and index < dates[-1].stop:
            continue
        date = None
        if token.form is Form.DATE:
            date = range(index, index + 1)
        elif token.text in _MONTHS:
            date = _around_month(speech, index)
        elif _is_ordinal(speech, index) and [speech.text(index + 1), speech.text(index + 2)] == ["of", "the"]:
            # "the second of the fourth nineteen seventy one", for the second of April; a year must follow
            end = _year_end(speech, index + 4) if _is_ordinal(speech, index + 3) else None
            date = None if end is None else range(index, end)
        elif token.text in _BEFORE_A_YEAR and speech.text(index - 1) not in _NOT_A_YEAR_IN:
            end = _year_end(speech, index + 1)
            date = None if end is None or _is_short(speech, index + 1, end) else range(index + 1, end)
        if date is not None:
            dates.append(date)
    return dates


def _around_month(speech: Speech, month: int) -> range | None:
    first = _day_before(speech, month)
    has_day_before = first < month
    end = month + 1 if has_day_before else _day_after(speech, month + 1)
    year_end = _year_end(speech, month + 1)
    if year_end is not None and not _is_short(speech, month + 1, year_end):  # "march nineteen oh four" has no 19th
        return range(first, year_end)
    year_end = _year_end(speech, end + (speech.text(end) in (",", "of", "in")))
    if year_end is not None:
        return range(first, year_end)
    # "may five five five one two": where the digits go on, this is no day.
    goes_on = end in speech.starts and not speech.apart(end - 1, end)
    return range(first, end) if (has_day_before or end > month + 1) and not goes_on else None


def _day_before(speech: Speech, month: int) -> int:
    """Return where "the third of" or "3" before a month begins, the month itself without."""
    last = month - 1 - (speech.text(month - 1) == "of")
    if _is_ordinal(speech, last):
        hyphen = speech.text(last - 1) == "-"
        return last - 1 - hyphen if speech.text(last - 1 - hyphen) in ("twenty", "thirty") else last
    index = speech.ends.get(last)
    if index is not None and _is_day(speech.numbers[index]) and speech.numbers[index].first - 1 not in speech.ends:
        return speech.numbers[index].first
    return month


def _day_after(speech: Speech, start: int) -> int:
    """Return the end of "third", "the twenty first" or "21" behind a month; ``start`` without."""
    day = start + (speech.text(start) == "the")
    if speech.text(day) in ("twenty", "thirty"):
        ordinal = day + 1 + (speech.text(day + 1) == "-")
        if _is_ordinal(speech, ordinal):
            return ordinal + 1
    if _is_ordinal(speech, day):
        return day + 1
    index = speech.starts.get(day)
    return speech.numbers[index].last + 1 if index is not None and _is_day(speech.numbers[index]) else start


def _is_day(number: Number) -> bool:
    return len(number.digits) <= 2 and int(number.digits) in _DAYS and number.style is not NumberStyle.HOMOPHONE


def _is_ordinal(speech: Speech, token: int) -> bool:
    text = speech.text(token)
    return text in _ORDINALS or (text[:-2].isdecimal() and len(text) <= 4 and text.endswith(_ORDINAL_SUFFIXES))


def _year_end(speech: Speech, start: int) -> int | None:
    """Return the end of the year that begins at ``start``: 1984, "nineteen eighty four", "eighty four"."""
    index = speech.starts.get(start)
    if index is None:
        return None
    for length in (3, 2, 1):
        part = speech.numbers[index : index + length]
        adjacent = all(right.first - left.last == 1 for left, right in pairwise(part))
        if len(part) == length and adjacent and all_years(part) and not _goes_on(speech, part[-1].last):
            return part[-1].last + 1
    number = speech.numbers[index]
    short = len(number.digits) == 2 and number.style is NumberStyle.PAIR
    return number.last + 1 if short and not _goes_on(speech, number.last) else None


def _is_short(speech: Speech, first: int, end: int) -> bool:
    """Tell whether a year has two digits."""
    return sum(len(number.digits) for number in speech.numbers[speech.starts[first] : speech.ends[end - 1] + 1]) == 2


def _goes_on(speech: Speech, last: int) -> bool:
    """Tell whether so many digits follow directly that what looks like a year is a part of them."""
    if speech.tokens[last].ends_clause or last + 1 not in speech.starts or speech.apart(last, last + 1):
        return False
    digits, start = 0, last + 1
    while digits <= _MOST_DIGITS_AFTER_A_YEAR and (index := speech.starts.get(start)) is not None:
        digits, start = digits + len(speech.numbers[index].digits), speech.numbers[index].last + 1
    return digits > _MOST_DIGITS_AFTER_A_YEAR
