"""Texts judged by the engine's text model, loaded once per process; requests share forward passes."""

import time
from collections.abc import Sequence
from typing import Any, Final

from emotion_pipeline.api.batching import Batcher
from emotion_pipeline.api.metrics import Metrics
from emotion_pipeline.config.engine_options import backend_choice
from emotion_pipeline.config.settings import Settings
from emotion_pipeline.engine.backends import Backends
from emotion_pipeline.engine.sentiment.text_scoring import judge

_WARM_UP: Final = ("Exciting news!", "I am furious with you.")


class TextService:
    """Judges texts; ``start`` before the first request, ``stop`` after the last."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        batching, limits = settings.api.batching, settings.api.limits
        self._backends = Backends(backend_choice(settings))
        self._metrics = metrics
        self._batcher: Batcher[dict[str, Any]] = Batcher(
            self._judge, batching.most_texts, batching.wait_ms / 1_000, limits.queued_texts, self._on_batch
        )
        self.models: dict[str, str] = {}
        """Fingerprints, once the model is warm."""

    def warm_up(self) -> None:
        """Load the models and let them judge once. Takes seconds; raises as the engine does where one is missing."""
        started = time.perf_counter()
        self._judge(_WARM_UP)
        backends = self._backends
        self.models = {"emotion": backends.emotion.fingerprint, "sentiment": backends.sentiment.fingerprint}
        self._metrics.model_load_seconds.labels("server").set(time.perf_counter() - started)

    def start(self) -> None:
        self._batcher.start()

    async def stop(self) -> None:
        await self._batcher.stop()

    async def judge(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """Return one result per text as ``schemas.TextEmotion``. Raises Problem 503 where too many texts wait."""
        answer = self._batcher.judge(texts)
        self._metrics.queued_texts.set(self._batcher.queued + len(texts))
        return await answer

    def _on_batch(self, size: int) -> None:
        self._metrics.batch_texts.observe(size)
        self._metrics.queued_texts.set(self._batcher.queued)

    def _judge(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        return [one.to_dict() for one in judge(texts, self._backends.emotion, self._backends.sentiment)]
