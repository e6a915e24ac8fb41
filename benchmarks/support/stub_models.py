"""Models that take no time, for measuring everything that is not a model: each answers the same to everything."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.backends import BackendChoice, Backends
from emotion_pipeline.engine.common.types import Channel, EmotionResult, Span, ToneScore, Transcript, Word
from emotion_pipeline.engine.emotion.predictor import EmotionPredictor
from emotion_pipeline.engine.emotion.taxonomy import BASE_EMOTIONS, LABELS
from emotion_pipeline.engine.sentiment.base import SentimentBackend
from emotion_pipeline.engine.text.feature_table import FEATURE_NAMES
from emotion_pipeline.engine.text.features import FeatureExtractor
from emotion_pipeline.engine.tone.base import ToneModel
from emotion_pipeline.engine.transcribe.checkpoints import Checkpoints
from emotion_pipeline.engine.transcribe.transcript_maker import TranscriptMaker
from emotion_pipeline.resources.models import Models

# A recording has to be this long for what was said in it.
SECONDS: Final = 3.0
_SENTENCES: Final = ("the first one was fine.", "the second one was late.", "the third one is here.")


class _Transcriber:
    fingerprint = "stub:transcriber:1:000000000000"

    def transcribe(
        self, recording: Path, checkpoints: Checkpoints | None = None, speakers: tuple[str, ...] | None = None
    ) -> Transcript:
        del recording, checkpoints
        words = [word for sentence in _SENTENCES for word in sentence.split()]
        step = SECONDS / len(words)
        timed = (Word(word, i * step, (i + 0.9) * step, 0.9, "speaker_1") for i, word in enumerate(words))
        return Transcript(tuple(timed), (Span(0.0, SECONDS),), "en", None, "assumed_one")


class _Features:
    fingerprint = "stub:features:1:000000000000"

    def extract(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.zeros((len(texts), len(FEATURE_NAMES)), dtype=np.float32)


class _Tone:
    fingerprint = "stub:tone:1:000000000000"
    labels = ("angry", "happy", "neutral", "sad")

    def score(self, utterances: Iterable[Channel], groups: Sequence[str] | None = None) -> list[ToneScore]:
        probabilities: dict[str, float] = dict(zip(self.labels, (0.1, 0.6, 0.2, 0.1), strict=True))
        return [ToneScore(probabilities) for _ in utterances]


class _Sentiment:
    languages = frozenset({"en"})
    fingerprint = "stub:sentiment:1:000000000000"

    def score(self, texts: Sequence[str]) -> list[float]:
        return [0.1] * len(texts)


class _Emotion:
    fingerprint = "stub:emotion:1:000000000000"

    def predict(self, texts: Sequence[str], *, features: NDArray[np.float32] | None = None) -> list[EmotionResult]:
        del features
        bases = dict(zip(BASE_EMOTIONS, (0.1, 0.1, 0.1, 0.6, 0.1), strict=True))
        result = EmotionResult(
            "Neutral", 0.6, None, None, None, None, False, ("neutral",), bases, dict.fromkeys(LABELS, 0.02)
        )
        return [result] * len(texts)


class _Backends(Backends):
    @cached_property
    def transcript_maker(self) -> TranscriptMaker:
        return TranscriptMaker(_Transcriber())

    @cached_property
    def features(self) -> FeatureExtractor:
        return cast(FeatureExtractor, _Features())

    @cached_property
    def tone(self) -> ToneModel:
        return _Tone()

    @cached_property
    def sentiment(self) -> SentimentBackend:
        return _Sentiment()

    @cached_property
    def emotion(self) -> EmotionPredictor:
        return cast(EmotionPredictor, _Emotion())


class StubModels(Models):
    """Takes the place of the models in a code location, and loads nothing."""

    def setup_for_execution(self, context: Any) -> None:
        self._backends = _Backends(BackendChoice())
