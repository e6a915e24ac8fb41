"""The device that models compute on: which one, in which precision, and what each materialisation took of it.

The same one serves transcription, tone and text; the engine keeps one copy of each model per process. Runs take turns
at it through the pool ``gpu``, whose limit is the number of devices, or of such jobs as the cores bear at once.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import dagster as dg

from emotion_pipeline.engine.models.devices import torch_precision
from emotion_pipeline.engine.models.usage import Usage, measured

# What uses models takes a slot of it.
POOL: Final = "gpu"


class Gpu(dg.ConfigurableResource):
    """Chooses and measures.

    Attributes:
        device: auto, cpu, cuda or mps; one that is asked for and not there is an error.
        precision: auto, float32, float16 or bfloat16.
    """

    device: str = "auto"
    precision: str = "auto"

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Let torch's allocator grow its segments unless the environment says otherwise: read at its first use only."""
        os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")

    @contextmanager
    def measured(self) -> Iterator[Usage]:
        """Measure what the block takes. Raises BackendUnavailableError where the device asked for is not there."""
        with measured(self.device) as usage:
            yield usage

    def report(self, usage: Usage) -> Mapping[str, Any]:
        """Return what a materialisation shows of it."""
        sizes = {str(size): count for size, count in sorted(usage.batch_sizes.items())}
        report: dict[str, Any] = {
            "device": usage.device,
            "precision": torch_precision(self.precision, usage.device) if "torch" in sys.modules else "float32",
            "peak_memory_mb": round(usage.peak_memory_bytes / 2**20, 1),
        }
        if sizes:
            report["batch_sizes"] = dg.MetadataValue.json(sizes)
            report["out_of_memory"] = usage.out_of_memory
        if usage.energy_joules is not None:
            report["energy_joules"] = round(usage.energy_joules, 1)
        return report
