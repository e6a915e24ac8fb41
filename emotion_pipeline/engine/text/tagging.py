"""Part-of-speech tags of single words: HanTa's English tagger, mapped to the universal tag set.

Words are tagged without their neighbours, so that a word's tag can be cached: this makes the features fast and changes
shares over a text little. Sentences are not parsed. HanTa: Wartena (2023), "The Hanover Tagger". Its English model uses
the CLAWS5 tags of the British National Corpus.
"""

import re
from functools import lru_cache
from typing import Any, Final

from emotion_pipeline.engine.text.lexicons import NEGATED_AUXILIARIES

# Characters beyond which a token is no English word; the tagger's time grows with the square of the length.
LONGEST_TAGGED_WORD: Final = 40

_PREFIXES: Final = {
    "NN": "noun", "NP": "noun",
    "VB": "verb", "VD": "verb", "VH": "verb", "VM": "verb", "VV": "verb",
    "AJ": "adjective", "ORD": "adjective",
    "AV": "adverb",
    "PNI": "pronoun", "PNP": "pronoun", "PNQ": "pronoun", "EX": "pronoun",
    "AT": "determiner", "DPS": "determiner", "DT": "determiner",
    "PRF": "adposition", "PRP": "adposition", "IN": "adposition",
    "CJ": "conjunction",
    "CRD": "numeral",
    "TO": "particle", "POS": "particle", "XX": "particle", "AVP": "particle",
}  # fmt: skip
_CLITIC: Final = re.compile(r"(?<=.)(?:n't|'s|'re|'ve|'ll|'d|'m)$")


def universal_tag(claws_tag: str) -> str:
    """Return the universal tag of a CLAWS5 tag; ``other`` where there is none."""
    return _PREFIXES.get(claws_tag[:3], _PREFIXES.get(claws_tag[:2], "other"))


def split_clitic(word: str) -> tuple[str, ...]:
    """Split a lower-case word and its clitic, as the tagger was trained: ``don't`` and ``dont`` are ``do``, ``n't``."""
    straight = word.replace("’", "'")
    if straight in NEGATED_AUXILIARIES and straight != "cannot":
        return straight[:-2], "n't"
    clitic = _CLITIC.search(straight)
    return (straight[: clitic.start()], clitic.group()) if clitic else (straight,)


@lru_cache(maxsize=1)
def _hanta() -> Any:
    # HanTa ships no types; the model is a resource of the installed package, loaded once for the process (0.3 s).
    from HanTa.HanoverTagger import HanoverTagger  # pyright: ignore[reportMissingTypeStubs]

    return HanoverTagger("morphmodel_en.pgz")


def version() -> str:
    """Name and version of the tagger, whose model comes with its package."""
    from importlib.metadata import version as installed

    return f"HanTa {installed('HanTa')}"


def tag_word(word: str) -> tuple[str, ...]:
    """The universal tags of a word and its clitic; one of ``feature_table.POS_TAGS`` each."""
    return tuple(_tag(part) for part in split_clitic(word.lower()))


def lemma(word: str) -> str:
    """The base form of a word, the word itself where there is none."""
    lowered = word.lower()
    if not lowered or len(lowered) > LONGEST_TAGGED_WORD or not lowered.isalpha():
        return lowered
    return str(_hanta().analyze(lowered, casesensitive=False)[0])


def _tag(part: str) -> str:
    if len(part) > LONGEST_TAGGED_WORD:
        return "other"
    candidates = _hanta().tag_word(part, casesensitive=False)
    return universal_tag(candidates[0][0]) if candidates else "other"
