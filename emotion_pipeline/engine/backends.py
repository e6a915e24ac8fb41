"""The models that one analysis uses, chosen by name and loaded when first needed.

Choosing is cheap: a fingerprint is known without loading a weight, so a partition whose work is done costs no model.
Names come from settings; what each name means is known by the registry of its package.
"""

from dataclasses import dataclass
from functools import cached_property

from emotion_pipeline.engine.emotion.predictor import EmotionPredictor
from emotion_pipeline.engine.text.features import FeatureExtractor
from emotion_pipeline.engine.text.sentiment import SentimentBackend, load_sentiment
from emotion_pipeline.engine.tone.model import ToneModel, load_tone_model
from emotion_pipeline.engine.transcribe import TRANSCRIBERS
from emotion_pipeline.engine.transcribe.base import Transcriber


@dataclass(frozen=True)
class BackendChoice:
    """Which back end does what, by registry name, and how cautious labels are."""

    transcriber: str = "pocketsphinx"
    transcriber_workers: int | None = None
    """Processes that a transcriber may use where it runs on CPUs; None is one per core."""
    tone: str = "acoustic"
    sentiment: str = "vader"
    confidence_threshold: float = 0.65


class Backends:
    """The chosen back ends, each made at first use and then kept. Raises UnknownBackendError for an unknown name."""

    def __init__(self, choice: BackendChoice) -> None:
        self._choice = choice

    @cached_property
    def transcriber(self) -> Transcriber:
        return TRANSCRIBERS.load(self._choice.transcriber, workers=self._choice.transcriber_workers)

    @cached_property
    def features(self) -> FeatureExtractor:
        return FeatureExtractor()

    @cached_property
    def tone(self) -> ToneModel:
        return load_tone_model(self._choice.tone)

    @cached_property
    def sentiment(self) -> SentimentBackend:
        return load_sentiment(self._choice.sentiment)

    @cached_property
    def emotion(self) -> EmotionPredictor:
        return EmotionPredictor(confidence_threshold=self._choice.confidence_threshold, extractor=self.features)
