"""``emotion_labels``: the text emotion of every segment."""

from functools import partial

import dagster as dg
import pandas as pd

from emotion_pipeline.assets.figures import mean, share, shares
from emotion_pipeline.assets.pictures import distribution
from emotion_pipeline.assets.table_asset import Batch, previous_rows, table_asset
from emotion_pipeline.engine.emotion.taxonomy import BASE_EMOTIONS
from emotion_pipeline.engine.stages.emotion_labels import label_emotions
from emotion_pipeline.engine.stages.tables import EMOTION_LABELS
from emotion_pipeline.resources.gpu import POOL
from emotion_pipeline.resources.models import Models
from emotion_pipeline.warehouse.base import Warehouse


@table_asset(EMOTION_LABELS, group="language", pool=POOL)
def emotion_labels(
    context: dg.AssetExecutionContext,
    segments: pd.DataFrame,
    linguistic_features: pd.DataFrame,
    warehouse: dg.ResourceParam[Warehouse],
    models: Models,
) -> Batch:
    result = label_emotions(segments, linguistic_features, previous_rows(context, warehouse), models.backends.emotion)
    rows = result.rows
    counts = rows["base_emotion"].value_counts()
    return Batch(
        result,
        preview=("segment_id", "base_emotion", "base_probability", "sub_emotion", "intensity", "uncertain"),
        metadata={
            "uncertain": int(rows["uncertain"].sum()),
            **share("uncertain", rows["uncertain"]),
            **mean("confidence", rows["base_probability"]),
            **shares(rows["base_emotion"], BASE_EMOTIONS),
        },
        pictures={"distribution": partial(distribution, {base: int(counts.get(base, 0)) for base in BASE_EMOTIONS})},
    )
