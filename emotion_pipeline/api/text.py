"""Scoring texts with the engine's text model, loaded once per process; requests share forward passes."""

import time
from collections.abc import Sequence
from typing import Any, Final

from emotion_pipeline.api.batching import Batcher
from emotion_pipeline.api.metrics import Metrics
from emotion_pipeline.config.engine_options import backend_choice
from emotion_pipeline.config.settings import Settings
from emotion_pipeline.engine.backends import Backends
from emotion_pipeline.engine.sentiment.text_scoring import score_texts

# Texts of one forward pass, and seconds for which the first of them waits for others.
_MOST_TEXTS: Final = 64
_WAIT_S: Final = 0.003
# Texts that may wait for the model; more are refused with 503.
_MOST_QUEUED: Final = 2_048

_WARM_UP: Final = ("Exciting news!", "I am furious with you.")


class TextService:
    """Scores texts; call ``start`` before the first request and ``stop`` after the last."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._backends = Backends(backend_choice(settings))
        self._metrics = metrics
        self._batcher: Batcher[dict[str, Any]] = Batcher(
            self._score, _MOST_TEXTS, _WAIT_S, _MOST_QUEUED, self._on_batch
        )
        self.models: dict[str, str] = {}
        """Fingerprints, once the model is warm."""

    def warm_up(self) -> None:
        """Load the models and score two texts. Takes seconds; raises as the engine does where a model is missing."""
        started = time.perf_counter()
        self._score(_WARM_UP)
        backends = self._backends
        self.models = {"emotion": backends.emotion.fingerprint, "sentiment": backends.sentiment.fingerprint}
        self._metrics.model_load_seconds.labels("server").set(time.perf_counter() - started)

    def start(self) -> None:
        self._batcher.start()

    async def stop(self) -> None:
        await self._batcher.stop()

    async def score(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """Return one result per text as ``schemas.TextEmotion``. Raises Problem 503 where too many texts wait."""
        answer = self._batcher.answer(texts)
        self._metrics.queued_texts.set(self._batcher.queued + len(texts))
        return await answer

    def _on_batch(self, size: int) -> None:
        self._metrics.batch_texts.observe(size)
        self._metrics.queued_texts.set(self._batcher.queued)

    def _score(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        return [score.to_dict() for score in score_texts(texts, self._backends.emotion, self._backends.sentiment)]
