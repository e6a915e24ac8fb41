"""``linguistic_features``: the 42 features of every segment's words."""

import dagster as dg
import pandas as pd

from emotion_pipeline.assets.table_asset import Batch, previous_rows, table_asset
from emotion_pipeline.engine.stages.linguistic_features import describe
from emotion_pipeline.engine.stages.tables import LINGUISTIC_FEATURES
from emotion_pipeline.resources.models import Models
from emotion_pipeline.warehouse.base import Warehouse


@table_asset(LINGUISTIC_FEATURES, group="language")
def linguistic_features(
    context: dg.AssetExecutionContext, segments: pd.DataFrame, warehouse: dg.ResourceParam[Warehouse], models: Models
) -> Batch:
    result = describe(segments, previous_rows(context, warehouse), models.backends.features)
    return Batch(result, preview=("segment_id", "token_count", "lexical_variety", "nrc_positive", "nrc_negative"))
