"""Runs of numbers that one speaker says one after the other, and which personal data each run is.

A run is classified by checksum (python-stdnum, phonenumbers), by what announces it, by its shape. Recall goes before
precision: a card number with a misheard digit is taken out where a card was mentioned, and any six digits said one by
one unless they are a quantity.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

from emotion_pipeline.engine.redact.kinds import DataKind
from emotion_pipeline.engine.redact.speech import RULES, Nearby, Speech, Topic
from emotion_pipeline.engine.redact.tokens import DASHES, DOTS, HESITATIONS, SLASHES, Number, NumberStyle, word_set

# Digits of a number that uses a topic up.
LEAST_NUMBER: Final = 3

_GROUP_PAUSE_S: Final = 0.3
# Tokens between two numbers of one run.
_LONGEST_GAP: Final = 8
# One after the other.
_MOST_HOMOPHONES: Final = 3
_SEPARATORS: Final = DOTS | DASHES | SLASHES | {",", "(", ")", "+", "space", "comma", "#"}
_EXTENSIONS: Final = frozenset({"extension", "ext", "x"})
# Words with which people go on in the middle of a number.
_LINKS: Final = _EXTENSIONS | word_set(
    "and then okay ok so yes yeah yep right next now let me see sorry that's it's is the number area code again no "
    "wait i mean followed by last first got it alright sure please with bit part rest digits"
)

_MEASURED: Final = word_set(
    "dollar dollars buck bucks euro euros pounds pence cents yen rupees percent per people persons men women children "
    "kids customers employees users members students votes copies shares units items pieces orders years year months "
    "weeks days hours minutes seconds times miles mile km kilometers kilometres meters metres feet foot inches inch "
    "yards acres degrees grams kilos kilograms kg tons tonnes liters litres gallons watts volts calories points words "
    "pages o'clock pm a.m p.m thousand hundred million billion $ € £ % °"
)
# Digits said one by one that still can be an amount: longer ones are said in hundreds and thousands.
_LONGEST_MEASURED: Final = 4
_YEARS: Final = range(1500, 2100)
_LEAST_COUNTED: Final = 3
_LONGEST_IN_RANGE: Final = 4

_NEAR_WORDS: Final = 12
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
# Whose national telephone numbers are known without a country code.
_REGIONS: Final = ("US", "GB", "DE", "FR", "IN", "AU", "BR", "CN")
_LEAST_TRUE: Final = 4
_LONG_WITH_HOMOPHONES: Final = 10
_LONG: Final = 6
# How many digits whole numbers have.
_WHOLE: Final = {
    DataKind.CREDIT_CARD_NUMBER: (16,),
    DataKind.PHONE_NUMBER: (7, 10, 11),
    DataKind.US_SOCIAL_SECURITY_NUMBER: (9,),
    DataKind.NUMBER_SEQUENCE: (10, 16),
}
# Topics whose numbers people name by their last digits.
_NAMED_BY_LAST_FOUR: Final = frozenset(
    {Topic.SOCIAL_SECURITY, Topic.CARD, Topic.PHONE, Topic.BANK, Topic.ACCOUNT_NUMBER, Topic.ACCOUNT}
)
_BANKING: Final = frozenset({Topic.ROUTING, Topic.BANK, Topic.SORT_CODE})


@dataclass(frozen=True)
class Run:
    """Numbers of one speaker that belong together, at least one.

    ``separators`` has one entry per gap between two numbers: the separator said there, a blank for other words, or
    nothing.
    """

    speech: Speech
    numbers: Sequence[Number]
    separators: Sequence[str]

    @property
    def has_plus(self) -> bool:
        return self.preceding in ("plus", "+")

    @property
    def first(self) -> int:
        """The first token, "plus" included."""
        return self.numbers[0].first - self.has_plus

    @property
    def last(self) -> int:
        return self.numbers[-1].last

    @property
    def preceding(self) -> str:
        """The text before the numbers, empty at the beginning."""
        return self.speech.text(self.numbers[0].first - 1)

    @property
    def following(self) -> str:
        """The text after the numbers, empty at the end."""
        return self.speech.text(self.last + 1)

    @cached_property
    def digits(self) -> str:
        return "".join(number.digits for number in self.numbers)

    @cached_property
    def groups(self) -> tuple[int, ...]:
        """How many digits were said between two pauses or separators, in order."""
        groups = [len(self.numbers[0].digits)]
        for (left, right), separator in zip(pairwise(self.numbers), self.separators, strict=True):
            written = NumberStyle.WRITTEN in (left.style, right.style) and len(left.digits + right.digits) > 2
            ends = separator or written or self.speech.tokens[left.last].ends_clause
            if ends or self.speech.pause(left.last, right.first) > _GROUP_PAUSE_S:
                groups.append(0)
            groups[-1] += len(right.digits)
        return tuple(groups)

    def __len__(self) -> int:
        """Return the number of digits."""
        return len(self.digits)

    def count(self, *styles: NumberStyle) -> int:
        """Return how many digits were said in one of these styles."""
        return sum(len(number.digits) for number in self.numbers if number.style in styles)

    def part(self, start: int, end: int) -> "Run":
        """Return the numbers from ``start`` up to ``end`` as a run."""
        return Run(self.speech, self.numbers[start:end], self.separators[start : end - 1])


def classify_numbers(speech: Speech, numbers: Sequence[Number]) -> list[tuple[Run, DataKind | None]]:
    """Return the runs that ``numbers`` make, in order, and which personal data each is, None for a plain number."""
    classified: list[tuple[Run, DataKind | None]] = []
    since = -1
    for whole in _runs(speech, numbers):
        for run, kind in _classified(whole, since):
            classified.append((run, kind))
            if len(run) >= LEAST_NUMBER:
                since = speech.rank(run.last)
    return [(run, kind) for (run, _), kind in zip(classified, _with_continuations(classified), strict=True)]


def _runs(speech: Speech, numbers: Sequence[Number]) -> Iterator[Run]:
    """Yield the runs in order; homophones are in them, but at the edges only where numbers are between them."""
    part: list[Number] = []
    separators: list[str] = []
    for index, number in enumerate(numbers):
        separator = _separator(speech, part, numbers, index) if part else None
        if separator is not None:
            separators.append(separator)
        elif part:
            yield Run(speech, part, separators)
            part, separators = [], []
        part.append(number)
    if part:
        yield Run(speech, part, separators)


def _separator(speech: Speech, part: Sequence[Number], numbers: Sequence[Number], index: int) -> str | None:
    """Return what stands between ``numbers[index]`` and the numbers before it, None where it does not join them."""
    left, right = part[-1], numbers[index]
    between = _between(speech, left, right)
    if between is None:
        return None
    if NumberStyle.HOMOPHONE in (left.style, right.style):
        return "" if right.first == left.last + 1 and _may_be_digits(part, right) else None
    separators, links = between
    if links and (
        not _EXTENSIONS.isdisjoint(links) or not (_listed(part[-2:]) and _listed(numbers[index : index + 2]))
    ):
        return None
    return separators[0] if separators else " " if links else ""


def _between(speech: Speech, left: Number, right: Number) -> tuple[list[str], list[str]] | None:
    """Return the separators and the linking words between two numbers, None where more divides them."""
    if right.first - left.last - 1 > _LONGEST_GAP or speech.apart(left.last, right.first):
        return None
    texts = [token.text for token in speech.tokens[left.last + 1 : right.first] if token.text not in HESITATIONS]
    links = [text for text in texts if text not in _SEPARATORS]
    return ([text for text in texts if text in _SEPARATORS], links) if _LINKS.issuperset(links) else None


def _may_be_digits(part: Sequence[Number], right: Number) -> bool:
    """Only single digits may stand beside a homophone, and not too many homophones together."""
    if any(len(number.digits) != 1 and number.style is not NumberStyle.DIGIT for number in (part[-1], right)):
        return False
    recent = [*part[-_MOST_HOMOPHONES:], right]
    return len(recent) <= _MOST_HOMOPHONES or any(number.style is not NumberStyle.HOMOPHONE for number in recent)


def _listed(numbers: Sequence[Number]) -> bool:
    """Two digits said one by one, or three and more written that are no round number."""
    single = sum(len(number.digits) for number in numbers if number.style is NumberStyle.DIGIT)
    return single >= 2 or any(
        number.style is NumberStyle.WRITTEN and len(number.digits) >= 3 and not number.digits.endswith("00")
        for number in numbers
    )


def _classified(whole: Run, since: int) -> Iterator[tuple[Run, DataKind | None]]:
    """Yield the run, or its parts, and what each is; homophones of digits count only where they can be digits."""
    true = [index for index, number in enumerate(whole.numbers) if number.style is not NumberStyle.HOMOPHONE]
    if not true:
        return
    start, end = true[0], true[-1] + 1
    run = whole.part(start, end)
    kind = _kind_of(run, [*run.speech.nearby(run.first, since), *run.speech.after(run.last)])
    announced = kind not in (None, DataKind.NUMBER_SEQUENCE)
    if run.count(NumberStyle.HOMOPHONE) and not _believable(run, announced=announced):
        for first, last in _without_homophones(run):
            yield from _classified(run.part(first, last), since)
        return
    if kind is not None:
        # Homophones at the edges belong to the number where only these make it as long as it must be.
        least = _completeness(kind, run.digits)
        all_numbers = len(whole.numbers)
        longer = (whole.part(*bounds) for bounds in ((0, end), (start, all_numbers), (0, all_numbers)))
        run = next((part for part in longer if _completeness(kind, part.digits) > least), run)
    yield run, kind


def _kind_of(run: Run, nearby: Sequence[Nearby]) -> DataKind | None:
    """Return which personal data the run is, None for a number like any other.

    :param nearby: the topics that reach the run, the nearest first
    """
    return _kind_without_words(run) or _announced_kind(run, nearby) or _kind_by_shape(run)


def _kind_without_words(run: Run) -> DataKind | None:
    """What needs no words around it: a checksum, a country code, four numbers with dots."""
    if _is_ipv4(run):
        return DataKind.IP_ADDRESS
    if run.has_plus and 8 <= len(run) <= 17:
        return DataKind.PHONE_NUMBER
    # A run too long for a card perhaps goes on with the expiry.
    parts = [run.digits] if len(run) <= _LONGEST_CARD else [run.digits[:16], run.digits[:15]]
    return DataKind.CREDIT_CARD_NUMBER if any(_is_card(part) for part in parts) else None


def _announced_kind(run: Run, nearby: Sequence[Nearby]) -> DataKind | None:
    if _is_amount(run):
        return None
    phone, calendar = _is_phone(run), all_years(run.numbers) or _all_times(run.numbers)
    for near in nearby:
        if near.topic is Topic.LAST_FOUR and 3 <= len(run) <= 5 and near.words <= _NEAR_WORDS and not near.used:
            kinds = [RULES[other.topic].kind for other in nearby if other.topic in _NAMED_BY_LAST_FOUR]
            return kinds[0] if kinds else DataKind.NUMBER_SEQUENCE
        rule = RULES[near.topic]
        if not rule.digits[0] <= len(run) <= rule.digits[1] or near.words > rule.reach:
            continue
        if (near.used if rule.first_only else calendar) or not _has_shape(run, near.topic):
            continue
        if near.topic is Topic.CARD and len(run) < _LEAST_CARD and phone:
            continue
        if near.topic in (Topic.ACCOUNT_NUMBER, Topic.ACCOUNT) and any(other.topic in _BANKING for other in nearby):
            return DataKind.BANKING_INFORMATION
        return rule.kind
    return None


def _has_shape(run: Run, topic: Topic) -> bool:
    """Tell whether the digits can be a date of birth or of expiry, where the topic asks for one."""
    if topic is Topic.BIRTH:  # a year, "oh three oh three eighty four", "one one eighty four"
        return all_years(run.numbers) or len(run.numbers) > 2 or len(run) in (6, 8)
    return topic not in (Topic.EXPIRY, Topic.EXPIRY_DATE) or _is_expiry(run)


def _is_expiry(run: Run) -> bool:
    """Tell whether the digits can be month and year, of two or four digits, or a year alone."""
    digits = run.digits
    if run.preceding == "at":  # a time of day
        return False
    if len(digits) == 4 and all_years(run.numbers) and int(digits[2:]) in _EXPIRY_YEARS and digits.startswith("20"):
        return True
    year = digits[-4:] if len(digits) >= 5 else digits[-2:]
    month = digits[: len(digits) - len(year)]
    return int(month) in _MONTH and int(year[-2:]) in _EXPIRY_YEARS and (len(year) == 2 or year.startswith("20"))


def _kind_by_shape(run: Run) -> DataKind | None:
    """What the digits look like, with nothing around them that would say it."""
    if _is_phone(run):
        return DataKind.PHONE_NUMBER
    if _is_amount(run) or _is_series(run):
        return None
    if run.groups == _SSN_GROUPS:
        return DataKind.US_SOCIAL_SECURITY_NUMBER
    if run.groups == _LOCAL_PHONE_GROUPS:
        return DataKind.PHONE_NUMBER
    if len(run) == 16 and run.digits[0] in _FIRST_OF_CARDS:
        return DataKind.CREDIT_CARD_NUMBER
    listed = run.count(NumberStyle.DIGIT, NumberStyle.WRITTEN, NumberStyle.HOMOPHONE)
    paired = listed + run.count(NumberStyle.PAIR)
    enough = len(run) >= _LEAST_SEQUENCE and (listed >= _LEAST_LISTED or paired >= _LEAST_PAIRED)
    return DataKind.NUMBER_SEQUENCE if enough else None


def _completeness(kind: DataKind, digits: str) -> int:
    """Return 2 where the digits are a whole number of the kind by checksum, 1 by their count, 0 where some may lack."""
    may_be_card = kind in (DataKind.CREDIT_CARD_NUMBER, DataKind.NUMBER_SEQUENCE)
    return 2 if may_be_card and _is_card(digits) else int(len(digits) in _WHOLE.get(kind, ()))


def _is_ipv4(run: Run) -> bool:
    parts = [""]
    for number, separator in zip(run.numbers, ["", *run.separators], strict=True):
        parts += [""] * (separator in DOTS)
        parts[-1] += number.digits
    return len(parts) == 4 and all(len(part) <= 3 and int(part) <= 255 for part in parts)


def _is_card(digits: str) -> bool:
    """Tell whether the digits can be a card: 13 to 19 of them, a range that is given out, a valid checksum.

    Source: ISO/IEC 7812-1, annex B (the Luhn formula).
    """
    from stdnum import luhn

    return 13 <= len(digits) <= _LONGEST_CARD and digits[0] in _FIRST_OF_CARDS and luhn.is_valid(digits)


def _is_phone(run: Run) -> bool:
    """Tell whether the digits are a telephone number without any word about it."""
    digits = run.digits
    if _is_amount(run) or _is_series(run) or not 9 <= len(digits) <= 15 or (len(digits) == 9 and digits[0] != "0"):
        return False
    national = digits[1:] if len(digits) == 11 and digits[0] == "1" else digits
    return (len(national) == 10 and national[0] > "1") or any(_is_valid_phone(digits, region) for region in _REGIONS)


def _is_valid_phone(digits: str, region: str) -> bool:
    import phonenumbers

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(digits, region))
    except phonenumbers.NumberParseException:
        return False


def _believable(run: Run, *, announced: bool) -> bool:
    """Tell whether "for", "to" and so on inside the run are digits: enough true ones stand around them."""
    homophones = run.count(NumberStyle.HOMOPHONE)
    true = len(run) - homophones
    if true < _LEAST_TRUE or len(run) < _LONG or "point" in run.separators:
        return False
    return announced or len(run) >= _LONG_WITH_HOMOPHONES or 3 * homophones <= true


def _without_homophones(run: Run) -> Iterator[tuple[int, int]]:
    """Yield where the true numbers between homophones begin and end."""
    homophones = [index for index, number in enumerate(run.numbers) if number.style is NumberStyle.HOMOPHONE]
    for before, after in pairwise([-1, *homophones, len(run.numbers)]):
        if before + 1 < after:
            yield before + 1, after


def _with_continuations(classified: Sequence[tuple[Run, DataKind | None]]) -> list[DataKind | None]:
    """Give short runs the kind of a long one that they go on: "... and then forty two", "extension five"."""
    kinds = [kind for _, kind in classified]
    indices = list(range(len(classified)))
    for order in (indices, indices[::-1]):
        for index, next_index in pairwise(order):
            run, other = classified[index][0], classified[next_index][0]
            kind = kinds[index]
            if kind is None or kinds[next_index] is not None or len(run) < _LONG or _is_amount(other):
                continue
            earlier, later = (run, other) if index < next_index else (other, run)
            if _between(run.speech, earlier.numbers[-1], later.numbers[0]) is None:
                continue
            texts = {token.text for token in run.speech.tokens[earlier.last + 1 : later.first]}
            lacking = _completeness(kind, earlier.digits + later.digits) > _completeness(kind, run.digits)
            if len(other) >= 2 or lacking or texts & _EXTENSIONS:
                kinds[next_index] = kind
    return kinds


def _is_amount(run: Run) -> bool:
    """Tell whether the run is said or written as a quantity: with a unit, as a decimal, in hundreds and thousands."""
    if run.count(NumberStyle.QUANTITY) == len(run):
        return True
    if run.separators.count("point") == 1 and all(number.style is NumberStyle.DIGIT for number in run.numbers):
        return True
    return run.following in _MEASURED and run.count(NumberStyle.DIGIT) <= _LONGEST_MEASURED


def _is_series(run: Run) -> bool:
    """Tell whether the run counts, is a range, or lists years or times of day and nothing else."""
    return _counts(run.numbers) or _is_range(run) or all_years(run.numbers) or _all_times(run.numbers)


def _counts(numbers: Sequence[Number]) -> bool:
    """Tell whether every number is as much above or below the one before: one two three, ten twenty thirty."""
    if len(numbers) < _LEAST_COUNTED or any(len(number.digits) > 6 for number in numbers):
        return False
    steps = {int(right.digits) - int(left.digits) for left, right in pairwise(numbers)}
    return len(steps) == 1 and 0 not in steps


def _is_range(run: Run) -> bool:
    """Tell whether two numbers of equal length are joined by a dash, the larger one last: 350-400."""
    if len(run.numbers) != 2 or run.separators[0] not in DASHES:
        return False
    low, high = (number.digits for number in run.numbers)
    return len(low) == len(high) <= _LONGEST_IN_RANGE and low < high


def _all_times(numbers: Sequence[Number]) -> bool:
    """Tell whether hours and minutes take turns: ten thirty, eleven fifteen."""
    return len(numbers) % 2 == 0 and all(
        1 <= int(hour.digits[:6]) <= 12
        and minute.style is NumberStyle.PAIR
        and int(minute.digits) % 5 == 0
        and int(minute.digits) < 60
        for hour, minute in zip(numbers[::2], numbers[1::2], strict=True)
    )


def all_years(numbers: Sequence[Number]) -> bool:
    """Tell whether the numbers are years: "nineteen eighty four", "nineteen oh four", 2024."""
    position = 0
    while position < len(numbers):
        number = numbers[position]
        position += 1
        digits = number.digits
        if number.style is NumberStyle.PAIR:
            rest = ""
            while len(rest) < 2 and position < len(numbers) and len(numbers[position].digits) + len(rest) <= 2:
                rest += numbers[position].digits
                position += 1
            # never "nineteen eight four"
            if len(rest) != 2 or (rest[0] != "0" and numbers[position - 1].style is not NumberStyle.PAIR):
                return False
            digits += rest
        elif len(digits) != 4 or number.style is NumberStyle.DIGIT:
            return False
        if int(digits) not in _YEARS:
            return False
    return True
