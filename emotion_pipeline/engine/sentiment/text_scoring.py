"""Emotion and sentiment of texts together, as the command line and the REST API give them.

Where the sentiment follows from the text emotion model's own probabilities, as it does by default, that model reads
each text once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from emotion_pipeline.engine.agreement import contradicts
from emotion_pipeline.engine.common.types import EmotionResult
from emotion_pipeline.engine.emotion.taxonomy import LABELS
from emotion_pipeline.engine.sentiment.base import SentimentBackend, sentiments_of
from emotion_pipeline.engine.sentiment.emotion import EmotionSentiment

if TYPE_CHECKING:
    from emotion_pipeline.engine.emotion.predictor import EmotionPredictor

# The notice of a text whose sentiment contradicts its emotion.
CONTRADICTORY: Final = "contradictory"


@dataclass(frozen=True, slots=True)
class TextScore:
    """One text with its emotion and its sentiment in [-1, 1], None where the back end has none for it."""

    text: str
    emotion: EmotionResult
    sentiment_score: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values on one level, as JSON wants them."""
        emotion = self.emotion.to_dict()
        if contradicts(self.emotion.base, self.sentiment_score):
            emotion["notices"] = (*emotion["notices"], CONTRADICTORY)
        return {"text": self.text, **emotion, "sentiment_score": self.sentiment_score}


def score_texts(texts: Sequence[str], predictor: "EmotionPredictor", sentiment: SentimentBackend) -> list[TextScore]:
    """Return one score per text, in order."""
    emotions = predictor.predict(texts)
    if isinstance(sentiment, EmotionSentiment) and sentiment.follows_from(predictor):
        labels = [[emotion.label_scores[label] for label in LABELS] for emotion in emotions]
        scores = sentiment.score_known(texts, np.array(labels, dtype=np.float32).reshape(-1, len(LABELS)))
    else:
        scores = [result.score for result in sentiments_of(sentiment, texts)]
    return [TextScore(*row) for row in zip(texts, emotions, scores, strict=True)]
