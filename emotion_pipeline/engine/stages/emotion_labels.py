"""``emotion_labels``: the text emotion of every segment, from its words and their features."""

from typing import Any

import pandas as pd

from emotion_pipeline.engine.common.types import EmotionResult
from emotion_pipeline.engine.emotion.predictor import EmotionPredictor, not_english
from emotion_pipeline.engine.stages.reuse import StageResult, complete_by_segment, is_read
from emotion_pipeline.engine.stages.tables import EMOTION_LABELS
from emotion_pipeline.engine.text.feature_table import FEATURE_NAMES
from emotion_pipeline.engine.text.language import ENGLISH


def label_emotions(
    segments: pd.DataFrame, features: pd.DataFrame, previous: pd.DataFrame | None, predictor: EmotionPredictor
) -> StageResult:
    """Return the text emotion of every segment that has features, from its words and those features."""
    vectors = features.drop_duplicates("segment_id").set_index("segment_id")[list(FEATURE_NAMES)]
    described = segments[segments["segment_id"].isin(vectors.index)].reset_index(drop=True)

    def compute(missing: pd.DataFrame) -> pd.DataFrame:
        described_by = vectors.loc[missing["segment_id"]].to_numpy(dtype="float32")
        results = predictor.predict(missing["text"].tolist(), features=described_by)
        return pd.DataFrame(
            {"segment_id": key} | _row(result if is_read(language, ENGLISH) else not_english(result))
            for key, language, result in zip(missing["segment_id"], missing["language"], results, strict=True)
        )

    return complete_by_segment(described, previous, EMOTION_LABELS, predictor.fingerprint, compute)


def _row(result: EmotionResult) -> dict[str, Any]:
    return {
        "base_emotion": result.base,
        "base_probability": result.base_probability,
        "sub_emotion": result.sub_emotion,
        "sub_probability": result.sub_probability,
        "intensity": result.intensity,
        "intensity_probability": result.intensity_probability,
        "uncertain": result.uncertain,
        "notices": list(result.notices),
        "labels": list(result.labels),
        **{f"probability_{base.lower()}": value for base, value in result.base_probabilities.items()},
        "label_scores": [{"label": label, "probability": value} for label, value in result.label_scores.items()],
    }
