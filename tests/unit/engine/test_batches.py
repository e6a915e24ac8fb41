"""Batches that are halved where they do not fit."""

import pytest

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.models.batches import in_batches
from emotion_pipeline.engine.models.usage import measured


class Device:
    """Squares numbers, as many at once as it has room for."""

    def __init__(self, room: int, message: str = "CUDA out of memory. Tried to allocate 2.00 GiB") -> None:
        self.room = room
        self.message = message
        self.batches: list[list[int]] = []

    def __call__(self, batch: list[int]) -> list[int]:
        if len(batch) > self.room:
            raise RuntimeError(self.message)
        self.batches.append(batch)
        return [item * item for item in batch]


def test_results_come_in_the_order_of_the_items() -> None:
    device = Device(4)
    assert in_batches([3, 9, 1, 7, 5], 4, device, size_of=float) == [9, 81, 1, 49, 25]
    assert device.batches == [[9, 7, 5, 3], [1]]


def test_nothing_makes_no_batch() -> None:
    device = Device(4)
    assert in_batches([], 4, device, size_of=float) == []
    assert device.batches == []


@pytest.mark.parametrize(
    "message",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB",
        "CUDA failed with error out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory",
    ],
)
def test_a_batch_that_does_not_fit_is_halved_and_later_ones_stay_small(message: str) -> None:
    device = Device(2, message)
    assert in_batches(list(range(10)), 8, device, size_of=float) == [item * item for item in range(10)]
    assert [len(batch) for batch in device.batches] == [2] * 5


def test_a_single_item_that_does_not_fit_is_an_error_that_says_so() -> None:
    with pytest.raises(BackendUnavailableError, match=r"not even one item fits.*out of memory.*smaller model"):
        in_batches([1, 2, 3], 3, Device(0), size_of=float)


def test_another_error_is_not_taken_for_a_lack_of_memory() -> None:
    device = Device(2, "shapes do not match")
    with pytest.raises(RuntimeError, match="shapes do not match"):
        in_batches([1, 2, 3], 3, device, size_of=float)
    assert device.batches == []


class Shared(Device):
    """A device on which others give memory back after some batches."""

    def __call__(self, batch: list[int]) -> list[int]:
        results = super().__call__(batch)
        self.room = 8 if len(self.batches) >= 3 else self.room
        return results


def test_batches_grow_again_when_smaller_ones_have_fitted_for_a_while() -> None:
    device = Shared(2)
    assert in_batches(list(range(40)), 8, device, size_of=float) == [item * item for item in range(40)]
    assert [len(batch) for batch in device.batches] == [2, 2, 2, 2, 4, 4, 4, 4, 8, 8]


def test_growing_too_soon_is_tried_less_and_less_often() -> None:
    device = Device(2)
    with measured("cpu") as usage:
        assert in_batches(list(range(100)), 4, device, size_of=float) == [item * item for item in range(100)]
    assert usage.batch_sizes == {2: 50}
    assert usage.out_of_memory <= 5


@pytest.mark.parametrize("room", range(1, 17))
def test_no_item_is_lost_wherever_memory_runs_out(room: int) -> None:
    device = Device(room)
    assert in_batches(list(range(33)), 16, device, size_of=float) == [item * item for item in range(33)]
    assert sorted(item for batch in device.batches for item in batch) == list(range(33))
