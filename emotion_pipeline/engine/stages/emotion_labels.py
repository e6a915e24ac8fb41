"""``emotion_labels``: the text emotion of every segment, from its words and their features."""

from typing import Any

import pandas as pd

from emotion_pipeline.engine.common.types import EmotionResult
from emotion_pipeline.engine.emotion.predictor import EmotionPredictor
from emotion_pipeline.engine.emotion.taxonomy import BASE_EMOTIONS
from emotion_pipeline.engine.stages.by_segment import complete_by_segment
from emotion_pipeline.engine.stages.reuse import StageResult
from emotion_pipeline.engine.text.feature_table import FEATURE_NAMES

_LABELLED = (
    "base_emotion",
    "base_probability",
    "sub_emotion",
    "sub_probability",
    "intensity",
    "intensity_probability",
    "uncertain",
    "labels",
    *(f"probability_{base.lower()}" for base in BASE_EMOTIONS),
    "label_scores",
)


def label_emotions(
    segments: pd.DataFrame, features: pd.DataFrame, previous: pd.DataFrame | None, predictor: EmotionPredictor
) -> StageResult:
    """Return the text emotion of every segment that has features, from its words and those features."""
    known = features.drop_duplicates("segment_id").set_index("segment_id")[list(FEATURE_NAMES)]
    described = segments[segments["segment_id"].isin(known.index)].reset_index(drop=True)

    def compute(missing: pd.DataFrame) -> pd.DataFrame:
        vectors = known.loc[missing["segment_id"]].to_numpy(dtype="float32")
        results = predictor.predict(missing["text"].tolist(), features=vectors)
        rows = [
            {"segment_id": key} | _emotion_row(one) for key, one in zip(missing["segment_id"], results, strict=True)
        ]
        return pd.DataFrame(rows)

    return complete_by_segment(described, previous, _LABELLED, predictor.fingerprint, compute)


def _emotion_row(result: EmotionResult) -> dict[str, Any]:
    return {
        "base_emotion": result.base,
        "base_probability": result.base_probability,
        "sub_emotion": result.sub_emotion,
        "sub_probability": result.sub_probability,
        "intensity": result.intensity,
        "intensity_probability": result.intensity_probability,
        "uncertain": result.uncertain,
        "labels": list(result.labels),
        **{f"probability_{base.lower()}": value for base, value in result.base_probabilities.items()},
        "label_scores": [{"label": label, "probability": value} for label, value in result.label_scores.items()],
    }
