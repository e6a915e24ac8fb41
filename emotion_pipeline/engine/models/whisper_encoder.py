"""Whisper's encoder in torch, whole or its first layers, and the log-mel spectrum that it reads.

Transcription computes the whole encoder with it where torch is quicker than CTranslate2, on windows of 30 s. The tone
model measures windows at their true length with the first layers: Whisper was trained to write down what is said, its
lower layers still hold how it is said, its last one hardly does. A window padded with silence to 30 s gives what
openai-whisper gives for it.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel
from emotion_pipeline.engine.models.whisper_conversion import HEAD_WIDTH, encoder_state, read_arrays

FRAMES_PER_SECOND: Final = 50
LONGEST_SECONDS: Final = 30.0

_MELS: Final = 80
_FFT: Final = 400
_HOP: Final = 160
# Decades below the loudest point of a window at which the spectrum is cut off, as in Whisper.
_RANGE: Final = 8.0


class WhisperEncoder(nn.Module):
    """Convolutions, positions and blocks of a Whisper encoder of any size, on the CPU.

    :param state: the arrays of ``whisper_conversion.encoder_state``
    :param layers: how many blocks, from the first one on; None is all of them
    """

    def __init__(self, state: Mapping[str, NDArray[np.float32]], layers: int | None = None) -> None:
        super().__init__()
        layers = layers or len({name.split(".")[2] for name in state if name.startswith("encoder.blocks.")})
        width, mels, kernel = state["encoder.conv1.weight"].shape
        self.conv1 = nn.Conv1d(mels, width, kernel, padding=1)
        self.conv2 = nn.Conv1d(width, width, kernel, stride=2, padding=1)
        self.positions = nn.Parameter(torch.empty(round(LONGEST_SECONDS * FRAMES_PER_SECOND), width))
        self.blocks = nn.ModuleList(_Block(width) for _ in range(layers))
        self.ln_post = nn.LayerNorm(width)
        self.load_state_dict(_renamed(state, layers))
        self.eval().requires_grad_(False)

    def forward(self, mel: Tensor) -> list[Tensor]:
        """Return the output of each block, ``(n_windows, n_frames, width)``.

        :param mel: log-mel spectra of windows of the same length, at most 30 s, ``(n_windows, n_mels, 2 n_frames)``
        """
        frames = nn.functional.gelu(self.conv2(nn.functional.gelu(self.conv1(mel)))).transpose(1, 2)
        frames = frames + self.positions[: frames.shape[1]]
        outputs = []
        for block in self.blocks:
            frames = block(frames)
            outputs.append(frames)
        return outputs

    @torch.inference_mode()
    def encode(self, mel: NDArray[np.float32], threads: int) -> NDArray[np.float32]:
        """Return what the decoder reads, ``(n_windows, 1500, width)``, of spectra of 30 s.

        ``mel``: shape ``(n_windows, n_mels, 3000)``. One window is computed after the other, since more of them at
        once do not stay in the processor's cache.
        """
        spectra = torch.from_numpy(mel).to(self.positions.dtype).split(1)
        with torch_threads(threads):
            return torch.cat([self.ln_post(self(spectrum)[-1]) for spectrum in spectra]).float().numpy()

    @torch.inference_mode()
    def states(self, samples: Channel) -> NDArray[np.float32]:
        """Return the output of each block for one window of at most 30 s, shape ``(n_layers, n_frames, width)``."""
        with torch_threads(1):
            mel = log_mel(torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32)))
            return torch.stack(self(mel[None]))[:, 0].numpy()


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.attn_ln, self.mlp_ln = nn.LayerNorm(width), nn.LayerNorm(width)
        # Query, key and value in one matrix: one large product is quicker than three small ones.
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, frames: Tensor) -> Tensor:
        query, key, value = (
            part.unflatten(-1, (-1, HEAD_WIDTH)).transpose(1, 2) for part in self.qkv(self.attn_ln(frames)).chunk(3, -1)
        )
        attended = nn.functional.scaled_dot_product_attention(query, key, value)
        frames = frames + self.out(attended.transpose(1, 2).flatten(-2))
        return frames + self.mlp(self.mlp_ln(frames))


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let this many threads of torch work: sums that are shared out differ in the last digits with their number.

    That number is not torch's alone: loading CTranslate2 changes it for the whole process.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def load_encoder(file: Path, layers: int | None = None) -> WhisperEncoder:
    """Load the encoder, or its first ``layers``, from a ``model.bin`` of CTranslate2, in float32.

    :raises ArtefactError: the file is no Whisper model of CTranslate2, or is not whole
    """
    return WhisperEncoder(encoder_state(read_arrays(file)), layers)


def log_mel(samples: Tensor) -> Tensor:
    """Return Whisper's log-mel spectrum, ``(80, n_samples // 160)``, of ``samples``, ``(n_samples,)`` at 16 kHz.

    ``samples`` has more than 200 samples, since its ends are mirrored.
    """
    window = torch.hann_window(_FFT)
    power = torch.stft(samples, _FFT, _HOP, window=window, return_complex=True)[:, :-1].abs() ** 2
    decades = (mel_filters(_MELS) @ power).clamp(min=1e-10).log10()
    return (decades.maximum(decades.max() - _RANGE) + 4.0) / 4.0


@lru_cache(maxsize=2)
def mel_filters(bands: int) -> Tensor:
    """Slaney's mel filterbank, ``(bands, 201)``: linear to 1 kHz, logarithmic above, each triangle of the same area."""
    hertz = np.linspace(0, SAMPLE_RATE / 2, _FFT // 2 + 1)
    edges = _hertz(np.linspace(0, _mel(SAMPLE_RATE / 2), bands + 2))
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
        **{
            f"{part}.{kind}": state[f"encoder.{part}.{kind}"]
            for part in ("conv1", "conv2", "ln_post")
            for kind in _PARTS
        },
    }
    for layer in range(layers):
        own, theirs = f"blocks.{layer}", f"encoder.blocks.{layer}"
        for part, source in (("attn_ln", "attn_ln"), ("mlp_ln", "mlp_ln"), ("out", "attn.out"), ("mlp.0", "mlp.0"),
                             ("mlp.2", "mlp.2")):  # fmt: skip
            named |= {f"{own}.{part}.{kind}": state[f"{theirs}.{source}.{kind}"] for kind in _PARTS}
        names = [f"{theirs}.attn.{name}" for name in ("query", "key", "value")]
        named[f"{own}.qkv.weight"] = np.concatenate([state[f"{name}.weight"] for name in names])
        # Whisper's key has no bias.
        no_bias = np.zeros_like(state["encoder.ln_post.bias"])
        named[f"{own}.qkv.bias"] = np.concatenate([state.get(f"{name}.bias", no_bias) for name in names])
    return {name: torch.from_numpy(np.asarray(array, dtype=np.float32)) for name, array in named.items()}


_OUTSIDE: Final = ("conv1", "conv2", "ln_post")
_PARTS: Final = ("weight", "bias")
