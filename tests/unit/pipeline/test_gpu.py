"""The device as a resource: what it is told, and what it reports."""

import os

import dagster as dg
import pytest

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.models.usage import note_batch, note_out_of_memory
from emotion_pipeline.resources.gpu import Gpu


def test_a_report_names_device_precision_memory_and_batches() -> None:
    gpu = Gpu(device="cpu", precision="float32")
    with gpu.measured() as usage:
        for size in (16, 16, 4):
            note_batch(size)
        note_out_of_memory()
    report = gpu.report(usage)
    assert (report["device"], report["precision"], report["out_of_memory"]) == ("cpu", "float32", 1)
    assert report["peak_memory_mb"] > 10
    assert report["batch_sizes"] == dg.MetadataValue.json({"4": 1, "16": 2})
    assert "energy_joules" not in report


def test_work_without_batches_reports_none() -> None:
    gpu = Gpu(device="cpu")
    with gpu.measured() as usage:
        pass
    assert "batch_sizes" not in gpu.report(usage)


def test_a_device_that_is_not_there_is_an_error_and_not_another_device() -> None:
    import torch

    absent = "cuda" if not torch.cuda.is_available() else "mps"
    with (
        pytest.raises(BackendUnavailableError, match=f"device '{absent}' was asked for"),
        Gpu(device=absent).measured(),
    ):
        pass


def test_the_allocator_grows_segments_unless_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTORCH_CUDA_ALLOC_CONF", raising=False)
    Gpu().setup_for_execution(dg.build_init_resource_context())
    assert os.environ["PYTORCH_CUDA_ALLOC_CONF"] == "expandable_segments:True"
    monkeypatch.setenv("PYTORCH_CUDA_ALLOC_CONF", "max_split_size_mb:128")
    Gpu().setup_for_execution(dg.build_init_resource_context())
    assert os.environ["PYTORCH_CUDA_ALLOC_CONF"] == "max_split_size_mb:128"
