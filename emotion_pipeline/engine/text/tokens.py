"""Cutting a text into tokens, and the canonical form in which tokens are looked up and counted.

The canonical form folds case and drops apostrophes, so that written text ("DON'T") and bare text of a transcriber
("dont") meet in one vocabulary entry. Counting and weighting tokens belong elsewhere.
"""

import re
from typing import Final

_APOSTROPHES: Final = str.maketrans("", "", "'’‘ʼ")
_WORD: Final = re.compile(r"[^\W_]+(?:['’‘ʼ][^\W_]+)*['’]?")
_TERM: Final = re.compile(r"[^\W_]+|[!?]+|[^\w\s]")

# One emoji, regional indicator or typed emoticon. Blocks after the Unicode 15 code charts.
EMOJI: Final = re.compile(
    "[\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff\u2600-\u27bf]"
    r"|(?<![\w)])[:;=8][-^']?[)(DPpOo/\\|\]\[](?!\w)|<3"
)


def words(text: str) -> list[str]:
    """The words and numbers of ``text`` as written, inner apostrophes kept; no punctuation, no emoji."""
    return _WORD.findall(text)


def canonical(text: str) -> str:
    """``text`` in lower case without apostrophes."""
    return text.lower().translate(_APOSTROPHES)


def terms(text: str) -> list[str]:
    """The canonical words of ``text`` and its punctuation, runs of ``!`` and ``?`` kept whole: vocabulary entries."""
    return _TERM.findall(canonical(text))


def bare(text: str) -> str:
    """``text`` as a transcriber would hand it over: lower case, no punctuation but apostrophes, single spaces."""
    return " ".join(word.lower() for word in words(text))


def says_something(text: str) -> bool:
    """Return whether ``text`` has a visible character."""
    return any(character.isprintable() and not character.isspace() for character in text)
