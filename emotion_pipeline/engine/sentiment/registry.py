"""The sentiment back ends by name. What each gives is described in ``base``; each is a module of its own."""

from typing import TYPE_CHECKING, Final

from emotion_pipeline.engine.models.registry import BackendSpec, Registry
from emotion_pipeline.engine.sentiment.base import SentimentBackend, SentimentOptions
from emotion_pipeline.engine.sentiment.emotion import EmotionSentiment
from emotion_pipeline.engine.sentiment.vader import VaderSentiment

if TYPE_CHECKING:
    from emotion_pipeline.engine.emotion.predictor import EmotionPredictor


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
