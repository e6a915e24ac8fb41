"""Reading a wav2vec2 tone checkpoint and refusing one that is not whole.

The library's own loader reports keys that do not fit and goes on with random numbers in their place; here every key of
the file has exactly one place in the network and every place one key. Only the names of the weight-norm pair of the
positional convolution may be the older ones. What the loaded network then hears is checked by ``wav2vec2``.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from emotion_pipeline.engine.common.errors import ArtefactError
from emotion_pipeline.engine.common.types import SAMPLE_RATE
from emotion_pipeline.engine.tone.labels import TONES
from emotion_pipeline.engine.tone.wav2vec2.checkpoint_files import CheckpointFiles

if TYPE_CHECKING:
    import torch
    from transformers import Wav2Vec2Config

    from emotion_pipeline.engine.tone.wav2vec2.network import Head, SpeechNetwork

# Labels of published checkpoints in lower case, and the tone that each means.
_KNOWN_LABELS: Final = {
    **{tone: tone for tone in TONES},
    "ang": "angry", "anger": "angry",
    "cal": "calm",
    "dis": "disgust", "disgusted": "disgust",
    "fea": "fearful", "fear": "fearful",
    "hap": "happy", "happiness": "happy", "joy": "happy",
    "neu": "neutral",
    "sadness": "sad",
    "sur": "surprised", "surprise": "surprised",
}  # fmt: skip

_WEIGHT_NORM: Final = re.compile(r"(?<=\.pos_conv_embed\.conv\.)weight_([gv])$")
_NEW_NAMES: Final = {"g": "parametrizations.weight.original0", "v": "parametrizations.weight.original1"}
# How many keys a message names before it only counts.
_SHOWN: Final = 12
_ADVICE: Final = "Fetch the checkpoint again, or name another."


@dataclass(frozen=True, slots=True)
class CheckpointSettings:
    """What the files beside the weights say."""

    config: "Wav2Vec2Config"
    # Tones in index order; None where the checkpoint does not name them.
    labels: tuple[str, ...] | None
    # Whether every window is brought to zero mean and unit variance.
    scales_input: bool

    @property
    def fewest_samples(self) -> int:
        """How many samples make one frame; with fewer there is nothing to hear."""
        from emotion_pipeline.engine.tone.wav2vec2.network import field_of

        return field_of(self.config)[0]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint that was loaded whole, in float32 on the CPU."""

    network: "SpeechNetwork"
    labels: tuple[str, ...]
    scales_input: bool
    n_keys: int


def read_settings(files: CheckpointFiles) -> CheckpointSettings:
    """What the checkpoint says of itself without its weights.

    :raises ArtefactError: it is no wav2vec2 model, wants something else than 16 kHz, names a label that is no tone, or
        has a head that is not known here
    """
    from huggingface_hub.errors import StrictDataclassError
    from transformers import Wav2Vec2Config

    raw = _json(files.config)
    if raw.get("model_type") != "wav2vec2":
        raise ArtefactError(f"{files.config} describes a {raw.get('model_type')!r} model, not wav2vec2. {_ADVICE}")
    if raw.get("pooling_mode", "mean") != "mean":
        raise ArtefactError(f"{files.config} wants pooling_mode {raw['pooling_mode']!r}; only 'mean' is known here.")
    if raw.get("add_adapter"):
        raise ArtefactError(f"{files.config} wants an adapter (add_adapter), which tone models do not have. {_ADVICE}")
    try:
        config = Wav2Vec2Config.from_dict(raw)
    except (StrictDataclassError, ValueError, TypeError) as error:
        raise ArtefactError(f"{files.config} is no valid wav2vec2 configuration ({error}). {_ADVICE}") from error
    preprocessor = _json(files.preprocessor) if files.preprocessor else {}
    rate = preprocessor.get("sampling_rate", SAMPLE_RATE)
    if rate != SAMPLE_RATE:
        raise ArtefactError(f"{files.preprocessor} wants audio at {rate} Hz; only {SAMPLE_RATE} Hz is known here.")
    return CheckpointSettings(config, _labels(files.config, raw), bool(preprocessor.get("do_normalize", True)))


def load_checkpoint(files: CheckpointFiles) -> Checkpoint:
    """The network of a checkpoint with exactly the weights that the file holds.

    :raises ArtefactError: something is missing, left over, of another shape, not a number or never trained; the
        message names the keys
    """
    import torch

    from emotion_pipeline.engine.tone.wav2vec2.network import SpeechNetwork

    settings = read_settings(files)
    weights = read_weights(files.weights)
    head = head_of(weights)
    labels = settings.labels or _labels_by_head(files, head)
    with torch.device("meta"):
        try:
            network = SpeechNetwork(settings.config, head, len(labels))
        except (ValueError, TypeError, RuntimeError, IndexError, ZeroDivisionError, KeyError) as error:
            raise ArtefactError(f"{files.config} describes no network that can be built ({error}).") from error
    _check_keys(files, weights, network.state_dict(), labels)
    _check_values(files, weights)
    network.load_state_dict(weights, strict=True, assign=True)
    return Checkpoint(network.eval(), labels, settings.scales_input, len(weights))


def _json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtefactError(f"{file} cannot be read as JSON ({error}). {_ADVICE}") from error
    if not isinstance(content, dict):
        raise ArtefactError(f"{file} is not a JSON object. {_ADVICE}")
    return content


def _labels(config: Path, raw: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Tones in index order from ``id2label``; None where it is absent or the library's placeholders."""
    named = raw.get("id2label")
    if not named:
        return None
    if not isinstance(named, dict) or sorted(map(str, named)) != sorted(map(str, range(len(named)))):
        raise ArtefactError(f"{config}: the keys of id2label are not 0 to n-1. {_ADVICE}")
    labels = [str(named[str(i)]) for i in range(len(named))]
    if labels == [f"LABEL_{i}" for i in range(len(labels))]:
        return None
    tones = [_KNOWN_LABELS.get(label.strip().lower()) for label in labels]
    unknown = [label for label, tone in zip(labels, tones, strict=True) if tone is None]
    if unknown:
        raise ArtefactError(
            f"{config} names labels that are no tone of voice: {', '.join(unknown)}. Known are {', '.join(TONES)} and "
            f"the usual short forms; correct id2label, or name another checkpoint."
        )
    known = [tone for tone in tones if tone is not None]
    twice = sorted({tone for tone in known if known.count(tone) > 1})
    if twice:
        raise ArtefactError(f"{config} names more than one label for {', '.join(twice)}: {', '.join(labels)}.")
    return tuple(known)


def _labels_by_head(files: CheckpointFiles, head: "Head") -> tuple[str, ...]:
    if head == "speech":
        return TONES
    raise ArtefactError(
        f"{files.config} does not name the labels (id2label), and those of a stock head cannot be known: add them."
    )


def head_of(weights: Mapping[str, Any]) -> "Head":
    """Which of the two heads the keys of a checkpoint belong to."""
    from emotion_pipeline.engine.tone.wav2vec2.network import Head

    speech = any(key.startswith(("classifier.dense.", "classifier.output.")) for key in weights)
    return Head.SPEECH if speech else Head.STOCK


def read_weights(file: Path) -> dict[str, "torch.Tensor"]:
    """All tensors by the names that the network uses, in float32; the file can be replaced afterwards."""
    import torch

    weights: dict[str, torch.Tensor] = {}
    for key, tensor in _tensors(file):
        name = _WEIGHT_NORM.sub(lambda found: _NEW_NAMES[found.group(1)], key)
        if name in weights:
            raise ArtefactError(f"{file} holds the same weights under two names: {key} and {name}. {_ADVICE}")
        weights[name] = tensor.to(torch.float32, copy=True) if tensor.is_floating_point() else tensor.clone()
    return weights


def _tensors(file: Path) -> Iterator[tuple[str, "torch.Tensor"]]:
    from safetensors import SafetensorError, safe_open

    if file.suffix != ".safetensors":
        yield from _unpickled(file).items()
        return
    try:
        with safe_open(file, framework="pt", device="cpu") as content:
            for key in content.keys():  # noqa: SIM118 - it is no mapping
                yield key, content.get_tensor(key)
    except (SafetensorError, OSError, ValueError) as error:
        raise ArtefactError(f"{file} is not a whole safetensors file ({error}). {_ADVICE}") from error


def _unpickled(file: Path) -> dict[str, "torch.Tensor"]:
    """The tensors of a pickle, read by the loader that knows tensors and containers and runs nothing else."""
    import pickle
    import zipfile

    import torch

    expected = (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError, IndexError, TypeError,
                AttributeError, UnicodeDecodeError, zipfile.BadZipFile)  # fmt: skip
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except expected as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ArtefactError(
            f"{file} is damaged, or holds more than weights and was not executed ({reason}). {_ADVICE}"
        ) from error
    if not isinstance(content, dict) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise ArtefactError(f"{file} is not a plain dictionary of tensors. {_ADVICE}")
    return {str(key): value for key, value in content.items()}


def _check_keys(
    files: CheckpointFiles,
    weights: Mapping[str, "torch.Tensor"],
    expected: Mapping[str, "torch.Tensor"],
    labels: tuple[str, ...],
) -> None:
    problems = {
        "missing": sorted(expected.keys() - weights.keys()),
        "unexpected": sorted(weights.keys() - expected.keys()),
        "of another shape": [
            f"{key} {tuple(weights[key].shape)} instead of {tuple(tensor.shape)}"
            for key, tensor in expected.items()
            if key in weights and weights[key].shape != tensor.shape
        ],
    }
    if any(problems.values()):
        named = "; ".join(f"{what}: {some_of(keys)}" for what, keys in problems.items() if keys)
        raise ArtefactError(
            f"{files.weights} does not hold exactly the weights of the network that {files.config.name} describes with "
            f"{len(labels)} labels ({named}). {_ADVICE}"
        )


def _check_values(files: CheckpointFiles, weights: Mapping[str, "torch.Tensor"]) -> None:
    broken = sorted(key for key, tensor in weights.items() if not bool(tensor.isfinite().all()))
    if broken:
        raise ArtefactError(f"{files.weights} holds values that are not finite: {some_of(broken)}. {_ADVICE}")
    biases = [key for key in weights if key.startswith(("classifier.", "projector.")) and key.endswith("bias")]
    if all(not bool(weights[key].any()) for key in biases):
        raise ArtefactError(
            f"{files.weights} has a head that was never trained: {some_of(sorted(biases))} are all zero, as a library "
            f"leaves them when it puts a random head where it did not find the one in the file. {_ADVICE}"
        )


def some_of(keys: list[str]) -> str:
    """The first keys of a list, and how many more there are."""
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return ", ".join(keys[:_SHOWN]) + more
