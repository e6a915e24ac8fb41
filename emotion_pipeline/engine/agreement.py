"""Whether tone and words of a segment agree, and how scores of segments add up to those of a recording.

The documented rule compares two labels: happy agrees with a sentiment above 0, angry with one below 0; any other tone
says nothing about sentiment. The agreement score compares the probabilities of positive, neutral and negative.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

POSITIVE_TONES: Final = frozenset({"happy"})
# All other tones, calm and surprised among them, lean to neither side.
NEGATIVE_TONES: Final = frozenset({"angry", "disgust", "fearful", "sad"})

POSITIVE_EMOTIONS: Final = frozenset({"Happiness"})
NEGATIVE_EMOTIONS: Final = frozenset({"Anger", "Sadness"})

# What two scores that know nothing of each other, each class as likely as the others, agree by on average, where a
# neighbouring class counts half: (3 * 1 + 4 * 1/2) / 9.
CHANCE: Final = 5 / 9

# A sentiment this far on the other side contradicts an emotion; nearer to 0 its sign says little.
CONTRADICTION: Final = 0.1

# From here on a side is certain; for two negative tones of four that is a probability of 0.7 together.
CERTAIN: Final = 0.6


class Agreement(StrEnum):
    """The documented values of ``tone_sentiment_match``."""

    MATCH = "Match"
    DO_NOT_MATCH = "Do Not Match"
    UNKNOWN = "Unknown"


def tone_sentiment_match(tone: str | None, sentiment: float | None) -> Agreement:
    """Compare a tone with a sentiment in [-1, 1].

    A sentiment of exactly 0 is on neither side and matches nothing. Without a tone or a sentiment the answer is
    Unknown.
    """
    if tone not in ("happy", "angry") or sentiment is None:
        return Agreement.UNKNOWN
    agrees = sentiment > 0 if tone == "happy" else sentiment < 0
    return Agreement.MATCH if agrees else Agreement.DO_NOT_MATCH


def contradicts(base_emotion: str, sentiment: float | None) -> bool:
    """Return whether a sentiment in [-1, 1] clearly has the other sign than the base emotion of the same words."""
    if sentiment is None or base_emotion not in POSITIVE_EMOTIONS | NEGATIVE_EMOTIONS:
        return False
    return (sentiment if base_emotion in NEGATIVE_EMOTIONS else -sentiment) > CONTRADICTION


def weighted_mean(values: Sequence[float], weights: Sequence[float]) -> float | None:
    """Return the mean of ``values`` by ``weights`` (not negative), or None where nothing has weight."""
    total = sum(weights)
    if not total:
        return None
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / total


@dataclass(frozen=True, slots=True)
class Leaning:
    """How likely something is positive, neutral and negative; the three sum to 1."""

    positive: float
    neutral: float
    negative: float

    @property
    def is_positive(self) -> bool:
        return self.positive >= CERTAIN

    @property
    def is_negative(self) -> bool:
        return self.negative >= CERTAIN


def leaning_of_tone(probabilities: Mapping[str, float]) -> Leaning:
    """Return how a voice leans, from the calibrated probabilities of the tones that its model knows.

    Of each side only what exceeds its prior counts, its share of the tones: of four tones two are negative and one is
    positive. The rest is shared among the sides, so a voice of which nothing is known leans to none.
    """
    sides = _leaning(probabilities, POSITIVE_TONES, NEGATIVE_TONES)
    prior = _leaning(dict.fromkeys(probabilities, 1.0), POSITIVE_TONES, NEGATIVE_TONES)
    positive = _beyond(sides.positive, prior.positive)
    neutral = _beyond(sides.neutral, prior.neutral)
    negative = _beyond(sides.negative, prior.negative)
    rest = (1 - positive - neutral - negative) / 3
    return Leaning(positive + rest, neutral + rest, negative + rest)


def _beyond(probability: float, prior: float) -> float:
    """Return how far a probability exceeds its prior, 1 for certainty, 0 for the prior and below."""
    return max(0.0, probability - prior) / (1 - prior) if prior < 1 else 0.0


def leaning_of_words(sentiment: float | None, emotions: Mapping[str, float]) -> Leaning:
    """Return how words lean: the mean of what their sentiment, in [-1, 1], and their base emotions say.

    A sentiment is taken as that much of its side and neutral for the rest; without one the emotions alone speak.
    """
    felt = _leaning(emotions, POSITIVE_EMOTIONS, NEGATIVE_EMOTIONS)
    if sentiment is None:
        return felt
    return Leaning(
        (max(sentiment, 0.0) + felt.positive) / 2,
        (1 - abs(sentiment) + felt.neutral) / 2,
        (max(-sentiment, 0.0) + felt.negative) / 2,
    )


def agreement_score(tone: Leaning, words: Leaning) -> float:
    """Return how far tone and words agree: from -1, surely opposite, over 0, as by chance, to 1, surely the same.

    The expected weight of the pair of classes (1 the same, 1/2 neighbours, 0 opposites) in relation to ``CHANCE``, as
    in a weighted kappa (Cohen 1968, "Weighted kappa"), scaled so that the least is -1.
    """
    same = tone.positive * words.positive + tone.neutral * words.neutral + tone.negative * words.negative
    opposite = tone.positive * words.negative + tone.negative * words.positive
    beyond = same + (1 - same - opposite) / 2 - CHANCE
    return beyond / (1 - CHANCE) if beyond > 0 else beyond / CHANCE


def is_masked(tone: Leaning, words: Leaning, match: Agreement = Agreement.UNKNOWN) -> bool:
    """Tell whether the words are positive and the voice is negative: a feeling that is not put into words.

    Both have to be certain, and ``match``, the documented rule's answer for the same segment, must not be Match.
    """
    return words.is_positive and tone.is_negative and match is not Agreement.MATCH


def is_leaking(tone: Leaning, words: Leaning, match: Agreement = Agreement.UNKNOWN) -> bool:
    """Tell whether the words are negative and the voice is positive: the reverse of ``is_masked``."""
    return words.is_negative and tone.is_positive and match is not Agreement.MATCH


def _leaning(probabilities: Mapping[str, float], positive: frozenset[str], negative: frozenset[str]) -> Leaning:
    total = sum(probabilities.values())
    up = sum(value for name, value in probabilities.items() if name in positive) / total
    down = sum(value for name, value in probabilities.items() if name in negative) / total
    return Leaning(up, max(0.0, 1 - up - down), down)
