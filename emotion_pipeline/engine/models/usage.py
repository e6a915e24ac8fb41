"""What computing took: batches, memory, energy, noted where it happens and read by whoever asked for it.

Nothing is measured unless somebody asks. Who reports it, and how, is not decided here.
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
    """What was used; figures of memory and energy are there when the measured block has ended."""

    device: TorchDevice
    # How many batches there were of each size.
    batch_sizes: Counter[int] = field(default_factory=Counter)
    # How many batches did not fit and were halved.
    out_of_memory: int = 0
    # Highest so far: of the device's memory that torch took within the block, on a CPU of the whole process.
    peak_memory_bytes: int = 0
    # What the GPU drew meanwhile, whoever used it; None where no driver tells.
    energy_joules: float | None = None


_USAGE: Final[ContextVar[Usage | None]] = ContextVar("usage", default=None)


@contextmanager
def measured(wanted: str = "auto") -> Iterator[Usage]:
    """Collect what is used of a device until the block ends; blocks may be nested, the innermost one is told.

    Measuring loads no torch: where nobody has loaded it by the end, ``auto`` was the CPU.

    :param wanted: auto, cpu, cuda or mps
    :raises BackendUnavailableError: the device that is asked for is not there
    """
    device = _device(wanted)
    usage = Usage(device)
    _forget_peak_memory(device)
    before = _energy_joules(device)
    token = _USAGE.set(usage)
    try:
        yield usage
    finally:
        _USAGE.reset(token)
        usage.device = _device(wanted)
        after = _energy_joules(usage.device)
        usage.peak_memory_bytes = _peak_memory_bytes(usage.device)
        if before is not None and after is not None:
            usage.energy_joules = after - before


def note_batch(size: int) -> None:
    """Say that a batch of so many items was computed."""
    usage = _USAGE.get()
    if usage is not None:
        usage.batch_sizes[size] += 1


def note_out_of_memory() -> None:
    """Say that a batch did not fit."""
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


def _device(wanted: str) -> TorchDevice:
    return torch_device(wanted) if wanted != "auto" or "torch" in sys.modules else "cpu"


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
