"""The network from which fine-tuning starts: a tone checkpoint with its head, or an encoder of wav2vec2 alone.

A checkpoint with missing keys is refused, as when it is loaded for scoring. Only here a missing head is drawn at
random, since it is trained next.
"""

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn

from emotion_pipeline.engine.common.errors import ArtefactError
from emotion_pipeline.engine.tone.labels import FOUR_CLASS
from emotion_pipeline.engine.tone.wav2vec2.checkpoint import (
    head_of,
    load_checkpoint,
    read_settings,
    read_weights,
    some_of,
)
from emotion_pipeline.engine.tone.wav2vec2.checkpoint_files import CheckpointFiles
from emotion_pipeline.engine.tone.wav2vec2.network import Head, SpeechNetwork

ENCODER: Final = "wav2vec2."
_HEADS: Final = ("classifier.", "projector.")
_OUTPUTS: Final = {Head.SPEECH: "classifier.output", Head.STOCK: "classifier"}


def starting_network(files: CheckpointFiles, labels: Sequence[str], seed: int) -> tuple[SpeechNetwork, bool]:
    """A network in float32 on the CPU that names ``labels``, and whether its input is scaled.

    Where the checkpoint has a head, what that knows of the labels is kept.

    :raises ArtefactError: the encoder, or a head that is there, is not whole; the message names the keys
    """
    settings = read_settings(files)
    weights = read_weights(files.weights)
    has_head = any(key.startswith(_HEADS) for key in weights)
    torch.manual_seed(seed)
    network = SpeechNetwork(settings.config, head_of(weights) if has_head else Head.SPEECH, len(labels))
    if has_head:
        _take_over(network, files, labels)
    else:
        network.wav2vec2.load_state_dict(_encoder(files, weights, network))
    return network, settings.scales_input


def output_layer(network: SpeechNetwork) -> nn.Linear:
    """The layer whose rows are the labels."""
    layer = network.get_submodule(_OUTPUTS[network.head])
    assert isinstance(layer, nn.Linear)
    return layer


def _take_over(network: SpeechNetwork, files: CheckpointFiles, labels: Sequence[str]) -> None:
    """Copy a whole checkpoint; of its output layer, the rows of labels that it has."""
    checkpoint = load_checkpoint(files)
    old, new = output_layer(checkpoint.network), output_layer(network)
    weight, bias = new.weight.detach().clone(), new.bias.detach().clone()
    for row, label in enumerate(labels):
        old_rows = [at for at, name in enumerate(checkpoint.labels) if FOUR_CLASS.get(name) == label]
        if old_rows:
            weight[row], bias[row] = old.weight[old_rows].mean(dim=0), old.bias[old_rows].mean()
    name = _OUTPUTS[network.head]
    network.load_state_dict({**checkpoint.network.state_dict(), f"{name}.weight": weight, f"{name}.bias": bias})


def _encoder(files: CheckpointFiles, weights: dict[str, Tensor], network: SpeechNetwork) -> dict[str, Tensor]:
    """Return the encoder's tensors by their names inside it, without other tensors of the checkpoint."""
    inside = any(key.startswith(ENCODER) for key in weights)
    tensors = {
        key.removeprefix(ENCODER): value for key, value in weights.items() if key.startswith(ENCODER) or not inside
    }
    described = network.wav2vec2.state_dict()
    missing = sorted(key for key in described if key not in tensors or tensors[key].shape != described[key].shape)
    unexpected = sorted(key for key in tensors if key not in described) if inside else []
    if missing or unexpected:
        raise ArtefactError(
            f"{files.weights} does not hold exactly the encoder that {files.config.name} describes (missing or of "
            f"another shape: {some_of(missing) or 'none'}; unexpected: {some_of(unexpected) or 'none'}): fetch the "
            f"checkpoint again, or name another."
        )
    return {key: tensors[key] for key in described}
