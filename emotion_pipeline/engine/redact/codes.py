"""Numbers with letters in them, written or spelled out: IBAN, passports, plates, "m as in mike four four two".

The letters of such a code are taken out with its digits. Runs of digits alone are the task of ``numbers``.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from emotion_pipeline.engine.redact.kinds import DataKind
from emotion_pipeline.engine.redact.speech import Found, Speech, Topic
from emotion_pipeline.engine.redact.tokens import DASHES, HESITATIONS, Chunk, Form, Manner, word_set

# Of the ICAO; most are names or plain words too, so that they count only where a code was announced.
_ALPHABET: Final = word_set(
    "alpha alfa bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima mike november oscar papa "
    "quebec romeo sierra tango uniform victor whiskey whisky xray yankee zulu"
)
# 10am, 21st, 5km, 640x480: letters and digits, and no code.
_MEASURE: Final = re.compile(r"\d{1,4}[a-z]{1,3}|\d+x\d+")
_COUNTRY: Final = re.compile(r"[a-z]{2}\d{2}")
_IBAN_LENGTHS: Final = range(15, 35)
_LENGTHS: Final = {
    Topic.BANK: (DataKind.BANKING_INFORMATION, range(15, 35)),
    Topic.PASSPORT: (DataKind.PASSPORT_NUMBER, range(6, 12)),
    Topic.LICENSE: (DataKind.DRIVERS_LICENSE, range(5, 20)),
    Topic.VEHICLE: (DataKind.VEHICLE_ID, range(4, 18)),
    Topic.HEALTH: (DataKind.HEALTHCARE_NUMBER, range(6, 15)),
    Topic.ACCOUNT_NUMBER: (DataKind.ACCOUNT_NUMBER, range(5, 21)),
    Topic.ACCOUNT: (DataKind.ACCOUNT_NUMBER, range(6, 21)),
    Topic.REFERENCE: (DataKind.NUMBER_SEQUENCE, range(6, 21)),
}
_LEAST_DIGITS: Final = 2
_LEAST_DIGITS_ANNOUNCED: Final = 3
_LEAST_DIGITS_ALONE: Final = 6


class Part(NamedTuple):
    """One letter, number or code in tokens ``first`` to ``last``, both included."""

    text: str
    first: int
    last: int
    # By a word of the spelling alphabet.
    spoken_letter: bool


def find_codes(speech: Speech, chunks: Sequence[Chunk]) -> Iterator[Found]:
    """Yield the codes in order, none of digits alone; ``chunks`` are the numbers that are no part of a date."""
    numbers = {chunk.first: chunk for chunk in chunks if chunk.manner is not Manner.HOMOPHONE}
    at = 0
    while at < len(speech.tokens):
        token = speech.tokens[at]
        if token.form is Form.WORD and len(token.text) > 1 and token.text not in _ALPHABET and at not in numbers:
            at += 1  # most words
            continue
        parts = _parts(speech, numbers, at)
        text = "".join(part.text for part in parts)
        if sum(char.isdecimal() for char in text) >= _LEAST_DIGITS and not text.isdecimal():
            yield from _classified(speech, parts)
        at = parts[-1].last + 1 if parts else at + 1


def _parts(speech: Speech, numbers: Mapping[int, Chunk], at: int) -> list[Part]:
    """Return the letters and numbers that follow one another from ``at`` on."""
    parts: list[Part] = []
    while (part := _part(speech, numbers, at, parts)) is not None:
        if parts and speech.apart(parts[-1].last, at):
            break
        parts.append(part)
        at = part.last + 1
        while at < len(speech.tokens) and speech.tokens[at].text in DASHES | HESITATIONS:
            at += 1
    return parts


def _part(speech: Speech, numbers: Mapping[int, Chunk], at: int, before: Sequence[Part]) -> Part | None:
    if at >= len(speech.tokens) or at in speech.announcing:
        return None
    if at in numbers:
        chunk = numbers[at]
        return Part(chunk.digits, at, chunk.last, False)
    text, form = speech.tokens[at][:2]
    if form is Form.CODE and not _MEASURE.fullmatch(text):
        return Part(text, at, at, False)
    return _letter(speech, at, before) if form is Form.WORD and text.isascii() else None


def _letter(speech: Speech, at: int, before: Sequence[Part]) -> Part | None:
    text = speech.tokens[at].text
    if len(text) == 1:
        as_in = at + 3 < len(speech.tokens) and speech.text(at + 1) == "as" and speech.text(at + 2) == "in"
        return Part(text, at, at + 3 if as_in else at, False)
    if text in _ALPHABET:
        return Part(text[0], at, at, True)
    # The bank in GB29 NWBK 6016...: four letters that are no word.
    bank = len(text) == 4 and _COUNTRY.fullmatch("".join(part.text for part in before[-4:])[-4:])
    return Part(text, at, at, False) if bank else None


def _classified(speech: Speech, parts: Sequence[Part]) -> Iterator[Found]:
    at = 0
    while (found := _iban(parts, at)) is not None:
        first, end = found
        yield from _without_checksum(speech, parts[at:first])
        yield Found(DataKind.BANKING_INFORMATION, parts[first].first, parts[end - 1].last)
        at = end
    yield from _without_checksum(speech, parts[at:])


def _without_checksum(speech: Speech, parts: Sequence[Part]) -> Iterator[Found]:
    announced = _announced(speech, parts) if parts else None
    if announced is not None:
        yield Found(announced, parts[0].first, parts[-1].last)
        return
    coded = [index for index, part in enumerate(parts) if part.text not in ("a", "i") and not part.spoken_letter]
    if not coded:
        return
    parts = parts[coded[0] : coded[-1] + 1]
    text = "".join(part.text for part in parts)
    if sum(char.isdecimal() for char in text) >= _LEAST_DIGITS_ALONE and not text.isdecimal():
        yield Found(DataKind.NUMBER_SEQUENCE, parts[0].first, parts[-1].last)


def _announced(speech: Speech, parts: Sequence[Part]) -> DataKind | None:
    length = sum(len(part.text) for part in parts)
    if sum(char.isdecimal() for part in parts for char in part.text) < _LEAST_DIGITS_ANNOUNCED:
        return None
    for near in speech.nearby(parts[0].first):
        kind, lengths = _LENGTHS.get(near.topic, (None, ()))
        if kind is not None and length in lengths and not near.used:
            return kind
    return None


def _iban(parts: Sequence[Part], at: int) -> tuple[int, int] | None:
    """Return where the next parts that are an IBAN by its checksum (ISO 13616) begin and end, from ``at`` on."""
    from stdnum import iban

    for start in range(at, len(parts)):
        text, bounds = "", None
        for end in range(start, len(parts)):
            text += parts[end].text
            if len(text) >= _IBAN_LENGTHS.stop or (len(text) >= 4 and not _COUNTRY.match(text)):
                break
            if len(text) in _IBAN_LENGTHS and iban.is_valid(text):
                bounds = start, end + 1
        if bounds is not None:
            return bounds
    return None
