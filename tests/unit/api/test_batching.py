"""Texts of concurrent requests in shared passes: own answers for each, a bound on what waits, failures kept apart."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from emotion_pipeline.api.batching import Batcher
from emotion_pipeline.api.problems import Problem


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Model:
    """Counts letters; waits until ``may_go_on`` is set, and fails for the text ``fail``."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def __call__(self, texts: Sequence[str]) -> list[int]:
        self.batches.append(list(texts))
        self.may_go_on.wait(10)
        if "fail" in texts:
            raise ValueError("a text that no model takes")
        return [len(text) for text in texts]


@pytest.mark.anyio
async def test_requests_that_come_together_share_passes_and_keep_their_order() -> None:
    model = Model()
    batcher = Batcher(model, most_texts=16, wait_s=0.01, most_queued=1_000)
    batcher.start()
    requests = [["a" * n, "b" * (n + 1)] for n in range(40)]
    answers = await asyncio.gather(*(batcher.answer(texts) for texts in requests))
    assert answers == [[n, n + 1] for n in range(40)]
    assert len(model.batches) <= 10
    assert max(map(len, model.batches)) <= 16
    await batcher.stop()


@pytest.mark.anyio
async def test_a_request_beyond_the_bound_is_refused_and_others_are_answered() -> None:
    model = Model()
    model.may_go_on.clear()
    batcher = Batcher(model, most_texts=2, wait_s=0.0, most_queued=4)
    batcher.start()
    waiting = [asyncio.create_task(batcher.answer(["a"])) for _ in range(2)]
    await asyncio.sleep(0.1)
    waiting += [asyncio.create_task(batcher.answer(["a"])) for _ in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(Problem) as refused:
        await batcher.answer(["a"])
    assert (refused.value.status, refused.value.code) == (503, "queue_full")
    assert int(refused.value.headers["Retry-After"]) >= 1
    model.may_go_on.set()
    assert await asyncio.gather(*waiting) == [[1]] * 6
    assert batcher.queued == 0
    await batcher.stop()


@pytest.mark.anyio
async def test_a_pass_that_fails_fails_its_requests_and_the_next_is_served() -> None:
    batcher = Batcher(Model(), most_texts=8, wait_s=0.0, most_queued=100)
    batcher.start()
    with pytest.raises(ValueError, match="no model takes"):
        await batcher.answer(["fail"])
    assert await batcher.answer(["abc"]) == [3]
    await batcher.stop()


@pytest.mark.anyio
async def test_a_request_larger_than_a_pass_is_served_alone() -> None:
    batcher = Batcher(Model(), most_texts=2, wait_s=0.0, most_queued=100)
    batcher.start()
    assert await batcher.answer(["a"] * 9) == [1] * 9
    await batcher.stop()


@pytest.mark.anyio
async def test_a_cancelled_request_costs_no_pass() -> None:
    model = Model()
    model.may_go_on.clear()
    batcher = Batcher(model, most_texts=1, wait_s=0.0, most_queued=100)
    batcher.start()
    first = asyncio.create_task(batcher.answer(["first"]))
    await asyncio.sleep(0.05)
    gone = asyncio.create_task(batcher.answer(["gone"]))
    await asyncio.sleep(0)
    gone.cancel()
    model.may_go_on.set()
    assert await first == [5]
    assert await batcher.answer(["last"]) == [4]
    assert ["gone"] not in model.batches
    await batcher.stop()


@pytest.mark.anyio
async def test_requests_that_wait_at_the_end_are_refused() -> None:
    batcher = Batcher(Model(), most_texts=1, wait_s=0.0, most_queued=100)
    waiting = asyncio.create_task(batcher.answer(["never begun"]))
    await asyncio.sleep(0)
    await batcher.stop()
    with pytest.raises(Problem) as refused:
        await waiting
    assert refused.value.code == "stopping"
