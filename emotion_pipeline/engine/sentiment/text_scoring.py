"""What texts feel like and how favourable they are, together: what the command line and the REST API say of a text.

Where the sentiment follows from the text emotion model's own probabilities, as it does by default, that model reads
each text once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emotion_pipeline.engine.common.types import EmotionResult
from emotion_pipeline.engine.emotion.taxonomy import LABELS
from emotion_pipeline.engine.sentiment.base import SentimentBackend, sentiments_of
from emotion_pipeline.engine.sentiment.emotion import EmotionSentiment

if TYPE_CHECKING:
    from emotion_pipeline.engine.emotion.predictor import EmotionPredictor


@dataclass(frozen=True, slots=True)
class TextJudgement:
    """One text with its emotion and its sentiment in [-1, 1], None where the back end has none for it."""

    text: str
    emotion: EmotionResult
    sentiment_score: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values on one level, as JSON wants them."""
        return {"text": self.text, **self.emotion.to_dict(), "sentiment_score": self.sentiment_score}


def judge(texts: Sequence[str], predictor: "EmotionPredictor", sentiment: SentimentBackend) -> list[TextJudgement]:
    """Return one judgement per text, in order."""
    emotions = predictor.predict(texts)
    if isinstance(sentiment, EmotionSentiment) and sentiment.follows_from(predictor):
        known = [[one.label_scores[label] for label in LABELS] for one in emotions]
        scores = sentiment.score_known(texts, np.array(known, dtype=np.float32).reshape(-1, len(LABELS)))
    else:
        scores = [one.score for one in sentiments_of(sentiment, texts)]
    return [TextJudgement(*one) for one in zip(texts, emotions, scores, strict=True)]
