"""Where torch computes and in which precision: what was asked for if it is there, else an error, never something else.

Only ``auto`` chooses, and what it chose is part of the fingerprint of whoever asks. Nothing is loaded here but torch.
"""

from typing import Final, Literal, TypeAlias, cast

from emotion_pipeline.engine.common.errors import BackendUnavailableError

TorchDevice: TypeAlias = Literal["cpu", "cuda", "mps"]
Precision: TypeAlias = Literal["float32", "float16", "bfloat16"]

DEVICES: Final = ("auto", "cpu", "cuda", "mps")
PRECISIONS: Final = ("auto", "float32", "float16", "bfloat16")


def torch_device(wanted: str) -> TorchDevice:
    """Return ``wanted``, and for ``auto`` the fastest device that torch sees.

    :raises BackendUnavailableError: no such device, or not on this machine
    """
    import torch

    check_name("device", wanted, DEVICES)
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return cast(TorchDevice, next(name for name, is_there in there.items() if is_there))
    if not there[wanted]:
        raise BackendUnavailableError(
            f"device {wanted!r} was asked for and torch {torch.__version__} sees none; take device 'auto' or 'cpu', or "
            f"install a driver and a build of torch for it"
        )
    return cast(TorchDevice, wanted)


def torch_precision(wanted: str, device: TorchDevice) -> Precision:
    """Return ``wanted``, and for ``auto`` bfloat16 where the device has it, float16 on older GPUs, else float32.

    :raises BackendUnavailableError: no such precision
    """
    import torch

    check_name("precision", wanted, PRECISIONS)
    if wanted != "auto":
        return cast(Precision, wanted)
    if device == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    if device == "cpu" and any(torch.cpu.get_capabilities().get(name) for name in ("avx512_bf16", "amx_bf16", "bf16")):
        return "bfloat16"
    return "float32"


def check_name(what: str, name: str, known: tuple[str, ...]) -> None:
    """Raise BackendUnavailableError where ``name`` is none of those known."""
    if name not in known:
        raise BackendUnavailableError(f"there is no {what} {name!r}; choose one of {', '.join(known)}")
