"""Whether a recording is in English, where the recogniser knows nothing else and writes English whatever it reads.

A recogniser of several languages says itself which one is spoken (``Recogniser.language_of``). One of English alone
gives away that it does not understand by how improbable its own words are.
"""

import math
from collections.abc import Sequence
from typing import Final

from emotion_pipeline.engine.common.types import UNDETERMINED, Word
from emotion_pipeline.engine.transcribe.base import SpokenLanguage

# The mean probability of the words from which on English is likelier. Chosen on what tiny.en made of clips of EmoDB
# (German), BanglaSER (Bangla) and CREMA-D (English); it told them apart as well as the mean of logarithms, the median
# or the least probability, or better.
_EVEN: Final = 0.6
# Fewer words are weaker evidence, and have to be less probable.
_FEW_WORDS: Final = 4
_EVEN_OF_FEW: Final = 0.5
# How fast that changes, from a logistic regression on the same clips.
_WEIGHT: Final = 20.0
# The rule above; raise the number when it changes.
FINGERPRINT: Final = "english:1"
_DIGITS: Final = 4


def english_or_not(words: Sequence[Word]) -> SpokenLanguage:
    """Return English, or ``UNDETERMINED`` where speech gave no word or improbable ones, and how sure that is.

    :param words: of one recording in which somebody speaks, with their probabilities, [0, 1]
    """
    if not words:
        return SpokenLanguage(UNDETERMINED, None)
    mean = sum(word.probability for word in words) / len(words)
    even = _EVEN if len(words) >= _FEW_WORDS else _EVEN_OF_FEW
    english = 1 / (1 + math.exp(-_WEIGHT * (mean - even)))
    if english >= 0.5:
        return SpokenLanguage("en", round(english, _DIGITS))
    return SpokenLanguage(UNDETERMINED, round(1 - english, _DIGITS))
