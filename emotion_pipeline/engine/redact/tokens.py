"""The words of one speaker as tokens in one spelling, and the numbers that tokens say.

"+1-555-0142," is one word and six tokens; "４２" and "٤٢" are the token "42". Numbers are read from English words
("double four", "eight hundred") and from digits of every script; ``numbers`` joins them to longer ones.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from enum import Enum, auto
from typing import Final, NamedTuple

from emotion_pipeline.engine.redact.kinds import is_placeholder


class Form(Enum):
    """What a token is made of."""

    # Letters, apostrophes inside.
    WORD = auto()
    # Digits only.
    NUMBER = auto()
    # Digits of a number that was written with thousands separators, which are left out.
    GROUPED = auto()
    # Letters and digits mixed.
    CODE = auto()
    # One punctuation mark or symbol.
    SYMBOL = auto()
    # A whole word that is a quantity and nothing else: money, percent, time of day, decimal fraction.
    AMOUNT = auto()
    # A whole word that is a date of numbers: 05/12/1984, 1984-12-05, 12/28.
    DATE = auto()
    # What was taken out before.
    PLACEHOLDER = auto()
    # No word at all: a pause so long that nothing goes on behind it; its text is empty.
    PAUSE = auto()


class Token(NamedTuple):
    """One token; ``word`` is the position of the word that it is in."""

    text: str
    form: Form
    word: int
    # Inside one word with the token before.
    glued: bool
    # The last token of a word that ends with a punctuation mark.
    ends_clause: bool


_OPENING: Final = "\"'“”‘’«»([{<¿¡"
_CLOSING: Final = "\"'“”‘’«»)]}>.,;:!?…。？！、，"
_CLAUSE_MARKS: Final = frozenset(".,;:!?…。？！、，")
_APOSTROPHES: Final = str.maketrans("’‘ʼ", "'''")
_PIECE: Final = re.compile(r"[^\W_]+(?:'[^\W\d_]+)*|_|[^\w\s]")
_OTHER_SCRIPT: Final = re.compile(r"\d+|[^\W\d_]+")
_THOUSANDS: Final = re.compile(r"\d{1,3}(?:[,']\d{3})+(?:\.\d+)?|\d{1,3}\.\d{3}\.\d{3}(?:,\d+)?")
_CLOCK: Final = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?(?:[ap]\.?m\.?)?")
_DECIMAL: Final = re.compile(r"(?!\d{3}[.,]\d{4}$)(?:0|[1-9]\d*)[.,]\d+|\.\d+")
_SLASHED: Final = re.compile(r"(\d{1,4})/(\d{1,4})")
_DATED: Final = re.compile(
    r"\d{1,2}([/.])\d{1,2}\1(?:\d{4}|\d{2})|\d{1,2}-\d{1,2}-\d{4}|(?:1[89]|20)\d{2}([/.-])\d{1,2}\2\d{1,2}"
)
_QUANTIFIED: Final = re.compile(r"[$€£¥₹%°]")
_SLASHED_DIGITS: Final = 6


def word_set(text: str) -> frozenset[str]:
    """Return the words of ``text``: how the lists of words beside the recognisers are written down."""
    return frozenset(text.split())


def tokenize(texts: Iterable[str], after_pause: Collection[int] = ()) -> list[Token]:
    """Return the tokens of the words ``texts`` in order; every word that is not empty has at least one.

    :param after_pause: positions of words before which there is a long pause; it becomes a token
    """
    tokens: list[Token] = []
    for word, text in enumerate(texts):
        if word in after_pause:
            tokens.append(Token("", Form.PAUSE, word - 1, False, True))
        if text.isascii() and text.isalpha():  # most words, and by far the fastest way
            tokens.append(Token(text.lower(), Form.WORD, word, False, False))
            continue
        if is_placeholder(text):
            tokens.append(Token(text, Form.PLACEHOLDER, word, False, True))
            continue
        folded = fold(text)
        pieces = _pieces(folded)
        ends_clause = bool(folded) and folded[-1] in _CLAUSE_MARKS
        for index, (piece, form) in enumerate(pieces):
            tokens.append(Token(piece, form, word, index > 0, ends_clause and index == len(pieces) - 1))
    return tokens


def fold(text: str) -> str:
    """Return ``text`` in lower case with compatible characters unified and the digits of every script as 0 to 9."""
    plain = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES).casefold()
    if plain.isascii():
        return plain
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in plain)


def _pieces(folded: str) -> Sequence[tuple[str, Form]]:
    bare = folded.lstrip(_OPENING).rstrip(_CLOSING)
    if not bare:
        return [(char, Form.SYMBOL) for char in folded if not char.isspace()]
    if bare[0] in ".-" or bare[0].isdecimal() or not bare[-1].isalpha():
        whole = _whole(bare)
        if whole is not None:
            return [whole]
    pieces = []
    for piece in _PIECE.findall(bare):
        pieces += _alphanumeric(piece) if piece[0].isalnum() else [(piece, Form.SYMBOL)]
    return pieces


def _whole(bare: str) -> tuple[str, Form] | None:
    """Return a word that must be read as a whole, None where it may be cut."""
    if not any(char.isdecimal() for char in bare):
        return None
    if _THOUSANDS.fullmatch(bare):
        return re.sub(r"\D", "", bare), Form.GROUPED
    slashed = _SLASHED.fullmatch(bare)
    if _DATED.fullmatch(bare):
        return bare, Form.DATE
    if slashed and len(bare) <= _SLASHED_DIGITS + 1:
        return bare, Form.DATE if 1 <= int(slashed.group(1)) <= 12 else Form.AMOUNT
    if _CLOCK.fullmatch(bare) or _DECIMAL.fullmatch(bare) or _QUANTIFIED.search(bare):
        return bare, Form.AMOUNT
    return None


def _alphanumeric(piece: str) -> list[tuple[str, Form]]:
    if piece.isdecimal():
        return [(piece, Form.NUMBER)]
    if not any(char.isdecimal() for char in piece):
        return [(piece, Form.WORD)]
    if piece.isascii():
        return [(piece, Form.CODE)]
    # Scripts that write no spaces: a number between their letters stands by itself.
    return [(part, Form.NUMBER if part.isdecimal() else Form.WORD) for part in _OTHER_SCRIPT.findall(piece)]


class NumberStyle(Enum):
    """How a number was said, which tells digits that are listed from a quantity."""

    # Digit by digit, "double four" included.
    DIGIT = auto()
    # Two digits as one number: "forty two", 42.
    PAIR = auto()
    # Written with digits, one, or three and more.
    WRITTEN = auto()
    # With "hundred", "thousand" and so on, or written with thousands separators.
    QUANTITY = auto()
    # A word that sounds like a digit; what it is depends on what is around it.
    HOMOPHONE = auto()


class Number(NamedTuple):
    """One number as said: its digits, and its tokens from ``first`` to ``last``, both included."""

    digits: str
    style: NumberStyle
    first: int
    last: int


_UNITS: Final = {
    "zero": "0", "oh": "0", "o": "0", "nought": "0", "naught": "0", "one": "1", "two": "2", "three": "3", "four": "4",
    "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9", "niner": "9",
}  # fmt: skip
_TEENS: Final = {
    "ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13", "fourteen": "14", "fifteen": "15", "sixteen": "16",
    "seventeen": "17", "eighteen": "18", "nineteen": "19",
}  # fmt: skip
_TENS: Final = {
    "twenty": "20", "thirty": "30", "forty": "40", "fourty": "40", "fifty": "50", "sixty": "60", "seventy": "70",
    "eighty": "80", "ninety": "90",
}  # fmt: skip
_PLURALS: Final = {
    "zeros": "0", "zeroes": "0", "ones": "1", "twos": "2", "threes": "3", "fours": "4", "fives": "5", "sixes": "6",
    "sevens": "7", "eights": "8", "nines": "9",
}  # fmt: skip
_REPEATS: Final = {"double": 2, "triple": 3, "treble": 3, "quadruple": 4}
_SCALES: Final = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
# What recognisers without a language model of numbers write for four, two, one and eight.
_HOMOPHONES: Final = {"for": "4", "fore": "4", "to": "2", "too": "2", "won": "1", "ate": "8"}
_OPENS: Final = frozenset((*_UNITS, *_TEENS, *_TENS, *_REPEATS, *_HOMOPHONES))

DOTS: Final = frozenset({".", "dot", "period", "point"})
DASHES: Final = frozenset({"-", "‐", "‑", "–", "—", "dash", "hyphen", "minus"})
SLASHES: Final = frozenset({"/", "slash", "stroke"})
# Sounds that mean nothing and may stand inside anything that is spelled out.
HESITATIONS: Final = frozenset({"uh", "um", "er", "erm", "eh", "ah", "hm", "hmm", "mm", "mhm", "uhm", "umm", "ehm"})


def read_numbers(tokens: Sequence[Token]) -> list[Number]:
    """Return the numbers in ``tokens`` in order, none overlapping."""
    numbers: list[Number] = []
    for index, (text, form, *_) in enumerate(tokens):
        if numbers and index <= numbers[-1].last:
            continue
        opens = text in _OPENS if form is Form.WORD else form is Form.NUMBER or form is Form.GROUPED
        number = _read(tokens, index) if opens else None
        if number is not None:
            numbers.append(number)
    return numbers


def _read(tokens: Sequence[Token], index: int) -> Number | None:
    word = tokens[index].text
    if word in _HOMOPHONES:
        return Number(_HOMOPHONES[word], NumberStyle.HOMOPHONE, index, index)
    repeats = _REPEATS.get(word, 0)
    small = _small(tokens, index + (repeats > 0))
    if small is None:
        return None
    if repeats:
        is_digit = len(small.digits) == 1
        return Number(small.digits * repeats, NumberStyle.DIGIT, index, index + 1) if is_digit else None
    following = _text(tokens, small.last + 1)
    if following in _SCALES and len(small.digits) <= 3:
        return _quantity(tokens, small)
    if small.style is NumberStyle.DIGIT and small.digits > "1" and following in _PLURALS:  # "three sevens"
        return Number(_PLURALS[following] * int(small.digits), NumberStyle.DIGIT, index, small.last + 1)
    return small


def _text(tokens: Sequence[Token], index: int) -> str:
    return tokens[index].text if index < len(tokens) else ""


def _small(tokens: Sequence[Token], index: int) -> Number | None:
    """Return the number below a hundred, or the written one, that begins at ``index``."""
    text = _text(tokens, index)
    if text in _TENS:
        return _tens(tokens, index)
    form = tokens[index].form if text else None
    if form is Form.NUMBER:
        pair = len(text) == 2 and text[0] != "0"
        return Number(text, NumberStyle.PAIR if pair else NumberStyle.WRITTEN, index, index)
    if form is Form.GROUPED:
        return Number(text, NumberStyle.QUANTITY, index, index)
    if text in _UNITS:
        return Number(_UNITS[text], NumberStyle.DIGIT, index, index)
    return Number(_TEENS[text], NumberStyle.PAIR, index, index) if text in _TEENS else None


def _tens(tokens: Sequence[Token], index: int) -> Number:
    """Return "forty", "forty two" or "forty-two"; the hyphen is a token."""
    tens = _TENS[tokens[index].text]
    unit = index + 2 if _text(tokens, index + 1) == "-" and tokens[index + 1].glued else index + 1
    digit = _UNITS.get(_text(tokens, unit), "0")
    if digit == "0":
        return Number(tens, NumberStyle.PAIR, index, index)
    return Number(tens[0] + digit, NumberStyle.PAIR, index, unit)


def _quantity(tokens: Sequence[Token], first: Number) -> Number:
    """Return the number that ``first`` begins and a scale continues: "two hundred and fifty thousand three hundred"."""
    total, current, index, limit = 0, int(first.digits), first.last + 1, 10**12
    while 0 < (scale := _SCALES.get(_text(tokens, index), 0)) < limit:
        if scale == 100:
            if not 0 < current < 100:
                break
            current *= 100
        else:
            total, current, limit = total + current * scale, 0, scale
        index += 1
        rest = _remainder(tokens, index, limit, after_hundred=scale == 100)
        if rest is not None:
            current, index = current + int(rest.digits), rest.last + 1
    if index == first.last + 1:
        return first
    return Number(str(total + current), NumberStyle.QUANTITY, first.first, index - 1)


def _remainder(tokens: Sequence[Token], index: int, limit: int, *, after_hundred: bool) -> Number | None:
    """Return what goes on after "hundred" or "thousand"; in "eight hundred five five five" nothing does."""
    joined = _text(tokens, index) == "and"
    small = _small(tokens, index + joined)
    if small is None or small.style not in (NumberStyle.DIGIT, NumberStyle.PAIR) or int(small.digits) == 0:
        return None
    following = _text(tokens, small.last + 1)
    scale = _SCALES.get(following, 0)
    if scale >= limit or (after_hundred and scale == 100):  # "two hundred three hundred" are two numbers
        return None
    listed = following in _OPENS and following not in _HOMOPHONES and not tokens[small.last].ends_clause
    return None if small.style is NumberStyle.DIGIT and listed and not joined else small
