"""``tone_sentiment``: the documented result, for every recording and every segment."""

from functools import partial

import dagster as dg
import pandas as pd

from emotion_pipeline.assets.pictures import distribution
from emotion_pipeline.assets.table_asset import Batch, table_asset
from emotion_pipeline.engine.agreement import Agreement
from emotion_pipeline.engine.stages.tables import TONE_SENTIMENT
from emotion_pipeline.engine.stages.tone_sentiment import compare


@table_asset(TONE_SENTIMENT, group="result")
def tone_sentiment(
    context: dg.AssetExecutionContext,
    transcripts: pd.DataFrame,
    segments: pd.DataFrame,
    tone_scores: pd.DataFrame,
    sentiment_scores: pd.DataFrame,
    emotion_labels: pd.DataFrame,
) -> Batch:
    result = compare(transcripts, segments, tone_scores, sentiment_scores, emotion_labels)
    matches = result.rows.loc[result.rows["scope"] == "segment", "tone_sentiment_match"].value_counts()
    return Batch(
        result,
        preview=("scope", "file", "emotion", "emotion_score", "sentiment_score", "tone_sentiment_match"),
        pictures={
            "segments_by_match": partial(distribution, {str(match): int(matches.get(match, 0)) for match in Agreement})
        },
    )
