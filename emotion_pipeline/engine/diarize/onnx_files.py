"""The two model files of sherpa-onnx, checked before it sees them: what it does not expect ends its whole process.

Its C++ code exits on metadata that is missing or unknown and copies a model's output into memory of the size that the
metadata state, so each file is opened with onnxruntime, its metadata are compared with what that code assumes, and it
is run once. How voices are told apart with them is ``sherpa``'s business.

Source: the metadata that the export scripts of https://github.com/k2-fsa/sherpa-onnx write.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.types import SAMPLE_RATE

# Where both kinds of models can be had without an account.
PUBLISHED: Final = "https://github.com/k2-fsa/sherpa-onnx/releases"

_KINDS: Final = {
    "segmentation": f"a pyannote segmentation model as ONNX (model.onnx of an archive at {PUBLISHED}/tag/"
    "speaker-segmentation-models)",
    "embedding": f"a speaker embedding model of WeSpeaker, 3D-Speaker or NeMo as ONNX (a file at {PUBLISHED}/tag/"
    "speaker-recongition-models)",
}
# sherpa-onnx moves its window by a tenth of its length.
_WINDOWS_PER_LENGTH: Final = 10
# Of the stretches that sherpa-onnx makes an embedding of; a stretch has to hold a frame of features (25 ms).
_FEWEST_FRAMES: Final = 9
_SHORTEST_EMBEDDED_S: Final = 0.05
_LONGEST_WINDOW_S: Final = 60
_MEL_BANDS: Final = 80
_NORMALISATIONS: Final = {
    "wespeaker": ("", "global-mean"),
    "3d-speaker": ("", "global-mean"),
    "nemo": ("", "per_feature"),
}
_NEMO_WINDOWS: Final = ("povey", "hann", "hanning", "hamming", "rectangular", "blackman")


@dataclass(frozen=True, slots=True)
class SegmentationWindow:
    """What a segmentation model looks at: ``samples`` at once, then again ``shift`` samples later."""

    samples: int
    shift: int


def check_exists(path: Path, kind: str) -> None:
    """Make sure that a model file is there.

    :param kind: ``segmentation`` or ``embedding``
    :raises BackendUnavailableError: it is not; the message says what it has to be and where it is published
    """
    if not path.is_file():
        raise BackendUnavailableError(f"there is no file {path}; it has to be {_KINDS[kind]}")


def check_segmentation(path: Path) -> SegmentationWindow:
    """Make sure that sherpa-onnx can use a segmentation model.

    :raises BackendUnavailableError: it is missing, broken or another model; the message says which and what is needed
    """
    model = _OpenedModel(path, "segmentation")
    model.require_rate()
    window = model.number("window_size", 1, _LONGEST_WINDOW_S * SAMPLE_RATE)
    shift = model.number("receptive_field_shift", 1, window)
    model.number("receptive_field_size", 1, window)
    speakers = model.number("num_speakers", 1, 8)
    at_once = model.number("powerset_max_classes", 1, 2)
    classes = model.number("num_classes", 2, 64)
    if window % _WINDOWS_PER_LENGTH:
        model.refuse(f"its window_size {window} is no multiple of {_WINDOWS_PER_LENGTH}")
    sets = 1 + speakers + (speakers * (speakers - 1) // 2 if at_once == 2 else 0)
    if classes != sets:
        model.refuse(f"its num_classes is {classes}, and {speakers} speakers, {at_once} at once, have {sets} sets")
    shape = model.run([_noise(1, 1, window)], 0).shape
    if len(shape) != 3 or shape[0] != 1 or shape[2] != classes or not 1 <= shape[1] <= window // shift:
        model.refuse(f"a window gives an output of shape {shape} and not (1, at most {window // shift}, {classes})")
    if window / shape[1] * _FEWEST_FRAMES < _SHORTEST_EMBEDDED_S * SAMPLE_RATE:
        model.refuse(f"its {shape[1]} frames a window are too short to hear a voice in")
    return SegmentationWindow(window, window // _WINDOWS_PER_LENGTH)


def check_embedding(path: Path) -> None:
    """Make sure that sherpa-onnx can use a speaker embedding model.

    :raises BackendUnavailableError: it is missing, broken or another model; the message says which and what is needed
    """
    model = _OpenedModel(path, "embedding")
    framework = model.word("framework", tuple(_NORMALISATIONS))
    model.require_rate()
    model.word("language")
    model.word("feature_normalize_type", _NORMALISATIONS[framework], default="")
    dimension = model.number("output_dim", 2, 8192)
    is_nemo = framework == "nemo"
    if is_nemo:
        model.number("window_size_ms", 10, 100)
        model.number("window_stride_ms", 1, 100)
        model.word("window_type", _NEMO_WINDOWS, default="povey")
    else:
        model.number("normalize_samples", 0, 1)
    for n_frames in (16, 304):
        if is_nemo:
            mels = _noise(1, model.number("feat_dim", 1, 512), n_frames)
            embedding = model.run([mels, np.array([n_frames], dtype=np.int64)], 1)
        else:
            embedding = model.run([_noise(1, n_frames, _MEL_BANDS)], 0)
        if embedding.shape != (1, dimension) or not np.isfinite(embedding).all():
            model.refuse(f"{n_frames} frames give an output of shape {embedding.shape} and not finite (1, {dimension})")


class _OpenedModel:
    """An ONNX file of one kind, its metadata, and the sentence for everything that is wrong with it."""

    def __init__(self, path: Path, kind: str) -> None:
        check_exists(path, kind)
        self._path = path
        self._kind = kind
        onnxruntime = _onnxruntime()
        options = onnxruntime.SessionOptions()
        options.inter_op_num_threads = options.intra_op_num_threads = 1
        options.log_severity_level = 4  # what is wrong is said in the error
        try:
            self._session = onnxruntime.InferenceSession(
                path.read_bytes(), sess_options=options, providers=["CPUExecutionProvider"], enable_fallback=0
            )
            self._metadata: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map
            self._inputs = [node.name for node in self._session.get_inputs()]
            self._outputs = [node.name for node in self._session.get_outputs()]
        except Exception as error:  # noqa: BLE001 - onnxruntime's exceptions have no class of their own in common
            self.refuse(f"it is no ONNX model ({_first_line(error)})")

    def refuse(self, why: str) -> NoReturn:
        raise BackendUnavailableError(f"{self._path} cannot be used: {why}. It has to be {_KINDS[self._kind]}")

    def word(self, key: str, allowed: tuple[str, ...] = (), default: str | None = None) -> str:
        value = self._metadata.get(key, default)
        if value is None:
            self.refuse(f"its metadata have no {key}")
        if allowed and value not in allowed:
            self.refuse(f"its {key} is {value!r}; known are {', '.join(map(repr, allowed))}")
        return value

    def number(self, key: str, least: int, most: int) -> int:
        value = self.word(key)
        # The C++ code reads digits and stops at the first other character: nothing else is a number to it.
        if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
            self.refuse(f"its {key} is {value!r} and no whole number from {least} to {most}")
        return int(value)

    def require_rate(self) -> None:
        rate = self.number("sample_rate", 1, 192_000)
        if rate != SAMPLE_RATE:
            self.refuse(f"it was made for {rate} Hz, and recordings are {SAMPLE_RATE} Hz here")

    def run(self, inputs: list[NDArray[np.float32] | NDArray[np.int64]], output: int) -> NDArray[np.float32]:
        """Return one output of the model for the given inputs, in its own order."""
        if len(self._inputs) != len(inputs) or len(self._outputs) <= output:
            self.refuse(f"it has {len(self._inputs)} inputs and {len(self._outputs)} outputs")
        try:
            values = self._session.run([self._outputs[output]], dict(zip(self._inputs, inputs, strict=True)))
        except Exception as error:  # noqa: BLE001 - onnxruntime's exceptions have no class of their own in common
            self.refuse(f"running it fails ({_first_line(error)})")
        result = np.asarray(values[0])
        if result.dtype != np.float32:
            self.refuse(f"its output is {result.dtype} and not float32")
        return result


def _onnxruntime() -> ModuleType:
    try:
        import onnxruntime
    except ImportError as error:
        raise BackendUnavailableError("onnxruntime is not installed; run: pip install onnxruntime") from error
    return onnxruntime


def _noise(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(0.0, 0.1, shape).astype(np.float32)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
