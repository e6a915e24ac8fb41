"""What the processor can do that decides which path the networks take; every figure of speed is printed beside it."""

from typing import Any, Final

_FEATURES: Final = ("avx2", "avx_vnni", "avx512_f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8", "bf16")


def processor() -> dict[str, Any]:
    """Return the processor's features that decide which path is taken, and the instructions that torch uses."""
    import torch

    features = torch.cpu.get_capabilities()
    return {
        "processor": [name for name in _FEATURES if features.get(name)],
        "instructions": torch.backends.cpu.get_cpu_capability(),
    }
