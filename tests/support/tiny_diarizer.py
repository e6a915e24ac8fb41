"""Two tiny ONNX models with the interface of sherpa-onnx's diarization models, for two voices that are two tones.

The segmentation model hears a low voice (around 300 Hz) and a high one (around 2 kHz) with the geometry of pyannote's
segmentation 3.0: windows of 10 s, 589 frames, seven sets of at most two of three speakers. The embedding model
returns the geometric mean power of each mel band.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from emotion_pipeline.engine.common.types import SAMPLE_RATE

LOW_HZ, HIGH_HZ = 300.0, 2000.0
SEGMENTATION_METADATA = {
    "num_speakers": "3",
    "powerset_max_classes": "2",
    "num_classes": "7",
    "sample_rate": "16000",
    "window_size": "160000",
    "receptive_field_size": "991",
    "receptive_field_shift": "270",
}
EMBEDDING_METADATA = {
    "framework": "wespeaker",
    "language": "English",
    "output_dim": "80",
    "sample_rate": "16000",
    "normalize_samples": "1",
}
NEMO_METADATA = {
    "framework": "nemo",
    "language": "English",
    "output_dim": "80",
    "sample_rate": "16000",
    "feat_dim": "80",
    "window_size_ms": "25",
    "window_stride_ms": "10",
    "window_type": "hann",
    "feature_normalize_type": "",
}
_LEAST_POWER = 1e-3
_FILTER = 320
_FIELD = 991 - _FILTER + 1


def write_segmentation(
    path: Path, metadata: Mapping[str, str] = SEGMENTATION_METADATA, *, classes: int = 7, shift: int = 270
) -> Path:
    """Write the segmentation model, with a frame every ``shift`` samples; fewer ``classes`` leave out the last ones."""
    time = np.arange(_FILTER) / SAMPLE_RATE
    filters = [wave(2 * np.pi * hz * time) for hz in (LOW_HZ, HIGH_HZ) for wave in (np.cos, np.sin)]
    bank = np.stack(filters)[:, np.newaxis].astype(np.float32) / _FILTER
    # A set of speakers is worth the sum of its speakers' powers above the least one; the third speaker never is.
    worth = np.zeros((classes, 4, 1), dtype=np.float32)
    bias = np.zeros(classes, dtype=np.float32)
    for index, voices in enumerate([(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2)][:classes]):
        for voice in voices:
            if voice < 2:
                worth[index, 2 * voice : 2 * voice + 2] = 1.0
            bias[index] -= _LEAST_POWER if voice < 2 else 1.0
    nodes = [
        helper.make_node("Conv", ["x", "bank"], ["waves"]),
        helper.make_node("Mul", ["waves", "waves"], ["powers"]),
        helper.make_node("AveragePool", ["powers"], ["frames"], kernel_shape=[_FIELD], strides=[shift]),
        helper.make_node("Conv", ["frames", "worth", "bias"], ["sets"]),
        helper.make_node("Transpose", ["sets"], ["y"], perm=[0, 2, 1]),
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1, "T"])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", "F", classes])]
    return _write(path, nodes, inputs, outputs, {"bank": bank, "worth": worth, "bias": bias}, metadata)


def write_embedding(path: Path, metadata: Mapping[str, str] = EMBEDDING_METADATA, spoilt_by: float = 0.0) -> Path:
    """Write the embedding model; ``spoilt_by`` is added to every value, NaN to spoil them all."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("Exp", ["mean"], ["power"]),
        helper.make_node("Add", ["power", "constant"], ["embs"]),
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, "T", 80])]
    outputs = [helper.make_tensor_value_info("embs", TensorProto.FLOAT, [1, 80])]
    return _write(path, nodes, inputs, outputs, {"constant": np.array(spoilt_by, np.float32)}, metadata)


def write_embedding_of_short_stretches(path: Path, longest: int = 400) -> Path:
    """Write an embedding model that fails on ``longest`` frames and more: it looks up its answer by their number."""
    nodes = [
        helper.make_node("Shape", ["x"], ["length"], start=1, end=2),
        helper.make_node("Gather", ["table", "length"], ["embs"]),
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, "T", 80])]
    outputs = [helper.make_tensor_value_info("embs", TensorProto.FLOAT, [1, 80])]
    return _write(path, nodes, inputs, outputs, {"table": np.ones((longest, 80), np.float32)}, EMBEDDING_METADATA)


def write_nemo_embedding(path: Path, metadata: Mapping[str, str] = NEMO_METADATA) -> Path:
    """Write the same model with the two inputs and two outputs that NeMo's exports have."""
    nodes = [
        helper.make_node("ReduceMean", ["audio_signal"], ["mean"], axes=[2], keepdims=0),
        helper.make_node("Exp", ["mean"], ["embs"]),
        helper.make_node("Identity", ["length"], ["logits"]),
    ]
    inputs = [
        helper.make_tensor_value_info("audio_signal", TensorProto.FLOAT, [1, 80, "T"]),
        helper.make_tensor_value_info("length", TensorProto.INT64, [1]),
    ]
    outputs = [
        helper.make_tensor_value_info("logits", TensorProto.INT64, [1]),
        helper.make_tensor_value_info("embs", TensorProto.FLOAT, [1, 80]),
    ]
    return _write(path, nodes, inputs, outputs, {}, metadata)


def _write(
    path: Path,
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    weights: Mapping[str, np.ndarray],
    metadata: Mapping[str, str],
) -> Path:
    initializers = [numpy_helper.from_array(values, name) for name, values in weights.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path
