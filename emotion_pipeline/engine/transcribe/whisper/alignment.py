"""When each token was said, read from where the decoder looked: for Whisper models that run in torch.

Heads of the cross-attention that follow the audio are averaged to a matrix of tokens by frames, and the cheapest way
through it from the first token and frame to the last is the alignment. This is the method of ``whisper.timing``, which
would run the encoder again and compile for seconds in every process; here attention is computed from queries and keys
of the layers that matter, so that the model can keep its fused attention.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.types import Channel
from emotion_pipeline.engine.transcribe.whisper.recogniser import Text, mel_frames

if TYPE_CHECKING:
    import torch

# Layer and head of each cross-attention head that follows the audio.
Heads = Sequence[tuple[int, int]]

_SMOOTHED_FRAMES: Final = 7


class Attention:
    """Queries and keys that the cross-attention of each layer computed while it was ``watched``."""

    def __init__(self) -> None:
        self.queries: dict[int, torch.Tensor] = {}
        self.keys: dict[int, torch.Tensor] = {}

    def matrix(self, heads: Heads, n_heads: int, n_frames: int) -> NDArray[np.float32]:
        """Return how much each token looked at each frame, shape (n_tokens, n_frames), above 0 for more than usual.

        :param n_heads: heads of each layer
        :param n_frames: frames of the encoder that hold audio
        """
        from scipy.ndimage import median_filter

        weights = np.stack([self._weights(layer, head, n_heads, n_frames) for layer, head in heads])
        spread = weights.std(axis=1, keepdims=True)
        standard = (weights - weights.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1.0)
        return median_filter(standard, size=(1, 1, _SMOOTHED_FRAMES), mode="mirror").mean(axis=0)

    def _weights(self, layer: int, head: int, n_heads: int, n_frames: int) -> NDArray[np.float32]:
        queries, keys = (states[layer][0].float().chunk(n_heads, dim=-1)[head] for states in (self.queries, self.keys))
        scores = queries @ keys[:n_frames].T / queries.shape[-1] ** 0.5
        return scores.softmax(dim=-1).cpu().numpy()


@contextmanager
def watched(layers: "Sequence[tuple[torch.nn.Module, torch.nn.Module]]", heads: Heads) -> Iterator[Attention]:
    """Record what the query and key projections of the layers return while one item is decoded.

    :param layers: the modules that project queries and keys, for every layer of the decoder
    """
    seen = Attention()
    hooks = []
    for layer in {layer for layer, _ in heads}:
        query, key = layers[layer]
        hooks.append(query.register_forward_hook(_keep(seen.queries, layer)))
        hooks.append(key.register_forward_hook(_keep(seen.keys, layer)))
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


@dataclass(frozen=True, slots=True)
class CrossAttention:
    """Where a decoder looks at the audio: its query and key projections by layer, and the heads that follow speech."""

    layers: "Sequence[tuple[torch.nn.Module, torch.nn.Module]]"
    heads: Heads
    # Heads of each layer.
    n_heads: int


def aligned_text(
    tokens: Sequence[int],
    log_probability: float,
    no_speech_probability: float,
    item: Channel,
    prompt: tuple[Sequence[int], int],
    cross_attention: CrossAttention,
    logits_of: "Callable[[torch.Tensor], torch.Tensor]",
    device: "torch.device",
) -> Text:
    """Return a decoded text with the time and the probability of each token.

    :param tokens: text only, without the end
    :param prompt: what the text follows, up to ``<|notimestamps|>``, and the token that ends a text
    :param logits_of: runs the decoder on tokens of shape (1, n) beside the encoded item, returns shape (n, vocabulary)
    """
    import torch

    before, end = prompt
    n_beginning = len(before) - 1
    sequence = torch.tensor([[*before, *tokens, end]], device=device)
    with watched(cross_attention.layers, cross_attention.heads) as attention:
        logits = logits_of(sequence)[n_beginning:-2, :end].float()
    n_frames = max(1, mel_frames(item) // 2)
    matrix = attention.matrix(cross_attention.heads, cross_attention.n_heads, n_frames)
    spoken = torch.tensor(list(tokens), dtype=torch.long, device=device)
    return Text(
        tokens=tokens,
        log_probability=log_probability,
        no_speech_probability=no_speech_probability,
        first_frames=first_frames(matrix[n_beginning:-1]),
        probabilities=logits.softmax(dim=-1).gather(1, spoken[:, None])[:, 0].tolist(),
    )


def _keep(states: "dict[int, torch.Tensor]", layer: int) -> Callable[..., None]:
    def hook(_module: "torch.nn.Module", _inputs: object, output: "torch.Tensor") -> None:
        states[layer] = output

    return hook


def first_frames(matrix: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the frame at which each row begins on the path of highest sum from corner to corner, shape (n_rows,).

    Dynamic time warping (Sakoe and Chiba 1978) with steps to the next row, the next column or both; rising.

    :param matrix: shape (n_rows, n_columns), at least one of each
    """
    steps = _steps(-matrix.astype(np.float64))
    row, column = (n - 1 for n in matrix.shape)
    first = np.zeros(len(matrix), dtype=np.int64)
    while row > 0:
        step = steps[row, column] if column else _NEXT_ROW
        if step != _NEXT_COLUMN:
            first[row] = column
        row -= step != _NEXT_COLUMN
        column -= step != _NEXT_ROW
    return first


_BOTH, _NEXT_ROW, _NEXT_COLUMN = 0, 1, 2


def _steps(cost: NDArray[np.float64]) -> NDArray[np.int8]:
    """Return by which step the cheapest path enters each cell, a diagonal at a time: its cells do not need each other.

    Shape as ``cost``. Sums of a diagonal are kept by row, with a border of infinity for what lies outside.
    """
    n_rows, n_columns = cost.shape
    steps = np.zeros((n_rows, n_columns), dtype=np.int8)
    before = np.full(n_rows + 1, np.inf)
    last = np.full(n_rows + 1, np.inf)
    before[0] = 0.0  # the only way into the first cell
    for diagonal in range(n_rows + n_columns - 1):
        rows = np.arange(max(0, diagonal - n_columns + 1), min(n_rows, diagonal + 1))
        ways = np.stack([before[rows], last[rows], last[rows + 1]])
        both, next_row, next_column = ways
        best = np.where(
            (both < next_row) & (both < next_column),
            _BOTH,
            np.where((next_row < both) & (next_row < next_column), _NEXT_ROW, _NEXT_COLUMN),
        )
        steps[rows, diagonal - rows] = best
        now = np.full(n_rows + 1, np.inf)
        now[rows + 1] = cost[rows, diagonal - rows] + ways[best, np.arange(len(rows))]
        before, last = last, now
    return steps
