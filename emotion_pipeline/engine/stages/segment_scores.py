"""``linguistic_features``, ``sentiment_scores`` and ``emotion_labels``: what the words of each segment say."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emotion_pipeline.engine.common.types import EmotionResult
from emotion_pipeline.engine.emotion.predictor import EmotionPredictor
from emotion_pipeline.engine.emotion.taxonomy import BASE_EMOTIONS, LABELS
from emotion_pipeline.engine.sentiment.base import Sentiment, SentimentBackend, UnscoredReason, sentiments_of
from emotion_pipeline.engine.sentiment.emotion import EmotionSentiment
from emotion_pipeline.engine.stages.reuse import StageResult, complete
from emotion_pipeline.engine.text.feature_table import FEATURE_NAMES
from emotion_pipeline.engine.text.features import FeatureExtractor

SEGMENT_KEY = ["recording_date", "recording_id", "segment_id"]
_LABELLED = (
    "base_emotion",
    "base_probability",
    "sub_emotion",
    "sub_probability",
    "intensity",
    "intensity_probability",
    "uncertain",
    "labels",
    *(f"probability_{base.lower()}" for base in BASE_EMOTIONS),
    "label_scores",
)


def describe(segments: pd.DataFrame, previous: pd.DataFrame | None, extractor: FeatureExtractor) -> StageResult:
    """Return the 42 linguistic features of every segment."""

    def compute(missing: pd.DataFrame) -> pd.DataFrame:
        features = extractor.extract(missing["text"].tolist())
        frame = pd.DataFrame(features.astype(float), columns=list(FEATURE_NAMES))
        return frame.assign(segment_id=missing["segment_id"].to_numpy())

    return _by_segment(segments, previous, FEATURE_NAMES, extractor.fingerprint, compute)


def score_sentiment(
    segments: pd.DataFrame,
    previous: pd.DataFrame | None,
    backend: SentimentBackend,
    labels: pd.DataFrame | None = None,
) -> StageResult:
    """Return the sentiment of every segment, -1 to 1, or why it has none; what was refused before is asked again.

    :param labels: rows of ``emotion_labels`` from which the back end's scores follow, so that no model is asked again
    """

    def compute(missing: pd.DataFrame) -> pd.DataFrame:
        texts = missing["text"].tolist()
        if labels is not None and isinstance(backend, EmotionSentiment):
            known = backend.score_known(texts, _label_probabilities(labels, missing["segment_id"]))
            judged = [Sentiment(score) for score in known]
        else:
            judged = sentiments_of(backend, texts)
        return pd.DataFrame(
            {
                "segment_id": missing["segment_id"],
                "sentiment_score": pd.Series([one.score for one in judged], index=missing.index, dtype=float),
                "reason": pd.Series([one.reason for one in judged], index=missing.index, dtype=object),
            }
        )

    settled = None if previous is None else previous[previous["reason"] != UnscoredReason.REFUSED]
    return _by_segment(segments, settled, ("sentiment_score", "reason"), backend.fingerprint, compute)


def label_emotions(
    segments: pd.DataFrame, features: pd.DataFrame, previous: pd.DataFrame | None, predictor: EmotionPredictor
) -> StageResult:
    """Return the text emotion of every segment that has features, from its words and those features."""
    known = features.drop_duplicates("segment_id").set_index("segment_id")[list(FEATURE_NAMES)]
    described = segments[segments["segment_id"].isin(known.index)].reset_index(drop=True)

    def compute(missing: pd.DataFrame) -> pd.DataFrame:
        vectors = known.loc[missing["segment_id"]].to_numpy(dtype="float32")
        results = predictor.predict(missing["text"].tolist(), features=vectors)
        rows = [
            {"segment_id": key} | _emotion_row(one) for key, one in zip(missing["segment_id"], results, strict=True)
        ]
        return pd.DataFrame(rows)

    return _by_segment(described, previous, _LABELLED, predictor.fingerprint, compute)


def _by_segment(
    segments: pd.DataFrame,
    previous: pd.DataFrame | None,
    made: Sequence[str],
    fingerprint: str,
    compute: Callable[[pd.DataFrame], pd.DataFrame],
) -> StageResult:
    wanted = segments[[*SEGMENT_KEY, "text"]]
    result = complete(
        wanted, previous, key="segment_id", made=made, fingerprint=fingerprint, compute=compute, text="text"
    )
    return replace(result, rows=result.rows.drop(columns="text"))


def _label_probabilities(labels: pd.DataFrame, segment_ids: pd.Series) -> NDArray[np.float32]:
    """Return the probabilities of ``taxonomy.LABELS`` that were stored of segments, shape ``(n, 28)``."""
    stored = labels.drop_duplicates("segment_id").set_index("segment_id")["label_scores"]
    rows = [{one["label"]: one["probability"] for one in stored.loc[key]} for key in segment_ids]
    return np.array([[row[label] for label in LABELS] for row in rows], dtype=np.float32).reshape(-1, len(LABELS))


def _emotion_row(result: EmotionResult) -> dict[str, Any]:
    return {
        "base_emotion": result.base,
        "base_probability": result.base_probability,
        "sub_emotion": result.sub_emotion,
        "sub_probability": result.sub_probability,
        "intensity": result.intensity,
        "intensity_probability": result.intensity_probability,
        "uncertain": result.uncertain,
        "labels": list(result.labels),
        **{f"probability_{base.lower()}": value for base, value in result.base_probabilities.items()},
        "label_scores": [{"label": label, "probability": value} for label, value in result.label_scores.items()],
    }
