"""The models as a resource: chosen by name, loaded at first use, shared by all assets of a process."""

import dagster as dg
from pydantic import PrivateAttr

from emotion_pipeline.engine.backends import BackendChoice, Backends
from emotion_pipeline.engine.emotion.predictor import EmotionPredictor
from emotion_pipeline.engine.text.features import FeatureExtractor
from emotion_pipeline.engine.text.sentiment import SentimentBackend
from emotion_pipeline.engine.tone.model import ToneModel
from emotion_pipeline.engine.transcribe.base import Transcriber


class Models(dg.ConfigurableResource):
    """Hands out the engine's back ends. Raises UnknownBackendError for a name that no registry knows."""

    transcriber_name: str
    transcriber_workers: int | None = None
    tone_name: str
    sentiment_name: str
    confidence_threshold: float

    _backends: Backends = PrivateAttr()

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        self._backends = Backends(
            BackendChoice(
                self.transcriber_name,
                self.transcriber_workers,
                self.tone_name,
                self.sentiment_name,
                self.confidence_threshold,
            )
        )

    @property
    def transcriber(self) -> Transcriber:
        return self._backends.transcriber

    @property
    def features(self) -> FeatureExtractor:
        return self._backends.features

    @property
    def tone(self) -> ToneModel:
        return self._backends.tone

    @property
    def sentiment(self) -> SentimentBackend:
        return self._backends.sentiment

    @property
    def emotion(self) -> EmotionPredictor:
        return self._backends.emotion
