"""Speech emotion analytics as a data pipeline.

Importing the package loads neither Dagster nor torch; ``EmotionPredictor`` is fetched when it is asked for.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emotion_pipeline.engine.emotion.predictor import EmotionPredictor

    __version__: str

__all__ = ["EmotionPredictor", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "EmotionPredictor":
        return import_module("emotion_pipeline.engine.emotion.predictor").EmotionPredictor
    if name == "__version__":
        return version("emotion-pipeline")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
