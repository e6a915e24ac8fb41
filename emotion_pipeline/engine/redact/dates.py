"""Dates in tokens: "march third nineteen eighty four", "the 3rd of March", 05/12/1984, "in nineteen eighty four".

Dates themselves are no personal data. A date of birth and the expiry of a card are, and whether a date is one of these
is decided in ``speech``. Every other date must not be taken for digits of something else.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from emotion_pipeline.engine.redact.quantities import all_years
from emotion_pipeline.engine.redact.spoken import Chunk, Manner
from emotion_pipeline.engine.redact.tokens import Form, Token, word_set

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


class DateReader:
    """Finds the dates in one speaker's tokens.

    :param apart: tells whether two tokens cannot belong to one thing, because of what was said between them
    """

    def __init__(self, tokens: Sequence[Token], chunks: Sequence[Chunk], apart: Callable[[int, int], bool]) -> None:
        self._apart = apart
        self._tokens = tokens
        self._starts: Mapping[int, int] = {chunk.first: index for index, chunk in enumerate(chunks)}
        self._ends: Mapping[int, int] = {chunk.last: index for index, chunk in enumerate(chunks)}
        self._chunks = chunks

    def dates(self) -> list[Date]:
        """Return the dates in order, none overlapping."""
        found: list[Date] = []
        for at, token in enumerate(self._tokens):
            if found and at <= found[-1].last:
                continue
            date = None
            if token.form is Form.DATE:
                date = Date(at, at)
            elif token.text in _MONTHS:
                date = self._around_month(at)
            elif self._is_ordinal(at) and [self._text(at + 1), self._text(at + 2)] == ["of", "the"]:
                date = self._of_the(at)
            elif token.text in _BEFORE_A_YEAR and self._text(at - 1) not in _NOT_A_YEAR_IN:
                date = self._year_after(at)
            if date is not None:
                found.append(date)
        return found

    def _text(self, at: int) -> str:
        return self._tokens[at].text if 0 <= at < len(self._tokens) else ""

    def _around_month(self, month: int) -> Date | None:
        first, day_before = self._day_before(month)
        at, day_after = (month + 1, False) if day_before else self._day_after(month + 1)
        whole = self._year(month + 1)
        if whole is not None and not self._is_short(month + 1, whole):  # "march nineteen oh four" has no 19th
            return Date(first, whole)
        year = self._year(at + (self._text(at) in (",", "of", "in")))
        if year is not None:
            return Date(first, year)
        # "may five five five one two": where the digits go on, this is no day.
        goes_on = at in self._starts and not self._apart(at - 1, at)
        return Date(first, at - 1) if (day_before or day_after) and not goes_on else None

    def _of_the(self, day: int) -> Date | None:
        """Return "the second of the fourth nineteen seventy one", for the second of April; a year must follow."""
        year = self._year(day + 4) if self._is_ordinal(day + 3) else None
        return None if year is None else Date(day, year)

    def _day_before(self, month: int) -> tuple[int, bool]:
        """Return where "the third of" or "3" before a month begins."""
        end = month - 1 - (self._text(month - 1) == "of")
        if self._is_ordinal(end):
            return self._ordinal_start(end), True
        index = self._ends.get(end)
        if index is not None and self._is_day(self._chunks[index]) and self._chunks[index].first - 1 not in self._ends:
            return self._chunks[index].first, True
        return month, False

    def _day_after(self, at: int) -> tuple[int, bool]:
        """Return what comes after "third", "the twenty first" or "21" behind a month."""
        at += self._text(at) == "the"
        if self._text(at) in ("twenty", "thirty") and self._is_ordinal(at + 1 + (self._text(at + 1) == "-")):
            return at + 2 + (self._text(at + 1) == "-"), True
        if self._is_ordinal(at):
            return at + 1, True
        index = self._starts.get(at)
        if index is not None and self._is_day(self._chunks[index]):
            return self._chunks[index].last + 1, True
        return at - (self._text(at - 1) == "the"), False

    def _is_day(self, chunk: Chunk) -> bool:
        return len(chunk.digits) <= 2 and int(chunk.digits) in _DAYS and chunk.manner is not Manner.HOMOPHONE

    def _is_ordinal(self, at: int) -> bool:
        text = self._text(at)
        return text in _ORDINALS or (text[:-2].isdecimal() and len(text) <= 4 and text.endswith(_ORDINAL_SUFFIXES))

    def _ordinal_start(self, end: int) -> int:
        hyphen = self._text(end - 1) == "-"
        return end - 1 - hyphen if self._text(end - 1 - hyphen) in ("twenty", "thirty") else end

    def _year(self, at: int) -> int | None:
        """Return the last token of the year that begins at ``at``: 1984, "nineteen eighty four", "eighty four"."""
        index = self._starts.get(at)
        if index is None:
            return None
        for length in (3, 2, 1):
            part = self._chunks[index : index + length]
            if len(part) == length and self._adjacent(part) and all_years(part) and not self._goes_on(part[-1].last):
                return part[-1].last
        chunk = self._chunks[index]
        short = len(chunk.digits) == 2 and chunk.manner is Manner.PAIR
        return chunk.last if short and not self._goes_on(chunk.last) else None

    def _year_after(self, at: int) -> Date | None:
        """Return the year in "in nineteen eighty four"; two digits are none without a month."""
        last = self._year(at + 1)
        if last is None:
            return None
        return None if self._is_short(at + 1, last) else Date(at + 1, last)

    def _is_short(self, first: int, last: int) -> bool:
        """Tell whether a year has two digits."""
        return sum(len(chunk.digits) for chunk in self._chunks[self._starts[first] : self._ends[last] + 1]) == 2

    def _adjacent(self, part: Sequence[Chunk]) -> bool:
        return all(right.first - left.last == 1 for left, right in pairwise(part))

    def _goes_on(self, last: int) -> bool:
        """Tell whether so many digits follow directly that what looks like a year is a part of them."""
        if self._tokens[last].ends_clause or last + 1 not in self._starts or self._apart(last, last + 1):
            return False
        digits, at = 0, last + 1
        while digits <= _MOST_DIGITS_AFTER_A_YEAR and (index := self._starts.get(at)) is not None:
            digits, at = digits + len(self._chunks[index].digits), self._chunks[index].last + 1
        return digits > _MOST_DIGITS_AFTER_A_YEAR
