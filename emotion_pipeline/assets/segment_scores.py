"""``linguistic_features``, ``sentiment_scores`` and ``emotion_labels``: what the words of every segment say."""

from functools import partial

import dagster as dg
import pandas as pd

from emotion_pipeline.assets.pictures import distribution
from emotion_pipeline.assets.table_asset import Batch, previous_rows, table_asset
from emotion_pipeline.engine.emotion.taxonomy import BASE_EMOTIONS
from emotion_pipeline.engine.stages.segment_scores import describe, label_emotions, score_sentiment
from emotion_pipeline.resources.gpu import POOL
from emotion_pipeline.resources.models import Models
from emotion_pipeline.schema.tables import EMOTION_LABELS, LINGUISTIC_FEATURES, SENTIMENT_SCORES
from emotion_pipeline.warehouse.base import Warehouse


@table_asset(LINGUISTIC_FEATURES, group="language")
def linguistic_features(
    context: dg.AssetExecutionContext, segments: pd.DataFrame, warehouse: dg.ResourceParam[Warehouse], models: Models
) -> Batch:
    result = describe(segments, previous_rows(context, warehouse), models.features)
    return Batch(result, preview=("segment_id", "token_count", "lexical_variety", "nrc_positive", "nrc_negative"))


@table_asset(SENTIMENT_SCORES, group="language", pool=POOL)
def sentiment_scores(
    context: dg.AssetExecutionContext, segments: pd.DataFrame, warehouse: dg.ResourceParam[Warehouse], models: Models
) -> Batch:
    result = score_sentiment(segments, previous_rows(context, warehouse), models.sentiment_model)
    scores = result.rows["sentiment_score"].astype(float).dropna()
    metadata = {"without_score": len(result.rows) - len(scores)}
    return Batch(
        result,
        preview=("segment_id", "sentiment_score", "reason"),
        metadata=metadata | ({"mean_sentiment": float(scores.mean())} if len(scores) else {}),
    )


@table_asset(EMOTION_LABELS, group="language", pool=POOL)
def emotion_labels(
    context: dg.AssetExecutionContext,
    segments: pd.DataFrame,
    linguistic_features: pd.DataFrame,
    warehouse: dg.ResourceParam[Warehouse],
    models: Models,
) -> Batch:
    result = label_emotions(segments, linguistic_features, previous_rows(context, warehouse), models.emotion)
    counts = result.rows["base_emotion"].value_counts()
    return Batch(
        result,
        preview=("segment_id", "base_emotion", "base_probability", "sub_emotion", "intensity", "uncertain"),
        metadata={"uncertain": int(result.rows["uncertain"].sum())},
        pictures={"distribution": partial(distribution, {one: int(counts.get(one, 0)) for one in BASE_EMOTIONS})},
    )
