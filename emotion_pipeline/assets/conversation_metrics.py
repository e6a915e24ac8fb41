"""``conversation_metrics``: how calls went, and what each speaker did."""

import dagster as dg
import pandas as pd

from emotion_pipeline.assets.figures import mean, share
from emotion_pipeline.assets.table_asset import Batch, previous_rows, table_asset
from emotion_pipeline.engine.stages.conversation_metrics import measure
from emotion_pipeline.engine.stages.tables import CONVERSATION_METRICS
from emotion_pipeline.resources.models import Models
from emotion_pipeline.warehouse.base import Warehouse
from emotion_pipeline.warehouse.files import Files


@table_asset(CONVERSATION_METRICS, group="result")
def conversation_metrics(
    context: dg.AssetExecutionContext,
    transcripts: pd.DataFrame,
    segments: pd.DataFrame,
    tone_scores: pd.DataFrame,
    sentiment_scores: pd.DataFrame,
    warehouse: dg.ResourceParam[Warehouse],
    files: dg.ResourceParam[Files],
    models: Models,
) -> Batch:
    previous = previous_rows(context, warehouse)
    roles_by_channel = models.backends.roles_by_channel
    result = measure(transcripts, segments, tone_scores, sentiment_scores, previous, files, roles_by_channel)
    calls = result.rows[result.rows["scope"] == "recording"]
    return Batch(
        result,
        preview=("scope", "file", "speaker_role", "turns", "talk_share", "interruptions", "loudness_lufs", "escalated"),
        metadata={
            "interruptions": int(calls["interruptions"].sum()),
            "escalated": int(calls["escalated"].sum()),
            **share("escalated", calls["escalated"]),
            **mean("talk_share", calls["talk_share"]),
        },
    )
