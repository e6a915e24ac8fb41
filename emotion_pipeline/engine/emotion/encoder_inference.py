"""Running the encoder's network: on which device, in which precision, and from a batch of token rows to raw scores.

Importing this module imports torch; code that only describes models does not need it.
"""

import copy
from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emotion_pipeline.engine.emotion.encoder_net import EmotionNet
from emotion_pipeline.engine.emotion.token_batches import pad
from emotion_pipeline.engine.models.devices import torch_device, torch_precision
from emotion_pipeline.engine.models.int8_linear import use_int8

_WITH_DISTANCES: Final = "deberta-v2"
# Hidden size from which an encoder is large: the base models have 768.
LARGE: Final = 512


class HalfLinear(nn.Module):
    """A linear layer that multiplies in bfloat16 and hands on float32."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight = nn.Parameter(linear.weight.detach().to(torch.bfloat16), requires_grad=False)
        self.bias = linear.bias

    def forward(self, inputs: Tensor) -> Tensor:
        product = nn.functional.linear(inputs.to(torch.bfloat16), self.weight).float()
        return product if self.bias is None else product + self.bias


def fastest(net: EmotionNet, precision: str = "auto") -> EmotionNet:
    """A copy of ``net`` for inference, on the GPU where there is one.

    A small encoder multiplies in bfloat16 and does all else in float32: with attention in bfloat16 too, a text's scores
    would depend in the third digit on the texts that it shares a batch with. A large one, where attention takes half of
    the time, runs in bfloat16 as a whole, or its linear layers multiply whole numbers of eight bits.

    :param precision: auto is bfloat16 where the device computes in it, int8 on a processor with AVX2 alone for a large
        encoder, float32 for a small one, which in int8 would depend on the rest of a batch, too
    :raises BackendUnavailableError: no such precision, or the processor does not have it
    """
    where = torch_device("auto")
    ready = copy.deepcopy(net).eval().requires_grad_(requires_grad=False)
    if ready.encoder.config.model_type == _WITH_DISTANCES:
        from emotion_pipeline.engine.emotion.deberta_attention import look_near  # seconds to import

        look_near(ready.encoder)
    is_large = ready.encoder.config.hidden_size >= LARGE
    chosen = torch_precision(precision, where, has_int8=is_large)
    if chosen == "int8":
        use_int8(ready.encoder)
    elif chosen != "float32" and is_large:
        ready.encoder.to(getattr(torch, chosen))
    elif chosen == "bfloat16":
        halve_linear_layers(ready.encoder)
    return ready.to(where)


def halve_linear_layers(module: nn.Module) -> None:
    """Put a ``HalfLinear`` in place of every linear layer below ``module``."""
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, name, HalfLinear(child))
        else:
            halve_linear_layers(child)


@torch.inference_mode()
def run_net(net: EmotionNet, rows: Sequence[NDArray[np.int32]], features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Raw scores ``(n, 52)`` of ``n`` rows of token ids; ``features`` ``(n, 42)`` scaled to unit variance."""
    device = next(net.parameters()).device
    ids, mask = (torch.from_numpy(array).to(device) for array in pad(rows))
    scaled = torch.from_numpy(features).to(device)
    return net(ids, mask, scaled).flat().cpu().numpy()
