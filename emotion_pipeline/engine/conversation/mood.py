"""How feeling went over a conversation: sentiment and tone by quarter, the trend, escalation and recovery.

A quarter is a quarter of the recording's length, and a segment belongs to the one in which its middle lies.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from emotion_pipeline.engine.agreement import weighted_mean
from emotion_pipeline.engine.common.types import ToneScore
from emotion_pipeline.engine.conversation.spoken import Spoken
from emotion_pipeline.engine.tone.base import evidence, pool_scores

QUARTERS: Final = 4
# From which rise of the mean probability of anger, or of the mean arousal, a speaker has escalated.
ESCALATION: Final = 0.25
# What has to be gone of the rise in the last quarter with speech, for the speaker to have recovered.
_RECOVERY: Final = 0.5
_FEWEST_FOR_A_TREND: Final = 3


@dataclass(frozen=True, slots=True)
class Mood:
    """What one speaker, or a whole recording, felt: by quarter, None for a quarter without speech."""

    sentiment: float | None
    sentiment_by_quarter: tuple[float | None, ...]
    sentiment_trend: float | None
    tone_by_quarter: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Escalation:
    """The largest rises from a quarter to a later one, None without two quarters that have the value."""

    anger_rise: float | None
    arousal_rise: float | None
    escalated: bool
    recovered: bool


def mood(spoken: Sequence[Spoken], recording_seconds: float) -> Mood:
    """Return how sentiment, the mean by words, and tone, pooled by length and certainty, went over the quarters."""
    quarters = by_quarter(spoken, recording_seconds)
    return Mood(
        _sentiment(spoken),
        tuple(_sentiment(quarter) for quarter in quarters),
        trend(spoken, recording_seconds),
        tuple(_tone(quarter) for quarter in quarters),
    )


def by_quarter(spoken: Sequence[Spoken], recording_seconds: float) -> list[list[Spoken]]:
    """Return what is spoken in each quarter of the recording."""
    quarters: list[list[Spoken]] = [[] for _ in range(QUARTERS)]
    for stretch in spoken:
        quarters[min(QUARTERS - 1, int(QUARTERS * stretch.middle / recording_seconds))].append(stretch)
    return quarters


def trend(spoken: Sequence[Spoken], recording_seconds: float) -> float | None:
    """Return the change of sentiment over the recording: the slope of its least-squares line.

    The line is fitted to the sentiment of the segments over middle / recording length, each weighted by its words. None
    for fewer than three segments with a sentiment.
    """
    scored = [
        (stretch.middle / recording_seconds, stretch.sentiment, stretch.word_count)
        for stretch in spoken
        if stretch.sentiment is not None
    ]
    weight = sum(words for *_, words in scored)
    if len(scored) < _FEWEST_FOR_A_TREND or not weight:
        return None
    at = sum(words * when for when, _, words in scored) / weight
    level = sum(words * value for _, value, words in scored) / weight
    spread = sum(words * (when - at) ** 2 for when, _, words in scored)
    return sum(words * (when - at) * (value - level) for when, value, words in scored) / spread if spread else None


def escalation(spoken: Sequence[Spoken], recording_seconds: float) -> Escalation:
    """Return whether one speaker's voice grew angrier or more excited, and whether that was over in the end.

    rise = the largest of (mean in a quarter - mean in an earlier one), means by seconds, at least 0. Escalated: the
    mean probability of anger or the mean arousal rose by ``ESCALATION``. Recovered: each that did so lies, in the last
    quarter with speech, below its highest quarter by at least half of the rise.
    """
    quarters = by_quarter(spoken, recording_seconds)
    courses = [
        _means(quarters, lambda tone: tone.probabilities.get("angry")),
        _means(quarters, lambda tone: tone.arousal),
    ]
    rises = [_rise(course) for course in courses]
    risen = [
        (course, rise) for course, rise in zip(courses, rises, strict=True) if rise is not None and rise >= ESCALATION
    ]
    recovered = bool(risen) and all(max(course) - course[-1] >= _RECOVERY * rise for course, rise in risen)
    return Escalation(rises[0], rises[1], bool(risen), recovered)


def _means(quarters: Sequence[Sequence[Spoken]], value: Callable[[ToneScore], float | None]) -> list[float]:
    """Return the mean by seconds of each quarter that has one, in order."""
    means = []
    for quarter in quarters:
        known = [
            (found, stretch.seconds)
            for stretch in quarter
            if stretch.tone and (found := value(stretch.tone)) is not None
        ]
        mean = weighted_mean([found for found, _ in known], [seconds for _, seconds in known])
        means += [] if mean is None else [mean]
    return means


def _rise(course: Sequence[float]) -> float | None:
    if len(course) < 2:
        return None
    return max(0.0, *(later - before for index, before in enumerate(course) for later in course[index + 1 :]))


def _sentiment(spoken: Sequence[Spoken]) -> float | None:
    scored = [(stretch.sentiment, stretch.word_count) for stretch in spoken if stretch.sentiment is not None]
    return weighted_mean([value for value, _ in scored], [words for _, words in scored])


def _tone(spoken: Sequence[Spoken]) -> str | None:
    toned = [(stretch.tone, evidence(stretch.tone, stretch.seconds)) for stretch in spoken if stretch.tone]
    return pool_scores([tone for tone, _ in toned], [weight for _, weight in toned]).tone if toned else None
