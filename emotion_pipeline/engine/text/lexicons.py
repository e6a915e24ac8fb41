"""The closed word lists behind the pragmatic features, in canonical form (lower case, no apostrophes).

They hold small, closed classes of words of spoken and written English. Emotion words come from NRC EmoLex (``emolex``).
"""

import re
from typing import Final


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


NEGATED_AUXILIARIES: Final = _words(
    "aint arent cant cannot couldnt didnt doesnt dont hadnt hasnt havent isnt mightnt mustnt neednt shouldnt "
    "wasnt werent wont wouldnt"
)

NEGATIONS: Final = NEGATED_AUXILIARIES | _words(
    "no not never none nobody nothing nowhere neither nor nope nah without hardly barely scarcely"
)

INTENSIFIERS: Final = _words(
    "absolutely awfully completely deeply definitely enormously entirely especially exceptionally extremely fully "
    "highly hugely incredibly insanely literally particularly perfectly purely quite really remarkably seriously "
    "severely so strongly super terribly thoroughly too totally truly unbelievably utterly very wholly"
)

HEDGES: Final = _words(
    "almost apparently approximately arguably basically could fairly likely may maybe might mostly partly perhaps "
    "possibly presumably probably rather relatively seemingly seems somehow somewhat supposedly unlikely usually"
)

FIRST_PERSON: Final = _words("i im ive id ill me my mine myself we weve us our ours ourselves imma")

SECOND_PERSON: Final = _words("you youre youve youd youll your yours yourself yourselves ya yall u ur")

FILLERS: Final = _words("ah eh er erm hm hmm huh like mhm mm mmm uh uhh uhm um umm well")

# A whole canonical token that stands for laughter; use with ``fullmatch``.
LAUGHTER: Final = re.compile(r"(?:(?:a?h[aeiou]){2,}h?|l+o+l+z?|lmf?ao+|rofl|(?:he){2,})")

HEDGE_PHRASES: Final = re.compile(r"\b(?:kind of|sort of|i guess|i suppose|i think|not sure|more or less)\b")
FILLER_PHRASES: Final = re.compile(r"\b(?:you know|i mean|you see|or something|or whatever)\b")

# The opening of a direct question in canonical, space-joined words: question word and verb, or inverted auxiliary.
QUESTION_OPENING: Final = re.compile(
    r"(?:(?:and|but|so|well|okay|ok|um|uh|oh) )*"
    r"(?:(?:who|whom|whose|whats|whos|wheres|whens|whys|hows|what|when|where|why|how|which) "
    r"(?:is|are|was|were|do|does|did|can|could|will|would|should|have|has|had|am|about|come|many|much|long)\b"
    r"|(?:is|are|was|were|do|does|did|can|could|will|would|should|shall|have|has|had|am|isnt|arent|dont|doesnt|didnt|cant|"
    r"couldnt|wont|wouldnt|havent|hasnt) (?:i|you|he|she|it|we|they|this|that|there|these|those|anyone|anybody)\b)"
)

# Everything above as text, so that a changed list changes the fingerprint of the features.
CONTENT: Final[tuple[str, ...]] = (
    *(" ".join(sorted(words)) for words in (NEGATIONS, INTENSIFIERS, HEDGES, FIRST_PERSON, SECOND_PERSON, FILLERS)),
    *(pattern.pattern for pattern in (LAUGHTER, HEDGE_PHRASES, FILLER_PHRASES, QUESTION_OPENING)),
)
