"""Scaling the 42 linguistic features to comparable sizes, for every model that reads them."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.text.feature_table import FEATURES

_UNBOUNDED: Final = np.array([feature.maximum is None for feature in FEATURES])


@dataclass(frozen=True, slots=True)
class FeatureScale:
    """Takes the logarithm of unbounded features; then centres all, scales them to unit variance and cuts them at 4."""

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]

    @classmethod
    def fit(cls, features: NDArray[np.float32]) -> "FeatureScale":
        damped = _damp(features)
        return cls(damped.mean(axis=0), np.maximum(damped.std(axis=0), 1e-3))

    def apply(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.clip((_damp(features) - self.mean) / self.deviation, -4.0, 4.0).astype(np.float32)


def _damp(features: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.where(_UNBOUNDED, np.log1p(features), features).astype(np.float32)
