"""Checks whether a text is English, or in a language that a back end reads.

The answer is yes or no: enough to warn, and to keep a text back. Transcribers detect the language of a recording.
``py3langid`` scores the languages; this module decides from which lead a text counts as foreign.
"""

from collections.abc import Set
from functools import cache
from importlib.metadata import version
from threading import Lock
from typing import TYPE_CHECKING, Final

from emotion_pipeline.engine.text.tokens import EMOJI, words

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

# What the text emotion model, its features and the lexicons read, ISO 639-1.
ENGLISH: Final = frozenset({"en"})

# How languages are recognised; raise the first number when the rules below change.
FINGERPRINT: Final = f"languages=2,py3langid={version('py3langid')}"

# Log-likelihood by which another language has to lead. Of 5,426 English comments (GoEmotions, dev) none has such a
# lead; most sentences in other languages have one of 50 and more.
_SMALLEST_LEAD: Final = 15.0
_FEWEST_WORDS: Final = 3
# Letters outside the Latin script that suffice without spaces between words.
_FEWEST_LETTERS: Final = 4
_LATIN_END: Final = 0x250
# Characters of a text that are read.
_LONGEST: Final = 2_000
# What py3langid calls text that is in no language.
_NO_LANGUAGE: Final = "zxx"

_LOADING: Final = Lock()


def seems_english(text: str) -> bool:
    """Return False where another language than English is clearly likelier; see ``seems_one_of``."""
    return seems_one_of(text, ENGLISH)


def seems_one_of(text: str, languages: Set[str]) -> bool:
    """Return False where a language other than ``languages`` (ISO 639-1) is clearly likelier than any of them.

    True for what is too short to tell: fewer than three words, in Latin letters. Safe to call from several threads.
    """
    readable = EMOJI.sub(" ", text[:_LONGEST])
    foreign_letters = sum(letter.isalpha() and ord(letter) >= _LATIN_END for letter in readable)
    if len(words(readable)) < _FEWEST_WORDS and foreign_letters < _FEWEST_LETTERS:
        return True
    scores = dict(_identifier().rank(readable))
    expected = max((scores[language] for language in languages if language in scores), default=float("-inf"))
    others = max(score for language, score in scores.items() if language not in languages and language != _NO_LANGUAGE)
    return others - expected <= _SMALLEST_LEAD


def _identifier() -> "LanguageIdentifier":
    with _LOADING:  # several threads may ask first
        return _load()


@cache
def _load() -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # half a second, so only when a text is read

    return LanguageIdentifier.from_model_file(MODEL_FILE)
