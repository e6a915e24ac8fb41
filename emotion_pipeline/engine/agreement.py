"""Whether how it sounded and what was said agree, and how scores of segments add up to those of a recording.

The rule is the documented one: happy agrees with a sentiment above 0, angry with one below 0; any other tone says
nothing about sentiment. Scores come from the tone model and the sentiment back end; nothing is scored here.
"""

from collections.abc import Sequence
from enum import StrEnum


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


def weighted_mean(values: Sequence[float], weights: Sequence[float]) -> float | None:
    """Return the mean of ``values`` by ``weights`` (not negative), or None where nothing has weight."""
    total = sum(weights)
    if not total:
        return None
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / total
