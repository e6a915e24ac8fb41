"""Every path that a processor may take gives the probabilities of float32, to within rounding."""

import os
import subprocess
import sys
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from transformers import DebertaV2Config, DebertaV2Model

from emotion_pipeline.engine.emotion.calibration import sigmoid
from emotion_pipeline.engine.emotion.encoder_inference import LARGE, fastest, run_net
from emotion_pipeline.engine.emotion.encoder_net import EmotionNet
from emotion_pipeline.engine.models.devices import torch_precision

KIND_OF_LAYER = """
import torch
from emotion_pipeline.engine.emotion.encoder_inference import fastest
from emotion_pipeline.engine.emotion.encoder_net import EmotionNet
from transformers import BertConfig, BertModel

for width in (64, 512):
    config = BertConfig(hidden_size=width, num_hidden_layers=1, num_attention_heads=4, intermediate_size=64)
    net = fastest(EmotionNet(BertModel(config)))
    print(type(net.encoder.encoder.layer[0].output.dense).__name__)
"""


@cache
def large_net() -> EmotionNet:
    torch.manual_seed(0)
    shape: dict[str, Any] = {
        "vocab_size": 50, "hidden_size": LARGE, "num_hidden_layers": 2, "num_attention_heads": 8,
        "intermediate_size": 1_024, "relative_attention": True, "position_buckets": 16,
        "pos_att_type": ["p2c", "c2p"], "type_vocab_size": 0,
    }  # fmt: skip
    return EmotionNet(DebertaV2Model(DebertaV2Config(**shape))).eval()


def probabilities(precision: str) -> np.ndarray:
    rows = [np.arange(5 + 3 * n, dtype=np.int32) % 50 for n in range(12)]
    raw = run_net(fastest(large_net(), precision), rows, np.zeros((len(rows), 42), np.float32))
    return sigmoid(raw)


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_coarse_numbers_keep_the_probabilities_of_a_large_encoder(precision: str) -> None:
    if precision == "int8" and not torch.cpu.get_capabilities().get("avx2"):
        pytest.skip("int8 needs a processor with AVX2")
    assert np.abs(probabilities(precision) - probabilities("float32")).max() < 0.01


@pytest.mark.skipif(torch_precision("auto", "cpu", has_int8=True) == "float32", reason="needs a processor with AVX2")
def test_with_avx2_alone_a_large_encoder_takes_int8_and_a_small_one_float32() -> None:
    environment = {**os.environ, "ATEN_CPU_CAPABILITY": "avx2"}
    answer = subprocess.run(
        [sys.executable, "-c", KIND_OF_LAYER], env=environment, check=True, capture_output=True, text=True
    )
    assert answer.stdout.split() == ["Linear", "Int8Linear"]
