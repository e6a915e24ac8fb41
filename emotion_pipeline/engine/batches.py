"""Batches on an accelerator whose memory is not known: as large as asked for, halved where they do not fit.

What is computed is the caller's business. Items are sorted by size, so that those of one batch take about the same time
and the largest come first, which is where memory runs out if it does.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from emotion_pipeline.engine.errors import BackendUnavailableError

T = TypeVar("T")
R = TypeVar("R")

_OUT_OF_MEMORY: Final = ("out of memory", "cublas_status_alloc_failed")
"""In the messages of torch (``torch.cuda.OutOfMemoryError``) and of CTranslate2, which are both a RuntimeError."""


def in_batches(
    items: Sequence[T], batch_size: int, run: Callable[[list[T]], Sequence[R]], size_of: Callable[[T], float]
) -> list[R]:
    """Return one result per item, in the order of the items, from ``run`` on at most ``batch_size`` of them at a time.

    A batch that does not fit into the memory of the accelerator is run again in halves, and later ones stay as small.

    :param run: takes a batch and returns one result per item of it; must not keep anything of a batch that failed
    :param size_of: what tells long items from short ones
    :raises BackendUnavailableError: not even a single item fits
    """
    waiting = sorted(range(len(items)), key=lambda at: size_of(items[at]), reverse=True)
    results: dict[int, R] = {}
    while waiting:
        chosen = waiting[:batch_size]
        found = _run_if_it_fits(run, [items[at] for at in chosen])
        if found is None:
            batch_size = len(chosen) // 2
            _give_back_memory()
            continue
        results.update(zip(chosen, found, strict=True))
        waiting = waiting[batch_size:]
    return [results[at] for at in range(len(items))]


def _run_if_it_fits(run: Callable[[list[T]], Sequence[R]], batch: list[T]) -> Sequence[R] | None:
    try:
        return run(batch)
    except RuntimeError as error:
        if not any(sign in str(error).lower() for sign in _OUT_OF_MEMORY):
            raise
        if len(batch) == 1:
            raise BackendUnavailableError(
                f"not even one item fits into the memory of the device ({error}); take a smaller model or device 'cpu'"
            ) from error
    return None  # only here, where the error and the tensors that its frames hold are gone, can memory be given back


def _give_back_memory() -> None:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
