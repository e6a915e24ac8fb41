"""The network behind a wav2vec2 tone checkpoint: waveforms in, one vector of logits each out.

The layers are those of transformers, under the very names that checkpoints use; here is how they are run: windows of
any length at once without any seeing another's padding, in reduced precision where it costs nothing, and with the two
heads that such checkpoints come with. Where weights come from is ``checkpoint``; what is done with logits ``wav2vec2``.

Model: A. Baevski et al., "wav2vec 2.0: A Framework for Self-Supervised Learning of Speech Representations", 2020.
"""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AttentionInterface, AttentionMaskInterface, Wav2Vec2Config, Wav2Vec2Model
from transformers.masking_utils import sdpa_mask

from emotion_pipeline.engine.models.devices import Precision, TorchDevice
from emotion_pipeline.engine.models.int8_linear import use_int8

# Attention as two matrix products in reduced precision; on a CPU torch's fused kernel multiplies in float32.
PRODUCTS: Final = "products"

# Frames that go through the convolutions at a time, 2 s of audio.
_TILE: Final = 100


class Head(StrEnum):
    """How the states of all frames become logits."""

    # Mean over the frames, dense, tanh, output; keys ``classifier.dense.*`` and ``classifier.output.*``.
    SPEECH = "speech"
    # ``Wav2Vec2ForSequenceClassification``: projector, mean, classifier; keys ``projector.*`` and ``classifier.*``.
    STOCK = "stock"


class SpeechHead(nn.Module):
    """The head of ehcalabres/wav2vec2-lg-xlsr-en-speech-emotion-recognition, behind the mean over the frames."""

    def __init__(self, width: int, n_labels: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(width, n_labels)

    def forward(self, pooled: Tensor) -> Tensor:
        """Logits of shape ``(n, n_labels)`` from the means over the frames, shape ``(n, width)``."""
        return self.output(self.dropout(torch.tanh(self.dense(self.dropout(pooled)))))


class SpeechNetwork(nn.Module):
    """wav2vec2 with one of the heads; the names in its ``state_dict`` are the keys of a checkpoint.

    Made with ``torch.device("meta")`` it costs nothing and says which keys and shapes a checkpoint must have.
    """

    def __init__(self, config: Wav2Vec2Config, head: Head, n_labels: int) -> None:
        super().__init__()
        self.config = config
        self.head = head
        self.precision: Precision = "float32"
        self.wav2vec2: Any = Wav2Vec2Model(config)
        if head is Head.SPEECH:
            self.classifier: nn.Module = SpeechHead(config.hidden_size, n_labels, config.final_dropout)
            return
        self.projector = nn.Linear(config.hidden_size, config.classifier_proj_size)
        self.classifier = nn.Linear(config.classifier_proj_size, n_labels)
        if config.use_weighted_layer_sum:
            self.layer_weights = nn.Parameter(torch.ones(config.num_hidden_layers + 1))

    @property
    def _dtype(self) -> torch.dtype:
        return torch.float32 if self.precision == "int8" else getattr(torch, self.precision)

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    def prepare(self, device: TorchDevice, precision: Precision) -> "SpeechNetwork":
        """Make ready for scoring on ``device``: matrices in ``precision``, norms and the head always in float32.

        With ``int8`` only the linear layers of the encoder are so coarse, all else is float32. Nothing can be trained
        or saved afterwards: the weight norm of the positional convolution is worked out once.
        """
        self.precision = precision
        dtype = self._dtype
        nn.utils.parametrize.remove_parametrizations(self.wav2vec2.encoder.pos_conv_embed.conv, "weight")
        for module in self.wav2vec2.modules():
            if isinstance(module, nn.Linear | nn.Conv1d):
                module.to(dtype)
        first = self.wav2vec2.feature_extractor.conv_layers[0].conv
        first.float()  # eight bits are too few for a waveform
        if precision == "int8":
            use_int8(self.wav2vec2.encoder)
        if device == "cpu" and dtype != torch.float32:
            _offer_products()
            self.config._attn_implementation = PRODUCTS
        return self.to(device).eval().requires_grad_(False)

    def forward(self, waves: Sequence[Tensor]) -> Tensor:
        """Logits in float32, shape ``(n, n_labels)``.

        waves: each float32, shape ``(n_samples,)`` enough for one frame, 16 kHz, scaled as the checkpoint
            wants it; a result does not depend on what else is in the batch but for rounding.
        """
        states, lengths = self.states(waves)
        with torch.autocast(self.device.type, enabled=False):
            states = states.float()
            projected = self.projector(states) if self.head is Head.STOCK else states
            inside = _inside(lengths, states.shape[1], states.device)
            pooled = (projected * inside[..., None]).sum(dim=1) / inside.sum(dim=1, keepdim=True)
            return self.classifier(pooled)

    def states(self, waves: Sequence[Tensor]) -> tuple[Tensor, list[int]]:
        """What the head sees of each frame, shape ``(n, n_frames, width)``, and how many frames each wave has.

        Frames behind a wave's own have no meaning. Every wave goes through the convolutions alone: their memory is
        that of one, and a norm over time (``feat_extract_norm = "group"``), which would count padding in, sees none.
        """
        dtype = self._dtype
        device = self.device.type
        with torch.autocast(device, dtype=dtype, enabled=dtype != torch.float32):
            frames = [self._frames(wave) for wave in waves]
            lengths = [len(frame) for frame in frames]
            padded = nn.utils.rnn.pad_sequence(frames, batch_first=True)
            hidden = self.wav2vec2.feature_projection(padded)[0].float()
            mask = None if len(set(lengths)) == 1 else _inside(lengths, padded.shape[1], padded.device)
            return self._encoded(hidden, mask), lengths

    def _encoded(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        encoder = self.wav2vec2.encoder
        if self.head is Head.SPEECH or not self.config.use_weighted_layer_sum:
            return encoder(hidden, attention_mask=mask).last_hidden_state
        kept: list[Tensor] = []
        hooks = [layer.register_forward_pre_hook(lambda _, inputs: kept.append(inputs[0])) for layer in encoder.layers]
        try:
            kept.append(encoder(hidden, attention_mask=mask).last_hidden_state)
        finally:
            for hook in hooks:
                hook.remove()
        shares = self.layer_weights.softmax(dim=0)
        return sum((share * states.float() for share, states in zip(shares, kept, strict=True)), torch.zeros(()))

    def _frames(self, wave: Tensor) -> Tensor:
        """What the convolutions make of one wave, shape ``(n_frames, conv_dim[-1])``.

        A frame holds its channels next to each other, so that a convolution is one matrix product over views of the
        input, and 2 s at a time are taken through all of them, which stay in the cache: more than twice as fast on a
        CPU as the channels-first kernels with their transpositions for each norm, and the same to the bit.
        """
        over_time = any(isinstance(getattr(layer, "layer_norm", None), nn.GroupNorm) for layer in self._convolutions)
        if over_time or wave.device.type != "cpu":  # mean and variance of the whole wave; few large steps for a GPU
            return self._convolve(wave)
        seen, hop = field_of(self.config)
        n_frames = (len(wave) - seen) // hop + 1
        starts = range(0, n_frames, _TILE)
        ends = [min(start + _TILE, n_frames) for start in starts]
        tiles = [wave[start * hop : (end - 1) * hop + seen] for start, end in zip(starts, ends, strict=True)]
        return torch.cat([self._convolve(tile) for tile in tiles])

    @property
    def _convolutions(self) -> nn.ModuleList:
        return self.wav2vec2.feature_extractor.conv_layers

    def _convolve(self, wave: Tensor) -> Tensor:
        dtype = self._dtype
        hidden = wave[:, None]
        for layer in cast(Any, self._convolutions):
            with torch.autocast(wave.device.type, dtype=dtype, enabled=hidden.dtype == dtype != torch.float32):
                hidden = _convolved(hidden, layer.conv)
            hidden = layer.activation(_normed(hidden, getattr(layer, "layer_norm", None)).to(dtype))
        return hidden


def field_of(config: Wav2Vec2Config) -> tuple[int, int]:
    """How many samples one frame sees, and how many lie between two frames."""
    seen = 1
    for kernel, stride in zip(reversed(config.conv_kernel), reversed(config.conv_stride), strict=True):
        seen = (seen - 1) * stride + kernel
    return seen, math.prod(config.conv_stride)


def _convolved(hidden: Tensor, convolution: nn.Conv1d) -> Tensor:
    """A convolution without padding over shape ``(n_frames, n_channels)``, frames first in and out."""
    n_channels = hidden.shape[1]
    kernel, stride = convolution.kernel_size[0], convolution.stride[0]
    n_frames = (len(hidden) - kernel) // stride + 1
    views = hidden.contiguous().as_strided((n_frames, kernel * n_channels), (stride * n_channels, 1))
    weights = convolution.weight.permute(0, 2, 1).reshape(convolution.out_channels, -1)
    return functional.linear(views, weights, convolution.bias)


def _normed(hidden: Tensor, norm: nn.Module | None) -> Tensor:
    if isinstance(norm, nn.GroupNorm):  # one group a channel: over time
        return norm(hidden.float().T[None])[0].T
    return hidden if norm is None else norm(hidden)


def _inside(lengths: Sequence[int], longest: int, device: torch.device) -> Tensor:
    """Which frames are a wave's own, bool, shape ``(len(lengths), longest)``."""
    return torch.arange(longest, device=device) < torch.tensor(lengths, device=device)[:, None]


def _offer_products() -> None:
    AttentionInterface.register(PRODUCTS, _attention)
    AttentionMaskInterface.register(PRODUCTS, cast(Any, sdpa_mask))


def _attention(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
) -> tuple[Tensor, None]:
    """See ``PRODUCTS``; query, key and value have shape ``(n, n_heads, n_frames, width)``."""
    scores = torch.matmul(query * options["scaling"], key.transpose(2, 3))
    if attention_mask is not None:
        scores = scores.masked_fill_(~attention_mask, -torch.inf)
    return torch.matmul(scores.softmax(dim=-1), value).transpose(1, 2).contiguous(), None
