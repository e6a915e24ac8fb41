"""Batches, memory and energy that a block of code used; back ends note their batches here.

Nothing is measured outside ``measured``. Reporting the figures does not belong here.
"""

import resource
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from emotion_pipeline.engine.models.devices import TorchDevice, torch_device

# ``ru_maxrss`` counts kibibytes, on macOS bytes.
_KIB: Final = 1024 if sys.platform != "darwin" else 1


@dataclass
class Usage:
    """What was used; memory and energy are set when the measured block ends."""

    device: TorchDevice
    # How many batches there were of each size.
    batch_sizes: Counter[int] = field(default_factory=Counter)
    # How many batches did not fit and were halved.
    out_of_memory: int = 0
    # Highest so far: of the device's memory that torch took within the block, on a CPU of the whole process.
    peak_memory_bytes: int = 0
    # What the GPU drew meanwhile, whoever used it; None without a driver that measures it.
    energy_joules: float | None = None


_USAGE: Final[ContextVar[Usage | None]] = ContextVar("usage", default=None)


@contextmanager
def measured(requested: str = "auto") -> Iterator[Usage]:
    """Collect what is used of a device until the block ends; of nested blocks, the innermost one counts.

    Measuring loads no torch: where nobody has loaded it by the end, ``auto`` was the CPU.

    :param requested: auto, cpu, cuda or mps
    :raises BackendUnavailableError: the requested device is not available
    """
    device = _device(requested)
    usage = Usage(device)
    _forget_peak_memory(device)
    before = _energy_joules(device)
    token = _USAGE.set(usage)
    try:
        yield usage
    finally:
        _USAGE.reset(token)
        usage.device = _device(requested)
        after = _energy_joules(usage.device)
        usage.peak_memory_bytes = _peak_memory_bytes(usage.device)
        if before is not None and after is not None:
            usage.energy_joules = after - before


def note_batch(size: int) -> None:
    """Count a batch of ``size`` items that was computed."""
    usage = _USAGE.get()
    if usage is not None:
        usage.batch_sizes[size] += 1


def note_out_of_memory() -> None:
    """Count a batch that did not fit."""
    usage = _USAGE.get()
    if usage is not None:
        usage.out_of_memory += 1


def process_peak_bytes() -> int:
    """Return the highest resident memory of this process so far.

    From Linux' own record of it: ``ru_maxrss`` begins with what the process had that started this one.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        peak = next((line for line in status.read_text().splitlines() if line.startswith("VmHWM:")), None)
        if peak is not None:
            return int(peak.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB


def _device(requested: str) -> TorchDevice:
    return torch_device(requested) if requested != "auto" or "torch" in sys.modules else "cpu"


def _forget_peak_memory(device: TorchDevice) -> None:
    if device == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats()


def _peak_memory_bytes(device: TorchDevice) -> int:
    if device == "cuda":
        import torch

        return torch.cuda.max_memory_allocated()
    return process_peak_bytes()


def _energy_joules(device: TorchDevice) -> float | None:
    """Return what the first GPU drew since its driver was loaded (NVML), or None."""
    if device != "cuda":
        return None
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        return pynvml.nvmlDeviceGetTotalEnergyConsumption(pynvml.nvmlDeviceGetHandleByIndex(0)) / 1000.0
    except pynvml.NVMLError:
        return None  # GPUs before Volta do not count it
