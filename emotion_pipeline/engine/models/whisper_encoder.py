"""The first layers of Whisper's encoder as a measuring instrument: what they make of a window, frame by frame.

Whisper was trained to write down what is said; its lower layers still hold how it is said, its last one hardly does.
Here are the log-mel spectrum, the layers and their loading. Which layer is pooled, and what follows from it, is up to
the model that asks.

Unlike in Whisper, a window is not padded to 30 s: the layers see it at its true length. A window padded with silence to
30 s gives what openai-whisper gives for it.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel
from emotion_pipeline.engine.models.packaged_whisper import PACKAGED
from emotion_pipeline.engine.models.whisper_conversion import encoder_state, read_arrays

MODEL: Final = "tiny.en"
# Layers that are loaded; those above say less about tone.
LAYERS: Final = 3
FRAMES_PER_SECOND: Final = 50
WIDTH: Final = 384
LONGEST_SECONDS: Final = 30.0

_HEADS: Final = 6
_MELS: Final = 80
_FFT: Final = 400
_HOP: Final = 160
# Decades below the loudest point of a window at which the spectrum is cut off, as in Whisper.
_RANGE: Final = 8.0


class WhisperEncoder(nn.Module):
    """Convolutions, positions and the first ``layers`` blocks of a Whisper encoder; float32, on the CPU."""

    def __init__(self, state: Mapping[str, NDArray[np.float32]], layers: int = LAYERS) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(_MELS, WIDTH, kernel_size=3, padding=1)
        self.conv2 = nn.Conv1d(WIDTH, WIDTH, kernel_size=3, stride=2, padding=1)
        self.positions = nn.Parameter(torch.empty(round(LONGEST_SECONDS * FRAMES_PER_SECOND), WIDTH))
        self.blocks = nn.ModuleList(_Block() for _ in range(layers))
        self.load_state_dict(_renamed(state, layers))
        self.eval().requires_grad_(False)

    def forward(self, mel: Tensor) -> list[Tensor]:
        """Return the output of each block, ``(n_windows, n_frames, 384)``, of ``mel``, ``(n_windows, 80, 2 n_frames)``.

        All windows of a batch have the same length, at most 30 s.
        """
        frames = nn.functional.gelu(self.conv2(nn.functional.gelu(self.conv1(mel)))).transpose(1, 2)
        frames = frames + self.positions[: frames.shape[1]]
        outputs = []
        for block in self.blocks:
            frames = block(frames)
            outputs.append(frames)
        return outputs

    @torch.inference_mode()
    def states(self, samples: Channel) -> NDArray[np.float32]:
        """Return the output of each block for one window of at most 30 s, shape ``(n_layers, n_frames, 384)``."""
        with _one_thread():
            mel = log_mel(torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32)))
            return torch.stack(self(mel[None]))[:, 0].numpy()


class _Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attn_ln, self.mlp_ln = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        # Query, key and value in one matrix: one large product is quicker than three small ones.
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, frames: Tensor) -> Tensor:
        query, key, value = (
            part.unflatten(-1, (_HEADS, -1)).transpose(1, 2) for part in self.qkv(self.attn_ln(frames)).chunk(3, -1)
        )
        attended = nn.functional.scaled_dot_product_attention(query, key, value)
        frames = frames + self.out(attended.transpose(1, 2).flatten(-2))
        return frames + self.mlp(self.mlp_ln(frames))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let one thread of torch work: sums that are shared out differ in the last digits with the number of threads.

    That number is not ours to know: loading CTranslate2 changes it for the whole process.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def load_encoder(layers: int = LAYERS) -> WhisperEncoder:
    """Load the encoder of Whisper tiny.en from the package that carries it.

    :raises BackendUnavailableError: the package is not installed
    :raises ArtefactError: its file is damaged or another one; the message names it
    """
    return WhisperEncoder(encoder_state(read_arrays(PACKAGED[MODEL].fetch() / "model.bin")), layers)


def log_mel(samples: Tensor) -> Tensor:
    """Return Whisper's log-mel spectrum, ``(80, n_samples // 160)``, of ``samples``, ``(n_samples,)`` at 16 kHz.

    ``samples`` has more than 200 samples, since its ends are mirrored.
    """
    window = torch.hann_window(_FFT)
    power = torch.stft(samples, _FFT, _HOP, window=window, return_complex=True)[:, :-1].abs() ** 2
    decades = (_filters() @ power).clamp(min=1e-10).log10()
    return (decades.maximum(decades.max() - _RANGE) + 4.0) / 4.0


@lru_cache(maxsize=1)
def _filters() -> Tensor:
    """Slaney's mel filterbank, ``(80, 201)``: linear to 1 kHz, logarithmic above, each triangle of the same area."""
    hertz = np.linspace(0, SAMPLE_RATE / 2, _FFT // 2 + 1)
    edges = _hertz(np.linspace(0, _mel(SAMPLE_RATE / 2), _MELS + 2))
    widths = np.diff(edges)
    ramps = edges[:, None] - hertz
    triangles = np.maximum(0, np.minimum(-ramps[:-2] / widths[:-1, None], ramps[2:] / widths[1:, None]))
    areas = 2 / (edges[2:] - edges[:-2])
    return torch.from_numpy((triangles * areas[:, None]).astype(np.float32))


# Of Slaney's scale: 3 mel in 200 Hz up to 15 mel at 1 kHz, then 27 mel for each factor of 6.4.
_MEL_BREAK: Final = 15.0
_HERTZ_BREAK: Final = 1000.0
_LOG_STEP: Final = math.log(6.4) / 27


def _mel(hertz: float) -> float:
    return _MEL_BREAK + math.log(hertz / _HERTZ_BREAK) / _LOG_STEP  # above the break only


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < _MEL_BREAK, mel * 200 / 3, _HERTZ_BREAK * np.exp((mel - _MEL_BREAK) * _LOG_STEP))


def _renamed(state: Mapping[str, NDArray[Any]], layers: int) -> dict[str, Tensor]:
    """Return the tensors of ``WhisperEncoder`` out of the state dict of ``whisper.model.Whisper``."""
    named = {
        "positions": state["encoder.positional_embedding"],
        **{f"{conv}.{kind}": state[f"encoder.{conv}.{kind}"] for conv in ("conv1", "conv2") for kind in _PARTS},
    }
    for layer in range(layers):
        own, theirs = f"blocks.{layer}", f"encoder.blocks.{layer}"
        for part, source in (("attn_ln", "attn_ln"), ("mlp_ln", "mlp_ln"), ("out", "attn.out"), ("mlp.0", "mlp.0"),
                             ("mlp.2", "mlp.2")):  # fmt: skip
            named |= {f"{own}.{part}.{kind}": state[f"{theirs}.{source}.{kind}"] for kind in _PARTS}
        names = [f"{theirs}.attn.{name}" for name in ("query", "key", "value")]
        named[f"{own}.qkv.weight"] = np.concatenate([state[f"{name}.weight"] for name in names])
        # Whisper's key has no bias.
        named[f"{own}.qkv.bias"] = np.concatenate([state.get(f"{name}.bias", np.zeros(WIDTH)) for name in names])
    return {name: torch.from_numpy(np.asarray(array, dtype=np.float32)) for name, array in named.items()}


_PARTS: Final = ("weight", "bias")
