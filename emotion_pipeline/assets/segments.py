"""``segments``: transcripts divided into sentences and turns."""

import dagster as dg
import pandas as pd

from emotion_pipeline.assets.table_asset import Batch, table_asset
from emotion_pipeline.engine.stages.segments import segment
from emotion_pipeline.engine.stages.tables import SEGMENTS


@table_asset(SEGMENTS, group="speech")
def segments(context: dg.AssetExecutionContext, transcripts: pd.DataFrame) -> Batch:
    result = segment(transcripts)
    rows = result.rows
    return Batch(
        result,
        preview=("file", "speaker", "start_seconds", "end_seconds", "word_count"),
        metadata={
            "speakers": int(rows.groupby("recording_id")["speaker"].nunique().sum()),
            "segment_seconds": float((rows["end_seconds"] - rows["start_seconds"]).sum()),
        },
    )
