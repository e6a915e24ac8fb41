"""``sentiment_scores``: how favourable every segment's words are."""

import dagster as dg
import pandas as pd

from emotion_pipeline.assets.figures import mean, share
from emotion_pipeline.assets.table_asset import Batch, previous_rows, table_asset
from emotion_pipeline.engine.stages.sentiment_scores import score_sentiment
from emotion_pipeline.engine.stages.tables import SENTIMENT_SCORES
from emotion_pipeline.resources.gpu import POOL
from emotion_pipeline.resources.models import Models
from emotion_pipeline.warehouse.base import Warehouse


@table_asset(SENTIMENT_SCORES, group="language", pool=POOL)
def sentiment_scores(
    context: dg.AssetExecutionContext, segments: pd.DataFrame, warehouse: dg.ResourceParam[Warehouse], models: Models
) -> Batch:
    result = score_sentiment(segments, previous_rows(context, warehouse), models.backends.sentiment)
    scores = result.rows["sentiment_score"]
    return Batch(
        result,
        preview=("segment_id", "sentiment_score", "reason"),
        metadata={
            "without_score": int(scores.isna().sum()),
            **share("without_score", scores.isna()),
            **mean("sentiment", scores),
        },
    )
