"""Codes of letters and digits, written or spelled out: IBAN, passports, plates, "m as in mike four four two".

The letters of such a code are taken out with its digits. Runs of digits alone belong to ``numbers``.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from emotion_pipeline.engine.redact.kinds import DataKind
from emotion_pipeline.engine.redact.speech import RULES, Finding, Speech
from emotion_pipeline.engine.redact.tokens import DASHES, HESITATIONS, Form, Number, NumberStyle, word_set

# Of the ICAO; most are names or plain words too, so that they count only where a code was announced.
_ALPHABET: Final = word_set(
    "alpha alfa bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima mike november oscar papa "
    "quebec romeo sierra tango uniform victor whiskey whisky xray yankee zulu"
)
# 10am, 21st, 5km, 640x480: letters and digits, and no code.
_MEASURE: Final = re.compile(r"\d{1,4}[a-z]{1,3}|\d+x\d+")
_COUNTRY: Final = re.compile(r"[a-z]{2}\d{2}")
_IBAN_LENGTHS: Final = range(15, 35)
_LEAST_DIGITS: Final = 2
_LEAST_DIGITS_ANNOUNCED: Final = 3
_LEAST_DIGITS_ALONE: Final = 6


class Part(NamedTuple):
    """One letter, number or code in tokens ``first`` to ``last``, both included."""

    text: str
    first: int
    last: int
    is_alphabet_word: bool = False


def find_codes(speech: Speech, numbers: Sequence[Number]) -> Iterator[Finding]:
    """Yield the codes in order, none of digits alone; ``numbers`` are those that are no part of a date."""
    by_first = {number.first: number for number in numbers if number.style is not NumberStyle.HOMOPHONE}
    index = 0
    while index < len(speech.tokens):
        token = speech.tokens[index]
        if token.form is Form.WORD and len(token.text) > 1 and token.text not in _ALPHABET and index not in by_first:
            index += 1  # most words
            continue
        parts = _parts(speech, by_first, index)
        if _is_mixed(parts, _LEAST_DIGITS):
            yield from _classified(speech, parts)
        index = parts[-1].last + 1 if parts else index + 1


def _is_mixed(parts: Sequence[Part], least_digits: int) -> bool:
    text = "".join(part.text for part in parts)
    return sum(char.isdecimal() for char in text) >= least_digits and not text.isdecimal()


def _parts(speech: Speech, numbers: Mapping[int, Number], index: int) -> list[Part]:
    """Return the letters and numbers that follow one another from ``index`` on."""
    parts: list[Part] = []
    while (part := _part(speech, numbers, index, parts)) is not None:
        if parts and speech.apart(parts[-1].last, index):
            break
        parts.append(part)
        index = part.last + 1
        while speech.text(index) in DASHES | HESITATIONS:
            index += 1
    return parts


def _part(speech: Speech, numbers: Mapping[int, Number], index: int, before: Sequence[Part]) -> Part | None:
    if index >= len(speech.tokens) or index in speech.announcing:
        return None
    if index in numbers:
        return Part(numbers[index].digits, index, numbers[index].last)
    text, form = speech.tokens[index][:2]
    if form is Form.CODE and not _MEASURE.fullmatch(text):
        return Part(text, index, index)
    return _letter(speech, index, before) if form is Form.WORD and text.isascii() else None


def _letter(speech: Speech, index: int, before: Sequence[Part]) -> Part | None:
    text = speech.text(index)
    if len(text) == 1:
        as_in = speech.text(index + 1) == "as" and speech.text(index + 2) == "in" and index + 3 < len(speech.tokens)
        return Part(text, index, index + 3 if as_in else index)
    if text in _ALPHABET:
        return Part(text[0], index, index, is_alphabet_word=True)
    # The bank in GB29 NWBK 6016...: four letters that are no word.
    is_bank = len(text) == 4 and _COUNTRY.fullmatch("".join(part.text for part in before[-4:])[-4:])
    return Part(text, index, index) if is_bank else None


def _classified(speech: Speech, parts: Sequence[Part]) -> Iterator[Finding]:
    start = 0
    while (iban := _iban(parts, start)) is not None:
        first, end = iban
        yield from _without_checksum(speech, parts[start:first])
        yield Finding(DataKind.BANKING_INFORMATION, parts[first].first, parts[end - 1].last)
        start = end
    yield from _without_checksum(speech, parts[start:])


def _without_checksum(speech: Speech, parts: Sequence[Part]) -> Iterator[Finding]:
    kind = _announced_kind(speech, parts) if parts else None
    if kind is not None:
        yield Finding(kind, parts[0].first, parts[-1].last)
        return
    coded = [index for index, part in enumerate(parts) if part.text not in ("a", "i") and not part.is_alphabet_word]
    parts = parts[coded[0] : coded[-1] + 1] if coded else []
    if _is_mixed(parts, _LEAST_DIGITS_ALONE):
        yield Finding(DataKind.NUMBER_SEQUENCE, parts[0].first, parts[-1].last)


def _announced_kind(speech: Speech, parts: Sequence[Part]) -> DataKind | None:
    text = "".join(part.text for part in parts)
    if sum(char.isdecimal() for char in text) < _LEAST_DIGITS_ANNOUNCED:
        return None
    for near in speech.nearby(parts[0].first):
        shortest, longest = RULES[near.topic].characters
        if shortest <= len(text) <= longest and not near.used:
            return RULES[near.topic].kind
    return None


def _iban(parts: Sequence[Part], start: int) -> tuple[int, int] | None:
    """Return where the next parts that are an IBAN by its checksum (ISO 13616) begin and end, from ``start`` on."""
    from stdnum import iban

    for first in range(start, len(parts)):
        text, bounds = "", None
        for last in range(first, len(parts)):
            text += parts[last].text
            if len(text) >= _IBAN_LENGTHS.stop or (len(text) >= 4 and not _COUNTRY.match(text)):
                break
            if len(text) in _IBAN_LENGTHS and iban.is_valid(text):
                bounds = first, last + 1
        if bounds is not None:
            return bounds
    return None
