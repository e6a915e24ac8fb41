"""The words of one speaker as tokens: folded to one spelling and cut where a recogniser has to look inside a word.

"+1-555-0142," is one word and six tokens; "４２" and "٤٢" are the token "42". Which tokens say a number is found out
in ``spoken``; what the number means, later.
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
    found = []
    for piece in _PIECE.findall(bare):
        found += _alphanumeric(piece) if piece[0].isalnum() else [(piece, Form.SYMBOL)]
    return found


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
