"""Voice activity: where in a channel somebody speaks, found with the Silero model that comes inside its package.

What was said, and by whom, is not decided here. The model's ONNX file is run directly, since importing the package
itself would load torch. Model: https://github.com/snakers4/silero-vad (MIT); its sequence variant takes frames of 512
samples at 16 kHz, each preceded by the last 64 samples of the frame before, and the state of its LSTM.
"""

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.errors import BackendUnavailableError
from emotion_pipeline.engine.types import SAMPLE_RATE, Channel, Span

if TYPE_CHECKING:
    import onnxruntime

FRAME_SAMPLES: Final = 512
_CONTEXT_SAMPLES: Final = 64
_STATE_SHAPE: Final = (1, 1, 128)
_FRAMES_PER_CALL: Final = 512
"""About 16 s of audio: few calls, and memory that does not grow with the recording."""


@dataclass(frozen=True, slots=True)
class VoiceRules:
    """How frame probabilities become spans, in probabilities and seconds; the defaults are Silero's own."""

    begin: float = 0.5
    """Speech begins at a frame of at least this probability, and goes on until one falls below ``end``."""
    end: float = 0.35
    shortest_speech: float = 0.25
    """Shorter spans are dropped: clicks and coughs."""
    shortest_pause: float = 0.1
    """Shorter pauses do not end a span."""
    pad: float = 0.03
    """Spans are widened by this on both sides, at most to the middle of the pause between two."""


def speech_spans(channel: Channel, rules: VoiceRules | None = None) -> tuple[Span, ...]:
    """Where somebody speaks: spans in order of time that do not overlap, inside the channel.

    :param channel: float32, shape (n_samples,), 16 kHz, [-1, 1]
    :raises BackendUnavailableError: silero-vad or onnxruntime is not installed
    """
    rules = rules or VoiceRules()
    raw = _above_threshold(speech_probabilities(channel), rules)
    length = len(channel) / SAMPLE_RATE
    return _padded([span for span in raw if span.seconds >= rules.shortest_speech], rules.pad, length)


def speech_probabilities(channel: Channel) -> NDArray[np.float32]:
    """The probability of speech in each frame of 512 samples (32 ms), the last one padded with zeros.

    :return: float32, shape (ceil(n_samples / 512),), [0, 1]
    :raises BackendUnavailableError: silero-vad or onnxruntime is not installed
    """
    if len(channel) == 0:
        return np.zeros(0, dtype=np.float32)
    n_frames = -(-len(channel) // FRAME_SAMPLES)
    padded = np.zeros(_CONTEXT_SAMPLES + n_frames * FRAME_SAMPLES, dtype=np.float32)
    padded[_CONTEXT_SAMPLES : _CONTEXT_SAMPLES + len(channel)] = channel
    windows = np.lib.stride_tricks.sliding_window_view(padded, _CONTEXT_SAMPLES + FRAME_SAMPLES)[::FRAME_SAMPLES]
    session = _session()
    hidden = cell = np.zeros(_STATE_SHAPE, dtype=np.float32)
    probabilities = []
    for start in range(0, n_frames, _FRAMES_PER_CALL):
        block = np.ascontiguousarray(windows[start : start + _FRAMES_PER_CALL])
        values, hidden, cell = session.run(["speech_probs", "hn", "cn"], {"input": block, "h": hidden, "c": cell})
        probabilities.append(np.asarray(values, dtype=np.float32).reshape(-1))
    return np.concatenate(probabilities)


@cache
def _session() -> "onnxruntime.InferenceSession":
    """One session per process; running it is thread-safe, because the state of a recording travels as an argument."""
    try:
        import onnxruntime
    except ImportError as error:
        raise BackendUnavailableError("onnxruntime is not installed; run: pip install onnxruntime") from error
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(_model_file(), sess_options=options, providers=["CPUExecutionProvider"])


def _model_file() -> Path:
    found = importlib.util.find_spec("silero_vad")
    if found is None or not found.submodule_search_locations:
        raise BackendUnavailableError("silero-vad is not installed; run: pip install silero-vad")
    model = Path(found.submodule_search_locations[0]) / "data" / "silero_vad_16k_sequence.onnx"
    if not model.is_file():
        raise BackendUnavailableError("the installed silero-vad has no sequence model; run: pip install -U silero-vad")
    return model


def _above_threshold(probabilities: NDArray[np.float32], rules: VoiceRules) -> list[Span]:
    """Spans of speech by the two thresholds, pauses that are too short bridged."""
    seconds = FRAME_SAMPLES / SAMPLE_RATE
    spans: list[Span] = []
    start: float | None = None
    pause: float | None = None
    for index, probability in enumerate(probabilities):
        now = index * seconds
        if probability >= rules.begin:
            start, pause = (now if start is None else start), None
        elif start is not None and probability < rules.end:
            pause = now if pause is None else pause
            if now - pause >= rules.shortest_pause:
                spans.append(Span(start, pause))
                start = pause = None
    if start is not None:
        spans.append(Span(start, len(probabilities) * seconds if pause is None else pause))
    return spans


def _padded(spans: list[Span], pad: float, length: float) -> tuple[Span, ...]:
    padded = []
    for index, span in enumerate(spans):
        earliest = (spans[index - 1].end + span.start) / 2 if index else 0.0
        latest = (span.end + spans[index + 1].start) / 2 if index + 1 < len(spans) else length
        padded.append(Span(max(earliest, span.start - pad), min(latest, span.end + pad)))
    return tuple(padded)
