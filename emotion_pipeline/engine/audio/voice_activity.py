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

from emotion_pipeline.engine.audio.verify import is_voice
from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel, Span

if TYPE_CHECKING:
    import onnxruntime

FRAME_SAMPLES: Final = 512
_CONTEXT_SAMPLES: Final = 64
_STATE_SHAPE: Final = (1, 1, 128)
# About 16 s of audio: few calls, and memory that does not grow with the recording.
_SAMPLES_PER_CALL: Final = 512 * FRAME_SAMPLES


@dataclass(frozen=True, slots=True)
class VoiceRules:
    """How frame probabilities become spans, in probabilities and seconds; the defaults are Silero's own."""

    # Speech begins at a frame of at least this probability, and goes on until one falls below ``end``.
    begin: float = 0.5
    end: float = 0.35
    # Shorter spans are dropped: clicks and coughs.
    shortest_speech: float = 0.25
    # Shorter pauses do not end a span.
    shortest_pause: float = 0.1
    # Spans are widened by this on both sides, at most to the middle of the pause between two.
    pad: float = 0.03


class VoiceStream:
    """Voice activity of one channel that arrives in blocks: what one model call leaves behind goes into the next.

    However a channel is cut into blocks, the probabilities are those of ``speech_probabilities`` for the whole. Not
    for use by several threads at once; a stream holds less than a frame of audio between two calls.
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._hidden = self._cell = np.zeros(_STATE_SHAPE, dtype=np.float32)
        self._waiting = np.zeros(_CONTEXT_SAMPLES, dtype=np.float32)
        """The context of the next frame, and the samples of it that have come so far."""

    def feed(self, block: Channel) -> NDArray[np.float32]:
        """The probabilities of the frames that the block completes.

        :param block: float32, shape (n_samples,), 16 kHz, [-1, 1]; any length, zero too
        :return: float32, shape (n_frames,), [0, 1]
        :raises BackendUnavailableError: silero-vad or onnxruntime is not installed
        """
        starts = range(0, max(1, len(block)), _SAMPLES_PER_CALL)
        return np.concatenate([self._complete_frames(block[start : start + _SAMPLES_PER_CALL]) for start in starts])

    def finish(self) -> NDArray[np.float32]:
        """The probability of the last frame, padded with zeros, or none where the last frame was whole.

        The stream begins anew afterwards.

        :return: float32, shape (0,) or (1,), [0, 1]
        :raises BackendUnavailableError: silero-vad or onnxruntime is not installed
        """
        left = len(self._waiting) - _CONTEXT_SAMPLES
        last = self.feed(np.zeros(FRAME_SAMPLES - left if left else 0, dtype=np.float32))
        self._begin()
        return last

    def _complete_frames(self, block: Channel) -> NDArray[np.float32]:
        samples = np.concatenate([self._waiting, block.astype(np.float32, copy=False)])
        n_frames = (len(samples) - _CONTEXT_SAMPLES) // FRAME_SAMPLES
        self._waiting = samples[n_frames * FRAME_SAMPLES :].copy()
        if n_frames == 0:
            return np.zeros(0, dtype=np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(samples, _CONTEXT_SAMPLES + FRAME_SAMPLES)
        frames = np.ascontiguousarray(windows[::FRAME_SAMPLES][:n_frames])
        values, self._hidden, self._cell = _session().run(
            ["speech_probs", "hn", "cn"], {"input": frames, "h": self._hidden, "c": self._cell}
        )
        return np.asarray(values, dtype=np.float32).reshape(-1)


def speech_spans(channel: Channel, rules: VoiceRules | None = None) -> tuple[Span, ...]:
    """Where somebody speaks: spans in order of time that do not overlap, inside the channel.

    :param channel: float32, shape (n_samples,), 16 kHz, [-1, 1]
    :raises BackendUnavailableError: silero-vad or onnxruntime is not installed
    """
    return voiced_spans(channel, speech_probabilities(channel), rules or VoiceRules())


def voiced_spans(channel: Channel, probabilities: NDArray[np.float32], rules: VoiceRules) -> tuple[Span, ...]:
    """As ``spans_of``, without those that a second look at their samples (``verify``) finds to hold no voice.

    :param channel: float32, shape (n_samples,), 16 kHz, [-1, 1]
    :param probabilities: of its frames
    """
    spans = [span for span in _long_enough(probabilities, rules) if _holds_a_voice(channel, probabilities, span)]
    return _padded(spans, rules.pad, len(channel) / SAMPLE_RATE)


def spans_of(probabilities: NDArray[np.float32], seconds: float, rules: VoiceRules) -> tuple[Span, ...]:
    """The spans that the frame probabilities of a channel of that length make: in order, apart, inside the channel.

    :param probabilities: float32, shape (n_frames,), [0, 1], as ``speech_probabilities`` or a ``VoiceStream`` gives
    :param seconds: the length of the channel, at most ``n_frames`` frames of 32 ms
    """
    return _padded(_long_enough(probabilities, rules), rules.pad, seconds)


def speech_probabilities(channel: Channel) -> NDArray[np.float32]:
    """The probability of speech in each frame of 512 samples (32 ms), the last one padded with zeros.

    :return: float32, shape (ceil(n_samples / 512),), [0, 1]
    :raises BackendUnavailableError: silero-vad or onnxruntime is not installed
    """
    stream = VoiceStream()
    return np.concatenate([stream.feed(channel), stream.finish()])


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


def _long_enough(probabilities: NDArray[np.float32], rules: VoiceRules) -> list[Span]:
    return [span for span in _above_threshold(probabilities, rules) if span.seconds >= rules.shortest_speech]


def _holds_a_voice(channel: Channel, probabilities: NDArray[np.float32], span: Span) -> bool:
    first, last = (round(time * SAMPLE_RATE / FRAME_SAMPLES) for time in (span.start, span.end))
    return is_voice(channel[first * FRAME_SAMPLES : last * FRAME_SAMPLES], probabilities[first:last])


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
