"""Turns Whisper weights in the file format of CTranslate2 into the state dicts of OpenAI's package and of transformers.

Here are the reading of ``model.bin`` and the renaming of its arrays. Where such a file lies and whether it is the right
one is the business of ``packaged_whisper``; running a model belongs to the module of each package.

Source of the format: CTranslate2, ``python/ctranslate2/specs/model_spec.py``, binary version 6: spec name, revision,
then of each variable its name, rank, dimensions, type and bytes, then aliases. The arrays are those of ``WhisperSpec``,
revision 3: query, key and value of self-attention in one matrix, key and value of cross-attention in one, and zeros for
the bias of the key, which Whisper has not.
"""

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.errors import ArtefactError

if TYPE_CHECKING:
    import torch

_BINARY_VERSION: Final = 6
_SPEC: Final = ("WhisperSpec", 3)
_TYPES: Final = (np.float32, np.int8, np.int16, np.int32, np.float16)
HEAD_WIDTH: Final = 64  # of every Whisper model

Arrays = Mapping[str, NDArray[Any]]

# OpenAI's names of the parts of a block, and those of transformers.
_TRANSFORMERS_PARTS: Final = (
    (".cross_attn_ln.", ".encoder_attn_layer_norm."),
    (".attn_ln.", ".self_attn_layer_norm."),
    (".mlp_ln.", ".final_layer_norm."),
    (".cross_attn.", ".encoder_attn."),
    (".attn.", ".self_attn."),
    (".query.", ".q_proj."),
    (".key.", ".k_proj."),
    (".value.", ".v_proj."),
    (".out.", ".out_proj."),
    (".mlp.0.", ".fc1."),
    (".mlp.2.", ".fc2."),
    (".blocks.", ".layers."),
    ("encoder.ln_post.", "encoder.layer_norm."),
    ("decoder.ln.", "decoder.layer_norm."),
    ("decoder.token_embedding.", "decoder.embed_tokens."),
    (".positional_embedding", ".embed_positions.weight"),
)


def read_arrays(file: Path) -> Arrays:
    """Return the arrays of a ``model.bin`` by name, as they are stored.

    :raises ArtefactError: the file is no Whisper model of CTranslate2, or is not whole
    """
    try:
        with file.open("rb") as stream:
            return dict(_variables(stream))
    except (OSError, ValueError, LookupError) as error:
        raise ArtefactError(f"{file} is no whole Whisper model of CTranslate2 ({error}); fetch it again") from error


def openai_state(arrays: Arrays) -> dict[str, NDArray[np.float32]]:
    """Return the state dict of ``whisper.model.Whisper``, which computes the same as the arrays do in CTranslate2."""
    return {
        **encoder_state(arrays),
        **_in_float32(
            {
                "decoder.token_embedding.weight": arrays["decoder/embeddings/weight"],
                "decoder.positional_embedding": arrays["decoder/position_encodings/encodings"],
                **_norm("decoder.ln", arrays, "decoder/layer_norm"),
                **_blocks("decoder", arrays),
            }
        ),
    }


def encoder_state(arrays: Arrays) -> dict[str, NDArray[np.float32]]:
    """Return the encoder's part of ``openai_state``, about a quarter of the weights of tiny.en."""
    return _in_float32(
        {
            "encoder.positional_embedding": arrays["encoder/position_encodings/encodings"],
            **_norm("encoder.ln_post", arrays, "encoder/layer_norm"),
            **_linear("encoder.conv1", arrays, "encoder/conv1"),
            **_linear("encoder.conv2", arrays, "encoder/conv2"),
            **_blocks("encoder", arrays),
        }
    )


def dimensions(arrays: Arrays) -> dict[str, int]:
    """Return the sizes of the model as OpenAI's package names them, such as ``n_audio_state``; converts no weight."""
    width, n_mels, _kernel = arrays["encoder/conv1/weight"].shape
    return {
        "n_mels": n_mels,
        "n_vocab": len(arrays["decoder/embeddings/weight"]),
        **{f"n_{part}_ctx": len(arrays[f"{half}/position_encodings/encodings"]) for part, half in _HALVES},
        **{f"n_{part}_state": width for part, _half in _HALVES},
        **{f"n_{part}_head": width // HEAD_WIDTH for part, _half in _HALVES},
        **{f"n_{part}_layer": _layers(arrays, half) for part, half in _HALVES},
    }


def openai_checkpoint(arrays: Arrays) -> dict[str, Any]:
    """Return what ``torch.save`` makes a ``.pt`` of that ``whisper.load_model`` takes: dimensions and state dict."""
    import torch

    state = {name: torch.from_numpy(array) for name, array in openai_state(arrays).items()}
    return {"dims": dimensions(arrays), "model_state_dict": state}


def transformers_state(arrays: Arrays) -> "dict[str, torch.Tensor]":
    """Return the state dict of ``WhisperForConditionalGeneration``; its output layer is the token embedding."""
    import torch

    state = {
        f"model.{_transformers_name(name)}": torch.from_numpy(array) for name, array in openai_state(arrays).items()
    }
    return state | {"proj_out.weight": state["model.decoder.embed_tokens.weight"]}


_HALVES: Final = (("audio", "encoder"), ("text", "decoder"))


def _transformers_name(name: str) -> str:
    for part, replacement in _TRANSFORMERS_PARTS:
        name = name.replace(part, replacement)
    return name


def _layers(arrays: Arrays, half: str) -> int:
    return len({name.split("/")[1] for name in arrays if name.startswith(f"{half}/layer_") and name.count("/") > 2})


def _in_float32(state: Arrays) -> dict[str, NDArray[np.float32]]:
    return {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in state.items()}


def _blocks(half: str, arrays: Arrays) -> dict[str, NDArray[Any]]:
    blocks = (_block(f"{half}.blocks.{n}", arrays, f"{half}/layer_{n}") for n in range(_layers(arrays, half)))
    return {name: array for block in blocks for name, array in block.items()}


def _block(name: str, arrays: Arrays, source: str) -> dict[str, NDArray[Any]]:
    block = {
        **_attention(f"{name}.attn", arrays, f"{source}/self_attention", (("query", "key", "value"), ("out",))),
        **_norm(f"{name}.mlp_ln", arrays, f"{source}/ffn/layer_norm"),
        **_linear(f"{name}.mlp.0", arrays, f"{source}/ffn/linear_0"),
        **_linear(f"{name}.mlp.2", arrays, f"{source}/ffn/linear_1"),
    }
    if f"{source}/attention/linear_0/weight" in arrays:
        parts = (("query",), ("key", "value"), ("out",))
        block |= _attention(f"{name}.cross_attn", arrays, f"{source}/attention", parts)
    return block


def _attention(name: str, arrays: Arrays, source: str, layers: tuple[tuple[str, ...], ...]) -> dict[str, NDArray[Any]]:
    """Return an attention and the normalisation before it; ``layers``: the matrices that each stored one holds."""
    state = _norm(f"{name}_ln", arrays, f"{source}/layer_norm")
    for number, parts in enumerate(layers):
        weights = np.split(arrays[f"{source}/linear_{number}/weight"], len(parts))
        biases = np.split(arrays[f"{source}/linear_{number}/bias"], len(parts))
        for part, weight, bias in zip(parts, weights, biases, strict=True):
            state[f"{name}.{part}.weight"] = weight
            if part != "key":
                state[f"{name}.{part}.bias"] = bias
    return state


def _linear(name: str, arrays: Arrays, source: str) -> dict[str, NDArray[Any]]:
    return {f"{name}.{kind}": arrays[f"{source}/{kind}"] for kind in ("weight", "bias")}


def _norm(name: str, arrays: Arrays, source: str) -> dict[str, NDArray[Any]]:
    return {f"{name}.weight": arrays[f"{source}/gamma"], f"{name}.bias": arrays[f"{source}/beta"]}


def _variables(stream: BinaryIO) -> Iterator[tuple[str, NDArray[Any]]]:
    version = _number(stream, "I")
    spec = (_string(stream), _number(stream, "I")) if version == _BINARY_VERSION else ("", 0)
    if spec != _SPEC:
        raise ValueError(
            f"it is version {version}, {spec[0] or 'of an unknown model'}; {_SPEC[0]} in version 6 is read"
        )
    for _ in range(_number(stream, "I")):
        name = _string(stream)
        shape = [_number(stream, "I") for _ in range(_number(stream, "B"))]
        kind, size = _TYPES[_number(stream, "B")], _number(stream, "I")
        yield name, np.frombuffer(_bytes(stream, size), kind).reshape(shape)
    for _ in range(_number(stream, "I")):
        _alias, _variable = _string(stream), _string(stream)  # the output layer is the token embedding


def _number(stream: BinaryIO, form: str) -> int:
    return struct.unpack(f"<{form}", _bytes(stream, struct.calcsize(form)))[0]


def _string(stream: BinaryIO) -> str:
    return _bytes(stream, _number(stream, "H")).rstrip(b"\0").decode("utf-8")


def _bytes(stream: BinaryIO, size: int) -> bytes:
    content = stream.read(size)
    if len(content) != size:
        raise ValueError("it ends too early")
    return content
