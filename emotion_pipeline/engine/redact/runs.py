"""Runs: numbers that one speaker says one after the other, as the digits that they make together.

Separators ("dash"), hesitations and a few linking words may stand between two numbers, a long pause may not. Whether a
run is personal data is decided in ``numbers``; here is only told what is a quantity: counting, years, times, amounts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

from emotion_pipeline.engine.redact.speech import Speech
from emotion_pipeline.engine.redact.tokens import DASHES, DOTS, HESITATIONS, SLASHES, Chunk, Manner, word_set

_GROUP_PAUSE_S: Final = 0.3
# Tokens between two numbers of one run.
_LONGEST_GAP: Final = 8
# One after the other.
_MOST_HOMOPHONES: Final = 3

_SEPARATORS: Final = DOTS | DASHES | SLASHES | {",", "(", ")", "+", "space", "comma", "#"}
EXTENSIONS: Final = frozenset({"extension", "ext", "x"})
# Words with which people go on in the middle of a number.
LINKS: Final = EXTENSIONS | word_set(
    "and then okay ok so yes yeah yep right next now let me see sorry that's it's is the number area code again no "
    "wait i mean followed by last first got it alright sure please with bit part rest digits"
)


@dataclass(frozen=True)
class Run:
    """Numbers of one speaker that belong together, at least one.

    ``joints`` has one entry per gap between two chunks: the separator said there, a blank for other words, or nothing.
    """

    chunks: tuple[Chunk, ...]
    joints: tuple[str, ...]
    # How many digits were said between two pauses or separators, in order.
    groups: tuple[int, ...]
    # The token "plus" that comes directly before, None without.
    plus: int | None
    # The token before the run, empty at the beginning.
    preceding: str
    # The token after the run, empty at the end.
    following: str

    @property
    def first(self) -> int:
        return self.chunks[0].first if self.plus is None else self.plus

    @property
    def last(self) -> int:
        return self.chunks[-1].last

    @cached_property
    def digits(self) -> str:
        return "".join(chunk.digits for chunk in self.chunks)

    def __len__(self) -> int:
        """Return the number of digits."""
        return len(self.digits)

    def said(self, *manners: Manner) -> int:
        """Return how many digits were said in one of these manners."""
        return sum(len(chunk.digits) for chunk in self.chunks if chunk.manner in manners)


def runs(speech: Speech, chunks: Sequence[Chunk]) -> Iterator[Run]:
    """Yield the runs in order; homophones are in them, but at the edges only where numbers are between them."""
    part: list[Chunk] = []
    joints: list[str] = []
    for index, chunk in enumerate(chunks):
        joint = _joint(speech, part, chunks, index) if part else None
        if part and joint is None:
            yield make_run(speech, part, joints)
            part, joints = [], []
        elif joint is not None:
            joints.append(joint)
        part.append(chunk)
    if part:
        yield make_run(speech, part, joints)


def make_run(speech: Speech, chunks: Sequence[Chunk], joints: Sequence[str]) -> Run:
    """Return the run of ``chunks``, with what stands around it."""
    before, after = chunks[0].first - 1, chunks[-1].last + 1
    plus = before if before >= 0 and speech.tokens[before].text in ("plus", "+") else None
    preceding = speech.tokens[before].text if before >= 0 else ""
    following = speech.tokens[after].text if after < len(speech.tokens) else ""
    return Run(tuple(chunks), tuple(joints), _groups(speech, chunks, joints), plus, preceding, following)


def linked(speech: Speech, left: Run, right: Run) -> bool:
    """Tell whether only separators, hesitations and linking words stand between two runs."""
    return _joint(speech, [left.chunks[-1]], [right.chunks[0]], 0, anything=True) is not None


def extends(speech: Speech, left: Run, right: Run) -> bool:
    """Tell whether the right run is announced as the extension of the left one."""
    between = {token.text for token in speech.tokens[left.last + 1 : right.first]}
    return bool(between & EXTENSIONS) and linked(speech, left, right)


def _joint(
    speech: Speech, part: Sequence[Chunk], chunks: Sequence[Chunk], index: int, *, anything: bool = False
) -> str | None:
    """Return how ``chunks[index]`` joins to the numbers before it, None where it does not."""
    left, right = part[-1], chunks[index]
    if right.first - left.last - 1 > _LONGEST_GAP or speech.apart(left.last, right.first):
        return None
    between = [token.text for token in speech.tokens[left.last + 1 : right.first]]
    separators = [text for text in between if text in _SEPARATORS]
    others = [text for text in between if text not in _SEPARATORS and text not in HESITATIONS]
    if not anything and Manner.HOMOPHONE in (left.manner, right.manner):
        return "" if not between and _sounds_alike(part, right) else None
    if others:
        if not all(text in LINKS for text in others):
            return None
        if not anything and (not EXTENSIONS.isdisjoint(others) or not _goes_on(part, chunks, index)):
            return None
    return separators[0] if separators else " " if others else ""


def _pause(speech: Speech, left: Chunk, right: Chunk) -> float:
    earlier, later = speech.words[speech.tokens[left.last].word], speech.words[speech.tokens[right.first].word]
    return later.start - earlier.end


def _groups(speech: Speech, chunks: Sequence[Chunk], joints: Sequence[str]) -> tuple[int, ...]:
    groups = [len(chunks[0].digits)]
    for index, joint in enumerate(joints):
        left, right = chunks[index], chunks[index + 1]
        written = Manner.WRITTEN in (left.manner, right.manner) and len(left.digits + right.digits) > 2
        ends = joint or written or speech.tokens[left.last].ends_clause
        if ends or _pause(speech, left, right) > _GROUP_PAUSE_S:
            groups.append(0)
        groups[-1] += len(right.digits)
    return tuple(groups)


def without_edge_homophones(chunks: Sequence[Chunk]) -> tuple[int, int]:
    """Return where the true numbers begin and end; equal where there is none."""
    true = [index for index, chunk in enumerate(chunks) if chunk.manner is not Manner.HOMOPHONE]
    return (true[0], true[-1] + 1) if true else (0, 0)


def _sounds_alike(part: Sequence[Chunk], right: Chunk) -> bool:
    """Only single digits may stand beside a homophone, and not too many homophones together."""
    if len(part[-1].digits) != 1 and part[-1].manner is not Manner.DIGIT:
        return False
    if len(right.digits) != 1 and right.manner is not Manner.DIGIT:
        return False
    recent = [*part[-_MOST_HOMOPHONES:], right]
    return len(recent) <= _MOST_HOMOPHONES or any(chunk.manner is not Manner.HOMOPHONE for chunk in recent)


def _goes_on(part: Sequence[Chunk], chunks: Sequence[Chunk], index: int) -> bool:
    return _spelled(part[-2:]) and _spelled(chunks[index : index + 2])


def _spelled(chunks: Sequence[Chunk]) -> bool:
    """Two digits said one by one, or three and more written that are no round number."""
    single = sum(len(chunk.digits) for chunk in chunks if chunk.manner is Manner.DIGIT)
    return single >= 2 or any(
        chunk.manner is Manner.WRITTEN and len(chunk.digits) >= 3 and not chunk.digits.endswith("00")
        for chunk in chunks
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


def is_amount(run: Run) -> bool:
    """Tell whether the run is said or written as a quantity: with a unit, as a decimal, in hundreds and thousands."""
    if run.said(Manner.QUANTITY) == len(run):
        return True
    if run.joints.count("point") == 1 and all(chunk.manner is Manner.DIGIT for chunk in run.chunks):
        return True
    return run.following in _MEASURED and run.said(Manner.DIGIT) <= _LONGEST_MEASURED


def is_series(run: Run) -> bool:
    """Tell whether the run counts, is a range, or lists years or times of day and nothing else."""
    return _counts(run.chunks) or _is_range(run) or all_years(run.chunks) or all_times(run.chunks)


def all_years(chunks: Sequence[Chunk]) -> bool:
    """Tell whether the numbers are years: "nineteen eighty four", 2024."""
    return all(int(year) in _YEARS for year in _years(chunks))


def _years(chunks: Sequence[Chunk]) -> Iterator[str]:
    """Yield the numbers of four digits that the chunks make; "0" in place of another."""
    position = 0
    while position < len(chunks):
        chunk = chunks[position]
        position += 1
        if len(chunk.digits) == 4 and chunk.manner is not Manner.DIGIT:
            yield chunk.digits
        elif chunk.manner is Manner.PAIR:
            rest = ""
            while len(rest) < 2 and position < len(chunks) and len(chunks[position].digits) + len(rest) <= 2:
                rest += chunks[position].digits
                position += 1
            # "nineteen eighty four", "nineteen oh four": never "nineteen eight four"
            pair = len(rest) == 2 and (rest[0] == "0" or chunks[position - 1].manner is Manner.PAIR)
            yield chunk.digits + rest if pair else "0"
        else:
            yield "0"


def _counts(chunks: Sequence[Chunk]) -> bool:
    """Tell whether every number is as much above or below the one before: one two three, ten twenty thirty."""
    if len(chunks) < _LEAST_COUNTED or any(len(chunk.digits) > 6 for chunk in chunks):
        return False
    steps = {int(right.digits) - int(left.digits) for left, right in pairwise(chunks)}
    return len(steps) == 1 and 0 not in steps


def _is_range(run: Run) -> bool:
    """Tell whether two numbers of equal length are joined by a dash, the larger one last: 350-400."""
    if len(run.chunks) != 2 or run.joints[0] not in DASHES:
        return False
    low, high = (chunk.digits for chunk in run.chunks)
    return len(low) == len(high) <= _LONGEST_IN_RANGE and low < high


def all_times(chunks: Sequence[Chunk]) -> bool:
    """Tell whether hours and minutes take turns: ten thirty, eleven fifteen."""
    if len(chunks) % 2:
        return False
    return all(
        1 <= int(hour.digits[:6]) <= 12
        and minute.manner is Manner.PAIR
        and int(minute.digits) % 5 == 0
        and int(minute.digits) < 60
        for hour, minute in zip(chunks[::2], chunks[1::2], strict=True)
    )
