"""How favourable a text is, from -1 to 1, by a back end of the caller's choice.

What a text feels like belongs to ``emotion``; whether sentiment and tone agree belongs to ``agreement``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.emotion.taxonomy import LABELS, SENTIMENT_GROUPS
from emotion_pipeline.engine.models.registry import BackendSpec, Registry
from emotion_pipeline.engine.text.tokens import says_something

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from emotion_pipeline.engine.emotion.predictor import EmotionPredictor


@dataclass(frozen=True, slots=True)
class SentimentOptions:
    """What back ends may be told; each takes what concerns it."""

    # Opens a connection to Snowflake, see ``cortex.session``; None where nothing is set up.
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


class EmotionSentiment:
    """What the emotion model's 28 probabilities say together: positive less negative, as a share of all.

    The groups are GoEmotions' own (``taxonomy.SENTIMENT_GROUPS``); ambiguous and neutral labels draw towards 0.
    """

    def __init__(self, predictor: "EmotionPredictor") -> None:
        self._predictor = predictor

    @property
    def fingerprint(self) -> str:
        return f"emotion:{self._predictor.model_fingerprint.partition(':')[2]}"

    def follows_from(self, predictor: "EmotionPredictor") -> bool:
        """Tell whether what this predictor said of a text is all that its sentiment needs."""
        return self._predictor is predictor

    def score(self, texts: Sequence[str]) -> list[float]:
        return self.score_known(texts, self._predictor.label_probabilities(texts))

    def score_known(self, texts: Sequence[str], probabilities: NDArray[np.float32]) -> list[float]:
        """Return what ``score`` returns, from the label probabilities of the texts, shape ``(n, 28)``."""
        columns = {name: [LABELS.index(one) for one in group] for name, group in SENTIMENT_GROUPS.items()}
        sums = {name: probabilities[:, group].sum(axis=1) for name, group in columns.items()}
        balance = (sums["positive"] - sums["negative"]) / probabilities.sum(axis=1).clip(min=1e-6)
        return [float(value) if says_something(text) else 0.0 for text, value in zip(texts, balance, strict=True)]


def _make_emotion(predictor: "EmotionPredictor | None", options: SentimentOptions) -> SentimentBackend:
    del options  # it needs none
    from emotion_pipeline.engine.emotion.predictor import EmotionPredictor

    return EmotionSentiment(predictor or EmotionPredictor())


def _make_vader(predictor: "EmotionPredictor | None", options: SentimentOptions) -> SentimentBackend:
    del predictor, options  # it needs none
    return VaderSentiment()


def _cortex(name: str, summary: str, function: str) -> BackendSpec[SentimentBackend]:
    def make(predictor: "EmotionPredictor | None", options: SentimentOptions) -> SentimentBackend:
        del predictor  # it needs none
        from emotion_pipeline.engine.sentiment.cortex import cortex_sentiment

        return cortex_sentiment(function, options.connect, options.cache_schema, options.max_tokens)

    return BackendSpec(name, summary, make, requires=("snowflake.connector",))


SENTIMENTS: Final = Registry[SentimentBackend](
    "sentiment",
    [
        BackendSpec(
            "emotion", "the text emotion model's own probabilities", _make_emotion, carried_by="emotion-pipeline"
        ),
        BackendSpec(
            "vader",
            "VADER's lexicon and rules",
            _make_vader,
            requires=("vaderSentiment",),
            carried_by="vaderSentiment",
        ),
        _cortex("cortex", "Snowflake's SENTIMENT: English, needs SNOWFLAKE_* and sends the words there", "SENTIMENT"),
        _cortex("cortex-ai", "Snowflake's AI_SENTIMENT: labels, seven languages, needs SNOWFLAKE_*", "AI_SENTIMENT"),
    ],
)


def load_sentiment(
    name: str, predictor: "EmotionPredictor | None" = None, options: SentimentOptions | None = None
) -> SentimentBackend:
    """The back end of that name; ``predictor`` is one that is loaded already. Raises as ``Registry.load``."""
    return SENTIMENTS.load(name, predictor=predictor, options=options or SentimentOptions())
