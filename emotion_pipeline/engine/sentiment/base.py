"""A sentiment that may be missing, and why: plain data, read by tables, stages and the back ends that can fail.

A back end that scores every text needs none of it; ``sentiments_of`` asks both kinds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from emotion_pipeline.engine.common.code_enum import Explained
from emotion_pipeline.engine.common.errors import EmotionPipelineError

if TYPE_CHECKING:
    from emotion_pipeline.engine.sentiment.registry import SentimentBackend


class UnscoredReason(Explained):
    """Why a text has no sentiment; ``meaning`` is one sentence."""

    LANGUAGE_NOT_SUPPORTED = "language_not_supported", "The back end does not read the language; the text was not sent."
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
class JudgingBackend(Protocol):
    """A sentiment back end that may have no score for a text."""

    def judge(self, texts: Sequence[str]) -> list[Sentiment]:
        """Return one sentiment per text, in order."""
        ...


def sentiments_of(backend: "SentimentBackend", texts: Sequence[str]) -> list[Sentiment]:
    """Return one sentiment per text, in order, from either kind of back end."""
    if isinstance(backend, JudgingBackend):
        return backend.judge(texts)
    return [Sentiment(score) for score in backend.score(texts)]
