"""Texts of concurrent requests in one forward pass of the model.

Requests that come while the model computes share the next pass; a short pause before a pass lets a burst gather, too.
The number of waiting texts is bounded: a request beyond it is refused with 503.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from emotion_pipeline.api.problems import overloaded

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[T]):
    texts: Sequence[str]
    answer: "asyncio.Future[list[T]]"


class Batcher(Generic[T]):
    """Gathers texts and gives each request its own part of the answers.

    :param model: returns one answer per text, in order; called in a thread, never twice at once
    :param most_texts: texts of one pass, unless a single request has more
    :param wait_s: how long the first text of a pass waits for others
    :param most_queued: texts that may wait
    :param on_batch: called with the size of each pass
    """

    def __init__(
        self,
        model: Callable[[Sequence[str]], list[T]],
        most_texts: int,
        wait_s: float,
        most_queued: int,
        on_batch: Callable[[int], None] = lambda _size: None,
    ) -> None:
        self._model, self._most_texts, self._wait_s, self._most_queued = model, most_texts, wait_s, most_queued
        self._on_batch = on_batch
        self._queue: deque[_Waiting[T]] = deque()
        self._queued = 0
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="text-model")
        self._task: asyncio.Task[None] | None = None

    @property
    def queued(self) -> int:
        """Texts that wait for a pass."""
        return self._queued

    def start(self) -> None:
        """Begin with the passes; texts that were submitted before wait until then."""
        self._task = asyncio.create_task(self._run(), name="text-batches")

    async def stop(self) -> None:
        """Stop; requests that still wait get Problem 503."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        while self._queue:
            waiting = self._queue.popleft()
            if not waiting.answer.done():
                waiting.answer.set_exception(overloaded("stopping", "The service stops; ask another instance."))
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def answer(self, texts: Sequence[str]) -> list[T]:
        """Return one answer per text, in order. Raises Problem 503 where too many texts wait."""
        if self._queued + len(texts) > self._most_queued:
            raise overloaded("queue_full", f"{self._queued} texts wait for the model; come back in a moment.")
        waiting = _Waiting(texts, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._queued += len(texts)
        self._arrived.set()
        return await waiting.answer

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            if self._queued < self._most_texts and self._wait_s:
                await asyncio.sleep(self._wait_s)
            batch = self._next_batch()
            if batch:
                await self._answer(batch)

    def _next_batch(self) -> list[_Waiting[T]]:
        batch: list[_Waiting[T]] = []
        size = 0
        while self._queue and (not batch or size + len(self._queue[0].texts) <= self._most_texts):
            waiting = self._queue.popleft()
            self._queued -= len(waiting.texts)
            if not waiting.answer.done():  # nobody waits for it any more
                batch.append(waiting)
                size += len(waiting.texts)
        if not self._queue:
            self._arrived.clear()
        return batch

    async def _answer(self, batch: Sequence[_Waiting[T]]) -> None:
        texts = [text for waiting in batch for text in waiting.texts]
        self._on_batch(len(texts))
        try:
            answers = await asyncio.get_running_loop().run_in_executor(self._thread, self._model, texts)
        except asyncio.CancelledError:
            for waiting in batch:
                waiting.answer.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - each request of the batch gets it
            for waiting in batch:
                if not waiting.answer.done():
                    waiting.answer.set_exception(error)
            return
        start = 0
        for waiting in batch:
            if not waiting.answer.done():
                waiting.answer.set_result(answers[start : start + len(waiting.texts)])
            start += len(waiting.texts)
