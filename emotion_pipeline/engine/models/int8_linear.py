"""A linear layer of eight-bit integers, for processors that have AVX2 and no bfloat16.

How a network is put together from such layers, and where they are precise enough, is the work of each model.
"""

import warnings

import torch
from torch import Tensor, nn


class Int8Linear(nn.Module):
    """A linear layer that multiplies whole numbers of eight bits, float32 in and out.

    Weights have a scale for each output, inputs one for each call, worked out from their range.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach()
        scales = weight.abs().amax(dim=1).clamp(min=1e-8).double() / 127
        zeros = torch.zeros(len(weight), dtype=torch.long)
        with warnings.catch_warnings():  # a later torch is to have another way, the pinned one has this
            warnings.simplefilter("ignore", UserWarning)
            whole = torch.quantize_per_channel(weight, scales, zeros, axis=0, dtype=torch.qint8)
        bias = None if linear.bias is None else linear.bias.detach()
        self._packed = torch.ops.quantized.linear_prepack(whole, bias)

    def forward(self, inputs: Tensor) -> Tensor:
        # Seven bits of the inputs: AVX2 adds two products in 16 bits, which eight would exceed.
        return torch.ops.quantized.linear_dynamic(inputs, self._packed, reduce_range=True)


def use_int8(module: nn.Module) -> None:
    """Put an ``Int8Linear`` in place of every linear layer below ``module``."""
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, name, Int8Linear(child))
        else:
            use_int8(child)
