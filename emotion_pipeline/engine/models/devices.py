"""The device and precision that torch computes in: the requested ones, or an error where they are not available.

Only ``auto`` chooses; its choice is part of the model's fingerprint. No models are loaded here.
"""

from typing import Final, Literal, TypeAlias, cast

from emotion_pipeline.engine.common.errors import BackendUnavailableError

TorchDevice: TypeAlias = Literal["cpu", "cuda", "mps"]
Precision: TypeAlias = Literal["float32", "float16", "bfloat16", "int8"]

DEVICES: Final = ("auto", "cpu", "cuda", "mps")
PRECISIONS: Final = ("auto", "float32", "float16", "bfloat16")


def torch_device(requested: str) -> TorchDevice:
    """Return ``requested``, and for ``auto`` the fastest device that torch sees.

    :raises BackendUnavailableError: no such device, or not on this machine
    """
    import torch

    check_name("device", requested, DEVICES)
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if requested == "auto":
        return cast(TorchDevice, next(name for name, is_available in available.items() if is_available))
    if not available[requested]:
        raise BackendUnavailableError(
            f"device {requested!r} was asked for and torch {torch.__version__} sees none; take device 'auto' or "
            f"'cpu', or install a driver and a build of torch for it"
        )
    return cast(TorchDevice, requested)


def torch_precision(requested: str, device: TorchDevice, *, has_int8: bool = False) -> Precision:
    """Return ``requested``, and for ``auto`` bfloat16 where the device has it, float16 on older GPUs, else float32.

    :param has_int8: whether the model can compute in int8; ``auto`` takes it on a processor with AVX2 and no bfloat16
    :raises BackendUnavailableError: no such precision, or int8 on another device than a processor with AVX2
    """
    import torch

    check_name("precision", requested, (*PRECISIONS, "int8") if has_int8 else PRECISIONS)
    features = torch.cpu.get_capabilities() if device == "cpu" else {}
    if requested == "int8" and not features.get("avx2"):
        raise BackendUnavailableError(
            f"precision 'int8' needs a processor with AVX2, and device {device!r} is none; take precision 'auto'"
        )
    if requested != "auto":
        return cast(Precision, requested)
    if device == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    if any(features.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16")) and not _kept_to_avx2():
        return "bfloat16"
    return "int8" if has_int8 and features.get("avx2") else "float32"


def _kept_to_avx2() -> bool:
    """Return whether torch leaves newer instructions unused, as ``ATEN_CPU_CAPABILITY=avx2`` makes it."""
    import torch

    return torch.backends.cpu.get_cpu_capability() == "AVX2"


def check_name(what: str, name: str, names: tuple[str, ...]) -> None:
    """Raise BackendUnavailableError where ``name`` is not among ``names``."""
    if name not in names:
        raise BackendUnavailableError(f"there is no {what} {name!r}; choose one of {', '.join(names)}")
