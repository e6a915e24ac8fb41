"""``tone_scores``: how every segment sounded."""

from functools import partial

import dagster as dg
import pandas as pd

from emotion_pipeline.assets.pictures import envelope_of, tone_timeline
from emotion_pipeline.assets.table_asset import Batch, previous_rows, table_asset
from emotion_pipeline.engine.audio.decode import stream
from emotion_pipeline.engine.stages.tone import score_tone
from emotion_pipeline.resources.gpu import POOL
from emotion_pipeline.resources.lake import Lake
from emotion_pipeline.resources.models import Models
from emotion_pipeline.tables import TONE_SCORES

_PICTURED_RECORDINGS = 6


@table_asset(TONE_SCORES, group="tone", kinds={"python", "parquet"}, pool=POOL)
def tone_scores(context: dg.AssetExecutionContext, segments: pd.DataFrame, lake: Lake, models: Models) -> Batch:
    result = score_tone(segments, previous_rows(context, lake), models.tone_model, lake)
    return Batch(
        result,
        preview=("segment_id", "tone", "tone_probability"),
        pictures={"waveforms": partial(_picture, segments, result.rows, lake)} if len(result.rows) else {},
    )


def _picture(segments: pd.DataFrame, scores: pd.DataFrame, lake: Lake) -> dg.MarkdownMetadataValue:
    toned = segments.merge(scores[["segment_id", "tone"]], on="segment_id")
    pictured = []
    for (file, audio_uri), rows in list(toned.groupby(["file", "audio_uri"]))[:_PICTURED_RECORDINGS]:
        with lake.audio_file(str(audio_uri)) as path:
            pictured.append((str(file), envelope_of(stream(path)), rows))
    return tone_timeline(pictured)
