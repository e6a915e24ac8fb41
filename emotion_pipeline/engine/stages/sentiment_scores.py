"""``sentiment_scores``: how favourable every segment's words are, -1 to 1, or why they have no score."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emotion_pipeline.engine.emotion.taxonomy import LABELS
from emotion_pipeline.engine.sentiment.base import Sentiment, SentimentBackend, UnscoredReason, sentiments_of
from emotion_pipeline.engine.sentiment.emotion import EmotionSentiment
from emotion_pipeline.engine.stages.reuse import StageResult, complete_by_segment, is_read
from emotion_pipeline.engine.stages.tables import SENTIMENT_SCORES


def score_sentiment(
    segments: pd.DataFrame,
    previous: pd.DataFrame | None,
    backend: SentimentBackend,
    labels: pd.DataFrame | None = None,
) -> StageResult:
    """Return the sentiment of every segment, -1 to 1, or why it has none; what was refused before is asked again.

    :param labels: rows of ``emotion_labels`` from which the back end's scores follow, so that no model is asked again
    """

    def score(readable: pd.DataFrame) -> list[Sentiment]:
        texts = readable["text"].tolist()
        if labels is not None and isinstance(backend, EmotionSentiment):
            scores = backend.score_known(texts, _label_probabilities(labels, readable["segment_id"]))
            return [Sentiment(value) for value in scores]
        return sentiments_of(backend, texts) if texts else []

    def compute(missing: pd.DataFrame) -> pd.DataFrame:
        texts, languages = missing["text"], missing["language"]
        unread = [_why_unread(text, language, backend) for text, language in zip(texts, languages, strict=True)]
        scored = iter(score(missing[[reason is None for reason in unread]]))
        sentiments = [next(scored) if reason is None else Sentiment(None, reason) for reason in unread]
        return pd.DataFrame(
            {
                "segment_id": missing["segment_id"].to_numpy(),
                "sentiment_score": np.array([sentiment.score for sentiment in sentiments], dtype=float),
                "reason": np.array([sentiment.reason for sentiment in sentiments], dtype=object),
            }
        )

    settled = None if previous is None else previous[previous["reason"] != UnscoredReason.REFUSED]
    return complete_by_segment(segments, settled, SENTIMENT_SCORES, backend.fingerprint, compute)


def _why_unread(text: str, language: str | None, backend: SentimentBackend) -> UnscoredReason | None:
    if not text:
        return UnscoredReason.NO_WORDS
    return None if is_read(language, backend.languages) else UnscoredReason.LANGUAGE_NOT_SUPPORTED


def _label_probabilities(labels: pd.DataFrame, segment_ids: pd.Series) -> NDArray[np.float32]:
    """Return the probabilities of ``taxonomy.LABELS`` that were stored of segments, shape ``(n, 28)``."""
    stored = labels.drop_duplicates("segment_id").set_index("segment_id")["label_scores"]
    rows = [{entry["label"]: entry["probability"] for entry in stored.loc[key]} for key in segment_ids]
    return np.array([[row[label] for label in LABELS] for row in rows], dtype=np.float32).reshape(-1, len(LABELS))
