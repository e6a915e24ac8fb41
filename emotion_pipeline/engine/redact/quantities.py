"""Numbers that are no personal data although they have many digits: counting, years, times of day, amounts."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from emotion_pipeline.engine.redact.runs import Run
from emotion_pipeline.engine.redact.spoken import DASHES, Chunk, Manner
from emotion_pipeline.engine.redact.tokens import word_set

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
