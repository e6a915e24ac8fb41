"""What a sentiment back end is, what it may be told, and what it gives: a score from -1 to 1, or why there is none.

A back end that scores every text has ``score`` alone; ``sentiments_of`` asks both kinds.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from emotion_pipeline.engine.common.code_enum import CodeEnum
from emotion_pipeline.engine.common.errors import EmotionPipelineError

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection


@dataclass(frozen=True, slots=True)
class SentimentOptions:
    """What back ends may be told; each takes what concerns it."""

    # Opens a connection to Snowflake, see ``snowflake.session``; None where nothing is set up.
    connect: "Callable[[], SnowflakeConnection] | None" = field(default=None, repr=False)
    # Where a service's answers are kept, as SQL names the schema; None is the one that the connection is in.
    cache_schema: str | None = None
    # That one call may use of a service that is paid by tokens; None sets no limit.
    max_tokens: int | None = None


class SentimentBackend(Protocol):
    """Scores texts; implementations are safe to share between threads."""

    @property
    def fingerprint(self) -> str:
        """``backend:name:version:hash12``; another fingerprint means that other scores are possible."""
        ...

    @property
    def languages(self) -> Collection[str]:
        """The languages that it reads, ISO 639-1."""
        ...

    def score(self, texts: Sequence[str]) -> list[float]:
        """One value in [-1, 1] per text; 0 is neutral, and what an empty text gets."""
        ...


class UnscoredReason(CodeEnum):
    """Why a text has no sentiment; ``meaning`` is one sentence."""

    LANGUAGE_NOT_SUPPORTED = "language_not_supported", "The back end does not read the language; the text was not sent."
    NO_WORDS = "no_words", "Somebody speaks, and no words are believed; only the tone is known."
    REFUSED = "refused", "The back end gave no answer for this text; it is asked again next time."


class TextNotScoredError(EmotionPipelineError):
    """A text without a score where every one must have one."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"text {number} has no sentiment: {UnscoredReason(reason).meaning}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Sentiment:
    """A score in [-1, 1], or None and an ``UnscoredReason``."""

    score: float | None
    reason: str | None = None


@runtime_checkable
class PartialBackend(Protocol):
    """A sentiment back end that may have no score for a text."""

    def sentiments(self, texts: Sequence[str]) -> list[Sentiment]:
        """Return one sentiment per text, in order."""
        ...


def sentiments_of(backend: SentimentBackend, texts: Sequence[str]) -> list[Sentiment]:
    """Return one sentiment per text, in order, from either kind of back end."""
    if isinstance(backend, PartialBackend):
        return backend.sentiments(texts)
    return [Sentiment(score) for score in backend.score(texts)]
