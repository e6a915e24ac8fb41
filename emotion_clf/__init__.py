"""The documented import name: names of ``emotion_pipeline``, each imported when it is used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from emotion_pipeline.analyzer import AudioAnalyzer
    from emotion_pipeline.engine.common.types import EmotionResult, Word
    from emotion_pipeline.engine.emotion.predictor import EmotionPredictor
    from emotion_pipeline.engine.stages.report import RecordingResult, SegmentResult

__all__ = ["AudioAnalyzer", "EmotionPredictor", "EmotionResult", "RecordingResult", "SegmentResult", "Word"]

_MODULES: Final = {
    "AudioAnalyzer": "emotion_pipeline.analyzer",
    "EmotionPredictor": "emotion_pipeline.engine.emotion.predictor",
    "EmotionResult": "emotion_pipeline.engine.common.types",
    "RecordingResult": "emotion_pipeline.engine.stages.report",
    "SegmentResult": "emotion_pipeline.engine.stages.report",
    "Word": "emotion_pipeline.engine.common.types",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
