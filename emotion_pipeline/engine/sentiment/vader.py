"""Sentiment by VADER's lexicon and rules."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from emotion_pipeline.engine.text.language import ENGLISH


class VaderSentiment:
    """The compound score of VADER, a lexicon with rules for negation, emphasis and contrast.

    Hutto and Gilbert (2014), "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text",
    ICWSM.
    """

    languages = ENGLISH

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
