"""The path of dynamic time warping, and what it is computed from."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from emotion_pipeline.engine.transcribe.whisper.alignment import first_frames, watched


def slowly(matrix: NDArray[np.float64]) -> tuple[float, NDArray[np.int64]]:
    """The highest sum from corner to corner, and where each row begins on its path, one cell after the other."""
    n_rows, n_columns = matrix.shape
    best = np.full((n_rows + 1, n_columns + 1), -np.inf)
    best[0, 0] = 0.0
    for row in range(n_rows):
        for column in range(n_columns):
            before = max(best[row, column], best[row, column + 1], best[row + 1, column])
            best[row + 1, column + 1] = before + matrix[row, column]
    first = np.zeros(n_rows, dtype=np.int64)
    row, column = n_rows, n_columns
    while row > 1 or column > 1:
        ways = {(row - 1, column - 1): best[row - 1, column - 1], (row - 1, column): best[row - 1, column],
                (row, column - 1): best[row, column - 1]}  # fmt: skip
        step = max(ways, key=ways.__getitem__)
        if step[0] < row:
            first[row - 1] = column - 1
        row, column = step
    return best[-1, -1], first


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2), (5, 12), (12, 5), (40, 60)])
def test_the_path_is_the_best_one(shape: tuple[int, int], rng: np.random.Generator) -> None:
    for _ in range(5):
        matrix = rng.standard_normal(shape)
        found = first_frames(matrix.astype(np.float32))
        _, expected = slowly(matrix.astype(np.float32).astype(np.float64))
        assert found.tolist() == expected.tolist()


def test_rows_begin_where_they_light_up() -> None:
    matrix = np.full((3, 30), -1.0, dtype=np.float32)
    matrix[0, :10] = matrix[1, 10:17] = matrix[2, 17:] = 1.0
    assert first_frames(matrix).tolist() == [0, 10, 17]


def test_attention_is_that_of_the_heads_over_the_frames_that_hold_audio(rng: np.random.Generator) -> None:
    query, key = torch.nn.Linear(8, 8), torch.nn.Linear(8, 8, bias=False)
    tokens, frames = (torch.from_numpy(rng.standard_normal((1, n, 8))).float() for n in (5, 20))
    with torch.inference_mode(), watched([(key, query), (query, key)], [(1, 1)]) as attention:
        queries, keys = query(tokens), key(frames)
    query(tokens * 2)  # nobody watches any more
    matrix = attention.matrix([(1, 1)], n_heads=2, n_frames=12)
    weights = (queries[0, :, 4:] @ keys[0, :12, 4:].T / 2).softmax(dim=-1).numpy()
    standard = (weights - weights.mean(axis=0)) / weights.std(axis=0)
    padded = np.pad(standard, ((0, 0), (3, 3)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 7, axis=1)
    assert matrix.shape == (5, 12)
    assert np.abs(matrix - np.median(windows, axis=-1)).max() < 1e-4


def test_a_single_frame_says_nothing_and_is_no_error() -> None:
    layer = torch.nn.Linear(4, 4)
    with torch.inference_mode(), watched([(layer, layer)], [(0, 0)]) as attention:
        layer(torch.ones(1, 3, 4))
    matrix = attention.matrix([(0, 0)], n_heads=1, n_frames=1)
    assert np.isfinite(matrix).all()
    assert first_frames(matrix).tolist() == [0, 0, 0]
