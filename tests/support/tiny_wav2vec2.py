"""wav2vec2 tone checkpoints of some ten thousand weights in the layout, and under the key names, of the real ones.

The convolutions have the real kernels and strides, so a frame is 25 ms every 20 ms as in the real model; only widths
and the number of layers are small. ``Head.SPEECH`` is the layout of the checkpoint of the documents,
``Head.STOCK`` that of transformers' own class. A group of the positional convolution has 16 channels (real models
have 48 and more): with 8 of them torch 2.13 computes something else in bfloat16 on processors with AMX.
"""

import json
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import save_file
from transformers import Wav2Vec2Config

from emotion_pipeline.engine.tone.labels import TONES
from emotion_pipeline.engine.tone.wav2vec2.network import Head, SpeechNetwork

Weights = dict[str, torch.Tensor]
Config = dict[str, Any]

_NAMES: Final = {
    "parametrizations.weight.original0": "weight_g",
    "parametrizations.weight.original1": "weight_v",
}
PREPROCESSOR: Final = {"do_normalize": True, "sampling_rate": 16_000, "return_attention_mask": True}


def config_of(labels: tuple[str, ...] = TONES, **changes: Any) -> Config:
    """What ``config.json`` says of a tiny model; by default with norms over the layer, as the large models have."""
    return {
        "model_type": "wav2vec2", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 64, "conv_dim": [16] * 7, "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 2, "classifier_proj_size": 12, "feat_extract_norm": "layer",
        "conv_bias": True, "do_stable_layer_norm": True, "pooling_mode": "mean",
        "id2label": {str(i): label for i, label in enumerate(labels)},
    } | changes  # fmt: skip


def base_config_of(labels: tuple[str, ...] = TONES, **changes: Any) -> Config:
    """As ``config_of`` with a norm over time, as the base models have."""
    return config_of(labels, feat_extract_norm="group", conv_bias=False, do_stable_layer_norm=False, **changes)


def weights_of(config: Config, head: Head = Head.SPEECH, seed: int = 3) -> Weights:
    """Weights drawn with a seed, large enough that different sounds give clearly different labels."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SpeechNetwork(Wav2Vec2Config.from_dict(config), head, len(config["id2label"]))
        for name, parameter in network.named_parameters():
            if parameter.ndim == 2:
                torch.nn.init.normal_(parameter, std=1.5 * parameter.shape[1] ** -0.5)
            elif name.startswith(("classifier", "projector", "layer_weights")):
                torch.nn.init.normal_(parameter, std=0.3)
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def old_names(weights: Weights) -> Weights:
    """The same with the weight-norm pair under the names that it had before torch 2."""
    renamed = {}
    for key, tensor in weights.items():
        end = next((end for end in _NAMES if key.endswith(end)), None)
        renamed[key if end is None else key.removesuffix(end) + _NAMES[end]] = tensor
    return renamed


def write(folder: Path, config: Config | None, weights: Weights, pickled: bool = False) -> Path:
    """Write a checkpoint, with no ``config.json`` where ``config`` is None, and return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "preprocessor_config.json").write_text(json.dumps(PREPROCESSOR), encoding="utf-8")
    if pickled:
        torch.save(weights, folder / "pytorch_model.bin")
    else:
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def checkpoint(folder: Path, head: Head = Head.SPEECH, config: Config | None = None, **changes: Any) -> Path:
    """Write a whole checkpoint and return its folder."""
    config = config or config_of(**changes)
    return write(folder, config, weights_of(config, head))
