"""How favourable a text is, from -1 to 1, by a back end of the caller's choice.

What a text feels like belongs to ``emotion``; whether sentiment and tone agree belongs to ``agreement``.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final, Protocol

from emotion_pipeline.engine.registry import BackendSpec, Registry


class SentimentBackend(Protocol):
    """Scores texts; implementations are safe to share between threads."""

    @property
    def fingerprint(self) -> str:
        """``backend:name:version:hash12``; another fingerprint means that other scores are possible."""
        ...

    def score(self, texts: Sequence[str]) -> list[float]:
        """One value in [-1, 1] per text; 0 is neutral, and what an empty text gets."""
        ...


class VaderSentiment:
    """The compound score of VADER, a lexicon with rules for negation, emphasis and contrast.

    Hutto and Gilbert (2014), "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text",
    ICWSM.
    """

    @cached_property
    def _analyzer(self) -> Any:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

        return SentimentIntensityAnalyzer()

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        from hashlib import sha256
        from importlib.metadata import version

        entries = "\n".join(f"{word}\t{value}" for word, value in sorted(self._analyzer.lexicon.items()))
        lexicon = sha256(entries.encode("utf-8", "surrogatepass")).hexdigest()
        return f"vader:lexicon:{version('vaderSentiment')}:{lexicon[:12]}"

    def score(self, texts: Sequence[str]) -> list[float]:
        return [float(self._analyzer.polarity_scores(text)["compound"]) for text in texts]


SENTIMENTS: Final = Registry[SentimentBackend](
    "sentiment", [BackendSpec("vader", "VADER's lexicon and rules", VaderSentiment, requires=("vaderSentiment",))]
)


def load_sentiment(name: str) -> SentimentBackend:
    """The back end of that name. Raises as ``Registry.load``."""
    return SENTIMENTS.load(name)
