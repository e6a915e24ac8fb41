"""``tone_sentiment``: the documented result, for every recording and every segment."""

from functools import partial

import dagster as dg
import pandas as pd

from emotion_pipeline.assets.figures import share
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
    segment_rows = result.rows[result.rows["scope"] == "segment"]
    match = segment_rows["tone_sentiment_match"]
    counts = match.value_counts()
    return Batch(
        result,
        preview=("scope", "file", "emotion", "emotion_score", "sentiment_score", "tone_sentiment_match"),
        metadata={
            **share("match", match == Agreement.MATCH),
            **share("unknown", match == Agreement.UNKNOWN),
            **share("masked", segment_rows["masked"]),
        },
        pictures={
            "segments_by_match": partial(distribution, {str(value): int(counts.get(value, 0)) for value in Agreement})
        },
    )
