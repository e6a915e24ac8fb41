"""The import name of the public documentation: ``from emotion_clf import EmotionPredictor``.

Everything lives in ``emotion_pipeline``; nothing is defined here.
"""

from emotion_pipeline.engine.emotion.predictor import EmotionPredictor
from emotion_pipeline.engine.types import EmotionResult

__all__ = ["EmotionPredictor", "EmotionResult"]
