"""Which runs of numbers are personal data, and of which kind: by checksum, by what announces them, by shape.

Words are rather lost than personal data kept: a card number with a misheard digit has no valid checksum and is taken
out all the same where a card was mentioned, and any six digits that are said one by one are taken out unless they are a
quantity. Checksums are those of python-stdnum, telephone numbers those of phonenumbers (Google's libphonenumber).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from emotion_pipeline.engine.redact.kinds import DataKind
from emotion_pipeline.engine.redact.runs import (
    Run,
    all_times,
    all_years,
    extends,
    is_amount,
    is_series,
    linked,
    make_run,
    runs,
    without_edge_homophones,
)
from emotion_pipeline.engine.redact.speech import REACH_WORDS, Nearby, Speech, Topic
from emotion_pipeline.engine.redact.tokens import DOTS, Chunk, Manner

_NEAR: Final = 12
_MONTH: Final = range(1, 13)
_EXPIRY_YEARS: Final = range(20, 60)
_LEAST_SEQUENCE: Final = 6
# Digits said one by one that make a run a sequence; or in pairs, ``_LEAST_PAIRED``.
_LEAST_LISTED: Final = 4
_LEAST_PAIRED: Final = 8
# One digit lost from the shortest card numbers, of 13.
_LEAST_CARD: Final = 12
_LONGEST_CARD: Final = 19
_FIRST_OF_CARDS: Final = frozenset("23456")
_SSN_GROUPS: Final = (3, 2, 4)
_LOCAL_PHONE_GROUPS: Final = (3, 4)
_LOCAL_PHONE: Final = 7
# Whose national telephone numbers are known without a country code.
_REGIONS: Final = ("US", "GB", "DE", "FR", "IN", "AU", "BR", "CN")

# Digits of a number that uses a topic up.
LEAST_NUMBER: Final = 3
_LEAST_TRUE: Final = 4
_LONG_WITH_HOMOPHONES: Final = 10
_LONG: Final = 6


@dataclass(frozen=True, slots=True)
class Rule:
    """What a run must be to fit a topic: so many digits, so near, and perhaps a shape."""

    kind: DataKind
    shortest: int
    longest: int
    words: int = REACH_WORDS
    shape: Callable[[Run], bool] | None = None

    @property
    def first_only(self) -> bool:
        """A topic with few digits is over after the first number: what comes then is another matter."""
        return self.words < REACH_WORDS


def is_birth_date(run: Run) -> bool:
    """Tell whether the digits can be a date: a year, "oh three oh three eighty four", "one one eighty four"."""
    return all_years(run.chunks) or len(run.chunks) > 2 or len(run) in (6, 8)


def is_expiry(run: Run) -> bool:
    """Tell whether the digits can be month and year, of two or four digits, or a year alone."""
    digits = run.digits
    if run.preceding == "at":  # a time of day
        return False
    if len(digits) == 4 and all_years(run.chunks) and int(digits[2:]) in _EXPIRY_YEARS and digits.startswith("20"):
        return True
    year = digits[-4:] if len(digits) >= 5 else digits[-2:]
    month = digits[: len(digits) - len(year)]
    return int(month) in _MONTH and int(year[-2:]) in _EXPIRY_YEARS and (len(year) == 2 or year.startswith("20"))


# What fits which topic, apart from "ending in" and "last four", which say nothing of the kind.
RULES: Final = {
    Topic.PHONE: Rule(DataKind.PHONE_NUMBER, 6, 17),
    Topic.NUMBER: Rule(DataKind.PHONE_NUMBER, _LOCAL_PHONE, 15),
    Topic.EXTENSION: Rule(DataKind.PHONE_NUMBER, 2, 6, words=2),
    Topic.CARD: Rule(DataKind.CREDIT_CARD_NUMBER, 6, 40),
    Topic.CVV: Rule(DataKind.CREDIT_CARD_CVV, 3, 4, words=_NEAR),
    Topic.EXPIRY: Rule(DataKind.CREDIT_CARD_EXPIRATION, 3, 6, words=_NEAR, shape=is_expiry),
    Topic.EXPIRY_DATE: Rule(DataKind.CREDIT_CARD_EXPIRATION, 3, 6, words=_NEAR, shape=is_expiry),
    Topic.SOCIAL_SECURITY: Rule(DataKind.US_SOCIAL_SECURITY_NUMBER, 7, 10),
    Topic.ROUTING: Rule(DataKind.BANKING_INFORMATION, 8, 10),
    Topic.SORT_CODE: Rule(DataKind.BANKING_INFORMATION, 6, 6),
    Topic.BANK: Rule(DataKind.BANKING_INFORMATION, 5, 34),
    Topic.ACCOUNT_NUMBER: Rule(DataKind.ACCOUNT_NUMBER, 4, 20, words=_NEAR),
    Topic.ACCOUNT: Rule(DataKind.ACCOUNT_NUMBER, 6, 20),
    Topic.REFERENCE: Rule(DataKind.NUMBER_SEQUENCE, 6, 20),
    Topic.PASSPORT: Rule(DataKind.PASSPORT_NUMBER, 6, 10),
    Topic.LICENSE: Rule(DataKind.DRIVERS_LICENSE, 5, 16),
    Topic.VEHICLE: Rule(DataKind.VEHICLE_ID, 4, 17, words=_NEAR),
    Topic.HEALTH: Rule(DataKind.HEALTHCARE_NUMBER, 6, 14),
    Topic.SECRET: Rule(DataKind.PASSWORD, 4, 10, words=_NEAR),
    Topic.BIRTH: Rule(DataKind.DATE_OF_BIRTH, 4, 8, words=_NEAR, shape=is_birth_date),
}

_LAST_FOUR_OF: Final = {
    Topic.SOCIAL_SECURITY: DataKind.US_SOCIAL_SECURITY_NUMBER,
    Topic.CARD: DataKind.CREDIT_CARD_NUMBER,
    Topic.PHONE: DataKind.PHONE_NUMBER,
    Topic.BANK: DataKind.BANKING_INFORMATION,
    Topic.ACCOUNT_NUMBER: DataKind.ACCOUNT_NUMBER,
    Topic.ACCOUNT: DataKind.ACCOUNT_NUMBER,
}


# How many digits whole numbers have.
_WHOLE: Final = {
    DataKind.CREDIT_CARD_NUMBER: (16,),
    DataKind.PHONE_NUMBER: (_LOCAL_PHONE, 10, 11),
    DataKind.US_SOCIAL_SECURITY_NUMBER: (9,),
    DataKind.NUMBER_SEQUENCE: (10, 16),
}


def kind_of(run: Run, nearby: Sequence[Nearby]) -> DataKind | None:
    """Return which personal data the run is, None for a number like any other.

    :param nearby: the topics that reach the run, the nearest first
    """
    return _certain(run) or _announced(run, nearby) or _shaped(run)


def completeness(kind: DataKind, digits: str) -> int:
    """Return 2 where the digits are a whole number of the kind by checksum, 1 by their count, 0 where some may lack."""
    counts = _WHOLE.get(kind, ())
    may_be_card = kind in (DataKind.CREDIT_CARD_NUMBER, DataKind.NUMBER_SEQUENCE)
    return 2 if may_be_card and _is_card(digits) else int(len(digits) in counts)


def _certain(run: Run) -> DataKind | None:
    """What needs no words around it: a checksum, a country code, four numbers with dots."""
    if _is_ipv4(run):
        return DataKind.IP_ADDRESS
    if run.plus is not None and 8 <= len(run) <= 17:
        return DataKind.PHONE_NUMBER
    return DataKind.CREDIT_CARD_NUMBER if any(_is_card(part) for part in _card_parts(run)) else None


def _announced(run: Run, nearby: Sequence[Nearby]) -> DataKind | None:
    if is_amount(run):
        return None
    phone, calendar = _is_phone(run), all_years(run.chunks) or all_times(run.chunks)
    for near in nearby:
        if near.topic is Topic.LAST_FOUR and 3 <= len(run) <= 5 and near.words <= _NEAR and not near.used:
            return _last_four_of(nearby)
        rule = RULES.get(near.topic)
        if rule is None or not rule.shortest <= len(run) <= rule.longest or near.words > rule.words:
            continue
        if (rule.first_only and near.used) or (rule.shape is not None and not rule.shape(run)):
            continue
        if calendar and not rule.first_only:
            continue
        if near.topic is Topic.CARD and len(run) < _LEAST_CARD and phone:
            continue
        if near.topic in (Topic.ACCOUNT_NUMBER, Topic.ACCOUNT) and any(other.topic in _OF_BANKS for other in nearby):
            return DataKind.BANKING_INFORMATION
        return rule.kind
    return None


_OF_BANKS: Final = frozenset({Topic.ROUTING, Topic.BANK, Topic.SORT_CODE})


def _last_four_of(nearby: Sequence[Nearby]) -> DataKind:
    kinds = [_LAST_FOUR_OF[near.topic] for near in nearby if near.topic in _LAST_FOUR_OF]
    return kinds[0] if kinds else DataKind.NUMBER_SEQUENCE


def _shaped(run: Run) -> DataKind | None:
    """What the digits look like, with nothing around them that would say it."""
    if _is_phone(run):
        return DataKind.PHONE_NUMBER
    if is_amount(run) or is_series(run):
        return None
    if run.groups == _SSN_GROUPS:
        return DataKind.US_SOCIAL_SECURITY_NUMBER
    if run.groups == _LOCAL_PHONE_GROUPS:
        return DataKind.PHONE_NUMBER
    if len(run) == 16 and run.digits[0] in _FIRST_OF_CARDS:
        return DataKind.CREDIT_CARD_NUMBER
    listed = run.said(Manner.DIGIT, Manner.WRITTEN, Manner.HOMOPHONE)
    paired = listed + run.said(Manner.PAIR)
    enough = len(run) >= _LEAST_SEQUENCE and (listed >= _LEAST_LISTED or paired >= _LEAST_PAIRED)
    return DataKind.NUMBER_SEQUENCE if enough else None


def _is_ipv4(run: Run) -> bool:
    parts, dots = [""], 0
    for index, chunk in enumerate(run.chunks):
        if index and run.joints[index - 1] in DOTS:
            parts, dots = [*parts, ""], dots + 1
        parts[-1] += chunk.digits
    return dots == 3 and all(len(part) <= 3 and int(part) <= 255 for part in parts)


def _card_parts(run: Run) -> Iterator[str]:
    """Yield the run; of one too long for a card, which goes on with the expiry perhaps, its beginning."""
    if len(run) <= _LONGEST_CARD:
        yield run.digits
    else:
        yield from (run.digits[:length] for length in (16, 15))


def _is_card(digits: str) -> bool:
    """Tell whether the digits can be a card: 13 to 19 of them, a range that is given out, a valid checksum.

    Source: ISO/IEC 7812-1, annex B (the Luhn formula).
    """
    from stdnum import luhn

    return 13 <= len(digits) <= _LONGEST_CARD and digits[0] in _FIRST_OF_CARDS and luhn.is_valid(digits)


def _is_phone(run: Run) -> bool:
    """Tell whether the digits are a telephone number without any word about it."""
    digits = run.digits
    if is_amount(run) or is_series(run) or not 9 <= len(digits) <= 15 or (len(digits) == 9 and digits[0] != "0"):
        return False
    national = digits[1:] if len(digits) == 11 and digits[0] == "1" else digits
    if len(national) == 10 and national[0] > "1":
        return True
    return any(_is_valid(digits, region) for region in _REGIONS)


def _is_valid(digits: str, region: str) -> bool:
    import phonenumbers

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(digits, region))
    except phonenumbers.NumberParseException:
        return False


def classify_numbers(speech: Speech, chunks: Sequence[Chunk]) -> list[tuple[Run, DataKind | None]]:
    """Return the runs that ``chunks`` make, in order, and which personal data each is, None for a plain number."""
    classified: list[tuple[Run, DataKind | None]] = []
    since = -1
    for whole in runs(speech, chunks):
        for run, kind in _classified(speech, whole, since):
            classified.append((run, kind))
            if len(run) >= LEAST_NUMBER:
                since = speech.rank(run.last)
    return [(run, kind) for (run, _), kind in zip(classified, _taken_along(speech, classified), strict=True)]


def _classified(speech: Speech, whole: Run, since: int) -> Iterator[tuple[Run, DataKind | None]]:
    """Yield the run, or its parts, and what each is; homophones of digits count only where they can be digits."""
    start, end = without_edge_homophones(whole.chunks)
    if start == end:
        return
    run = make_run(speech, whole.chunks[start:end], whole.joints[start : end - 1])
    near = [*speech.nearby(run.first, since), *speech.after(run.last)]
    kind = kind_of(run, near)
    announced = kind not in (None, DataKind.NUMBER_SEQUENCE)
    if run.said(Manner.HOMOPHONE) and not _believable(run, announced=announced):
        for first, last in _without_homophones(run):
            part = make_run(speech, run.chunks[first:last], run.joints[first : last - 1])
            yield from _classified(speech, part, since)
        return
    if kind is not None:
        run = _completed(speech, whole, (start, end), kind) or run
    yield run, kind


def _believable(run: Run, *, announced: bool) -> bool:
    """Tell whether "for", "to" and so on inside the run are digits: enough true ones stand around them."""
    alike = run.said(Manner.HOMOPHONE)
    true = len(run) - alike
    if true < _LEAST_TRUE or len(run) < _LONG or "point" in run.joints:
        return False
    return announced or len(run) >= _LONG_WITH_HOMOPHONES or 3 * alike <= true


def _without_homophones(run: Run) -> Iterator[tuple[int, int]]:
    """Yield where the true numbers between homophones begin and end."""
    start = 0
    for index, chunk in enumerate(run.chunks):
        if chunk.manner is Manner.HOMOPHONE:
            if start < index:
                yield start, index
            start = index + 1
    if start < len(run.chunks):
        yield start, len(run.chunks)


def _completed(speech: Speech, whole: Run, core: tuple[int, int], kind: DataKind) -> Run | None:
    """Return the run with homophones at its edges, where only these make the number as long as it must be."""
    start, end = core
    least = completeness(kind, "".join(chunk.digits for chunk in whole.chunks[start:end]))
    for first, last in ((0, end), (start, len(whole.chunks)), (0, len(whole.chunks))):
        chunks = whole.chunks[first:last]
        if completeness(kind, "".join(chunk.digits for chunk in chunks)) > least:
            return make_run(speech, chunks, whole.joints[first : last - 1])
    return None


def _taken_along(speech: Speech, classified: Sequence[tuple[Run, DataKind | None]]) -> list[DataKind | None]:
    """Give short runs the kind of a long one that they go on: "... and then forty two", "extension five"."""
    kinds = [kind for _, kind in classified]
    indices = list(range(len(classified)))
    for order in (indices, indices[::-1]):
        for left, right in pairwise(order):
            run, other = classified[left][0], classified[right][0]
            kind = kinds[left]
            if kind is None or kinds[right] is not None or len(run) < _LONG or is_amount(other):
                continue
            earlier, later = (run, other) if left < right else (other, run)
            lacking = completeness(kind, earlier.digits + later.digits) > completeness(kind, run.digits)
            joined = (len(other) >= 2 or lacking) and linked(speech, earlier, later)
            if joined or extends(speech, earlier, later):
                kinds[right] = kind
    return kinds
