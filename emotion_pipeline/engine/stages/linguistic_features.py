"""``linguistic_features``: the 42 features of every segment's words."""

import pandas as pd

from emotion_pipeline.engine.stages.reuse import StageResult, complete_by_segment
from emotion_pipeline.engine.stages.tables import LINGUISTIC_FEATURES
from emotion_pipeline.engine.text.feature_table import FEATURE_NAMES
from emotion_pipeline.engine.text.features import FeatureExtractor


def describe(segments: pd.DataFrame, previous: pd.DataFrame | None, extractor: FeatureExtractor) -> StageResult:
    """Return the 42 linguistic features of every segment."""

    def compute(missing: pd.DataFrame) -> pd.DataFrame:
        features = extractor.extract(missing["text"].tolist())
        frame = pd.DataFrame(features.astype(float), columns=list(FEATURE_NAMES))
        return frame.assign(segment_id=missing["segment_id"].to_numpy())

    return complete_by_segment(segments, previous, LINGUISTIC_FEATURES, extractor.fingerprint, compute)
