"""Speech emotion analytics as a data pipeline. Importing the package loads neither Dagster nor torch."""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from emotion_pipeline.analyzer import AudioAnalyzer
    from emotion_pipeline.engine.emotion.predictor import EmotionPredictor

    __version__: str

__all__ = ["AudioAnalyzer", "EmotionPredictor", "__version__"]

_MODULES: Final = {
    "AudioAnalyzer": "emotion_pipeline.analyzer",
    "EmotionPredictor": "emotion_pipeline.engine.emotion.predictor",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    if name == "__version__":
        return version("emotion-pipeline")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
