"""``transcripts``: what was said, when and by whom.

Transcription takes the device, or every core that it is given, so runs take turns at it.
"""

import dagster as dg
import pandas as pd

from emotion_pipeline.assets.figures import mean, share
from emotion_pipeline.assets.table_asset import Batch, previous_rows, table_asset
from emotion_pipeline.engine.stages.tables import TRANSCRIPTS
from emotion_pipeline.engine.stages.transcripts import transcribe
from emotion_pipeline.resources.gpu import POOL
from emotion_pipeline.resources.models import Models
from emotion_pipeline.warehouse.base import Warehouse
from emotion_pipeline.warehouse.files import Files


@table_asset(TRANSCRIPTS, group="speech", pool=POOL)
def transcripts(
    context: dg.AssetExecutionContext,
    raw_audio: pd.DataFrame,
    warehouse: dg.ResourceParam[Warehouse],
    files: dg.ResourceParam[Files],
    models: Models,
) -> Batch:
    previous = previous_rows(context, warehouse)
    result = transcribe(raw_audio, previous, models.backends.transcript_maker, files, files.checkpoints)
    rows = result.rows
    return Batch(
        result,
        preview=("file", "status", "word_count", "mean_word_probability", "language"),
        metadata={
            "words": int(rows["word_count"].sum()),
            "speech_seconds": float(rows["speech_seconds"].sum()),
            "without_words": int((rows["status"] != "transcribed").sum()),
            **share("without_words", rows["status"] != "transcribed"),
            **mean("confidence", rows["mean_word_probability"]),
            "failed": int((rows["status"] == "failed").sum()),
            "dropped_spans": int(rows["dropped"].map(len).sum()),
            "redacted_spans": int(rows["redacted"].map(len).sum()),
        },
    )
