"""Texts as rows of token ids: encoded together, batched by length, padded to rectangles."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_BATCH_TOKENS: Final = 4_096


_BATCH_TEXTS: Final = 256


def token_ids(tokenizer: Any, texts: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """All texts' token ids in one array, and where each text starts, the end of the last included."""
    rows = [encoding.ids for encoding in tokenizer.encode_batch_fast(list(texts))]
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return np.fromiter((token for row in rows for token in row), np.int32, int(starts[-1])), starts


def pad(rows: Sequence[NDArray[np.int32]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of unequal length as one rectangle of ids and its mask, both ``(n, longest)``.

    Any id may fill up a row: where the mask is 0 nothing is attended to.
    """
    longest = max(map(len, rows))
    ids = np.zeros((len(rows), longest), np.int64)
    mask = np.zeros((len(rows), longest), np.int64)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = row
        mask[number, : len(row)] = 1
    return ids, mask


def batches_by_length(lengths: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Every index once, in runs of similar length whose padded size stays within ``_BATCH_TOKENS``."""
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        stop = start + 1
        while (
            stop < min(len(order), start + _BATCH_TEXTS) and (stop + 1 - start) * lengths[order[stop]] <= _BATCH_TOKENS
        ):
            stop += 1
        yield order[start:stop]
        start = stop
