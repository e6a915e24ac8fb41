"""The child process of sherpa-onnx, which ends its whole process on a model file that it does not expect.

A request is a name and the shape of a float32 array, followed by the array's bytes; an answer is ``("result", value)``
or ``("error", message)``. The process ends when its standard input does.
"""

import os
import sys
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel


@dataclass(frozen=True, slots=True)
class SherpaOptions:
    """Which model files are loaded and how; see ``SherpaDiarizer``."""

    segmentation_model: str
    embedding_model: str
    speakers: int | None
    threshold: float
    threads: int


class SherpaModels:
    """The loaded models; each public method answers the request of its name.

    :raises ValueError: a model was made for another sample rate or gives unusable embeddings
    :raises Exception: onnxruntime or sherpa-onnx cannot load a file
    """

    def __init__(self, options: SherpaOptions) -> None:
        import sherpa_onnx

        self._window = _window_samples(options.segmentation_model)
        segmentation = sherpa_onnx.OfflineSpeakerSegmentationModelConfig(
            sherpa_onnx.OfflineSpeakerSegmentationPyannoteModelConfig(options.segmentation_model), options.threads
        )
        embedding = sherpa_onnx.SpeakerEmbeddingExtractorConfig(options.embedding_model, options.threads)
        clustering = sherpa_onnx.FastClusteringConfig(options.speakers or -1, options.threshold)
        self._embedding = sherpa_onnx.SpeakerEmbeddingExtractor(embedding)
        self._clustering = sherpa_onnx.FastClustering(clustering)
        self._diarization = sherpa_onnx.OfflineSpeakerDiarization(
            sherpa_onnx.OfflineSpeakerDiarizationConfig(segmentation, embedding, clustering)
        )
        if self._diarization.sample_rate != SAMPLE_RATE:
            raise ValueError(f"the segmentation model has {self._diarization.sample_rate} Hz and not {SAMPLE_RATE} Hz")
        noise = np.random.default_rng(0).normal(0.0, 0.1, SAMPLE_RATE).astype(np.float32)
        if not np.isfinite(self.voice(noise)).all():
            raise ValueError("the embedding model gives numbers that are not finite")

    def segments(self, block: Channel) -> list[tuple[float, float, int]]:
        """Return start and end in seconds and the speaker's number of each stretch of speech in the block."""
        # Whole windows, and at least two: sherpa-onnx may crash on a cut last window, and groups no voices in a single
        # one. It moves the window by a tenth of its length. Silence follows the end.
        shift = self._window // 10
        shifts = max(1, -(-(len(block) - self._window) // shift))
        padded = np.zeros(self._window + shifts * shift, dtype=np.float32)
        padded[: len(block)] = block
        segments = self._diarization.process(padded).sort_by_start_time()
        return [(segment.start, segment.end, segment.speaker) for segment in segments]

    def voice(self, samples: Channel) -> list[float]:
        """Return the embedding of one speaker's voice."""
        stream = self._embedding.create_stream()
        stream.accept_waveform(SAMPLE_RATE, samples)
        stream.input_finished()
        return self._embedding.compute(stream)

    def groups(self, voices: np.ndarray) -> list[int]:
        """Return the number of the speaker of each embedding, shape (n_voices, n_dimensions)."""
        return list(self._clustering(voices.copy()))  # it refuses a read-only array


def _window_samples(path: str) -> int:
    """Return how many samples a segmentation model takes at once, as its metadata say."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # the error says what is wrong
    session = onnxruntime.InferenceSession(path, sess_options=options, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    text = metadata.get("window_size", "missing")
    if not text.isdecimal() or int(text) == 0 or int(text) % 10:
        raise ValueError(f"the segmentation model's window_size is {text} and not a positive multiple of 10")
    silence = np.zeros((1, 1, int(text)), dtype=np.float32)
    classes = np.asarray(session.run(None, {session.get_inputs()[0].name: silence})[0]).shape[-1]
    speakers, stated = int(metadata.get("num_speakers", "0")), int(metadata.get("num_classes", "0"))
    # Sets of at most one or two speakers; sherpa-onnx would read beyond a smaller output.
    pairs = speakers * (speakers - 1) // 2 if metadata.get("powerset_max_classes") == "2" else 0
    if not classes == stated == 1 + speakers + pairs:
        raise ValueError(f"the segmentation model gives {classes} classes, its metadata state {stated}")
    return int(text)


def serve(connection: Connection) -> None:
    """Receive the options, load the models, and answer requests until the other end closes."""
    try:
        models = SherpaModels(connection.recv())
        connection.send(("result", None))
        while True:
            name, shape = connection.recv()
            array = np.frombuffer(connection.recv_bytes(), dtype=np.float32).reshape(shape)
            connection.send(_answer(models, name, array))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except Exception as error:  # noqa: BLE001 - onnxruntime's exceptions have no class in common
        connection.send(("error", _first_line(error)))


def _answer(models: SherpaModels, name: str, array: np.ndarray) -> tuple[str, Any]:
    try:
        return "result", getattr(models, name)(array)
    except RuntimeError as error:
        return "error", _first_line(error)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    serve(Connection(int(sys.argv[1])))
