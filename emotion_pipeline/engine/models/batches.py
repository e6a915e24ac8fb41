"""Batches on an accelerator of unknown memory: halved where they do not fit, and doubled again after a while.

What is computed is up to the caller. Items are sorted by size, so that those of one batch take about the same time
and the largest come first, which is where memory runs out if it does.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.models.usage import note_batch, note_out_of_memory

T = TypeVar("T")
R = TypeVar("R")

# Batches that must fit before the size is doubled.
_BATCHES_BEFORE_GROWTH: Final = 4
# In the messages of torch, for GPUs and for CPUs, and of CTranslate2, which are all a RuntimeError.
_OUT_OF_MEMORY: Final = ("out of memory", "cublas_status_alloc_failed", "allocate memory", "not enough memory")


def in_batches(
    items: Sequence[T], batch_size: int, run: Callable[[list[T]], Sequence[R]], size_of: Callable[[T], float]
) -> list[R]:
    """Return one result per item, in the order of the items, from ``run`` on at most ``batch_size`` of them at a time.

    A batch that does not fit into the memory of the accelerator is run again in halves. Later ones stay as small until
    some of them have fitted: others may have given memory back meanwhile.

    :param run: takes a batch and returns one result per item of it; must not keep anything of a batch that failed
    :param size_of: what tells long items from short ones
    :raises BackendUnavailableError: not even a single item fits
    """
    waiting = sorted(range(len(items)), key=lambda at: size_of(items[at]), reverse=True)
    results: dict[int, R] = {}
    size, fitted, before_growth, grown = batch_size, 0, _BATCHES_BEFORE_GROWTH, False
    while waiting:
        chosen = waiting[:size]
        outputs = _run_if_it_fits(run, [items[at] for at in chosen])
        if outputs is None:
            # Growing too soon costs a failed batch each time: the next attempt waits twice as long.
            before_growth *= 2 if grown else 1
            size, fitted, grown = len(chosen) // 2, 0, False
            give_back_memory()
            continue
        note_batch(len(chosen))
        results.update(zip(chosen, outputs, strict=True))
        waiting = waiting[size:]
        fitted, grown = fitted + 1, False
        if size < batch_size and fitted >= before_growth:
            size, fitted, grown = min(batch_size, 2 * size), 0, True
    return [results[at] for at in range(len(items))]


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether memory ran out: Python and numpy say so by type, torch and CTranslate2 in the message."""
    message = str(error).lower()
    return isinstance(error, MemoryError) or any(phrase in message for phrase in _OUT_OF_MEMORY)


def give_back_memory() -> None:
    """Note that memory ran out, and free the memory of the accelerator that torch caches.

    Call it outside the ``except`` block: the error's frames hold tensors.
    """
    note_out_of_memory()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def _run_if_it_fits(run: Callable[[list[T]], Sequence[R]], batch: list[T]) -> Sequence[R] | None:
    try:
        return run(batch)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        if len(batch) == 1:
            raise BackendUnavailableError(
                f"not even one item fits into the memory of the device ({error}); take a smaller model or device 'cpu'"
            ) from error
    return None
