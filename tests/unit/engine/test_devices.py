"""Devices and precisions that exist, and those that do not."""

import pytest
import torch

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.models.devices import torch_device, torch_precision


def test_auto_takes_a_device_that_computes() -> None:
    assert torch.ones(2, device=torch_device("auto")).sum().item() == 2.0
    assert torch_device("cpu") == "cpu"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_an_error_and_never_a_cpu() -> None:
    with pytest.raises(BackendUnavailableError, match=r"device 'cuda' was asked for and torch .* sees none"):
        torch_device("cuda")


def test_an_unknown_device_or_precision_is_an_error_that_lists_those_that_exist() -> None:
    with pytest.raises(BackendUnavailableError, match="there is no device 'tpu'; choose one of auto, cpu, cuda, mps"):
        torch_device("tpu")
    with pytest.raises(BackendUnavailableError, match="there is no precision 'int4'; choose one of auto, float32"):
        torch_precision("int4", "cpu")


@pytest.mark.parametrize(
    ("features", "precision"),
    [
        (("avx2", "avx512_f", "avx512_bf16", "amx_bf16"), "bfloat16"),
        (("avx2", "avx512_f", "avx512_vnni"), "int8"),
        (("avx2",), "int8"),
        ((), "float32"),
    ],
)
def test_auto_takes_what_the_processor_is_good_at(
    monkeypatch: pytest.MonkeyPatch, features: tuple[str, ...], precision: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: dict.fromkeys(features, True))
    assert torch_precision("auto", "cpu", has_int8=True) == precision
    assert torch_precision("auto", "cpu") == precision.replace("int8", "float32")


def test_int8_without_avx2_is_an_error_that_names_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict[str, bool])
    with pytest.raises(BackendUnavailableError, match="'int8' needs a processor with AVX2, and device 'cpu' is none"):
        torch_precision("int8", "cpu", has_int8=True)


def test_auto_takes_a_precision_in_which_the_device_multiplies() -> None:
    precision = torch_precision("auto", "cpu")
    ones = torch.ones(2, 2, dtype=getattr(torch, precision))
    assert (ones @ ones).sum().item() == 8.0
    assert torch_precision("float16", "cpu") == "float16"
