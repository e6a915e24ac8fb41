"""A recording of any length as windows of some minutes, cut where nobody speaks, with the speech inside each.

Memory holds one window, however long the recording is, and what is found in one window does not depend on the others:
so a window that was transcribed need not be transcribed again. Voice activity runs on through the cuts.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.audio.channels import speakers_of, voices_of
from emotion_pipeline.engine.audio.decode import stream
from emotion_pipeline.engine.audio.verify import FINGERPRINT as VERIFIED
from emotion_pipeline.engine.audio.voice_activity import FRAME_SAMPLES, VoiceRules, VoiceStream, voiced_spans
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Span, Waveform

WINDOW_S: Final = 300.0
# The cut is looked for in so much of the end of a window; nobody talks for a minute without a breath.
SEARCHED_S: Final = 60.0
# Where windows are cut and what counts as a voice in them; raise the number when the rule changes.
FINGERPRINT: Final = f"windows:1:{WINDOW_S:g}s|{VERIFIED}"

_FRAMES_PER_SECOND: Final = SAMPLE_RATE / FRAME_SAMPLES


@dataclass(frozen=True, slots=True)
class Window:
    """One stretch of a recording; times inside it count from ``start``, in seconds of the recording."""

    index: int
    start: float
    # float32, shape (n_speakers, n), 16 kHz: each speaker's voice, see ``audio.channels.voices_of``.
    samples: Waveform
    # For each speaker where they speak, from the start of the window.
    speech: tuple[tuple[Span, ...], ...]

    @property
    def seconds(self) -> float:
        return self.samples.shape[1] / SAMPLE_RATE


def windows_of(recording: Path, speakers: tuple[str, ...]) -> Iterator[Window]:
    """Yield a recording's windows in order; together they are the recording, without gap and overlap.

    :param speakers: as ``speakers_of`` gives them
    :raises MediaError: the recording cannot be read
    """
    yield from windows(voices_of(block, speakers) for block in stream(recording, keep_channels=True))


def windows(blocks: Iterable[Waveform], window_s: float = WINDOW_S) -> Iterator[Window]:
    """Yield windows of at most ``window_s``, each but the last cut at the longest pause of its last part.

    :param blocks: float32, shape (n_speakers, n), successive, of any lengths
    """
    buffer = _Buffer()
    most = int(window_s * _FRAMES_PER_SECOND)
    searched = min(int(SEARCHED_S * _FRAMES_PER_SECOND), most // 2)
    for block in blocks:
        buffer.add(block)
        while buffer.frames > most:
            yield buffer.take(_cut(buffer.probabilities(most), most - searched))
    buffer.finish()
    if buffer.samples:
        yield buffer.take(None)


def speech_spans_of(recording: Path, speakers: tuple[str, ...] | None = None) -> dict[str, tuple[Span, ...]]:
    """Return for each speaker of a recording where they speak, with memory that does not grow with its length.

    :param speakers: as ``speakers_of`` gives them; None asks it

    :raises MediaError: the recording cannot be read
    """
    speakers = speakers or speakers_of(recording)
    found: dict[str, list[Span]] = {speaker: [] for speaker in speakers}
    for window in windows_of(recording, speakers):
        for speaker, spans in zip(speakers, window.speech, strict=True):
            found[speaker] += [Span(window.start + span.start, window.start + span.end) for span in spans]
    return {speaker: tuple(spans) for speaker, spans in found.items()}


class _Buffer:
    """What was read and not yet given out: samples, and the probability of speech in each complete frame."""

    def __init__(self) -> None:
        self._blocks: list[Waveform] = []
        self._probabilities: list[NDArray[np.float32]] = []
        self._detectors: list[VoiceStream] = []
        self._given_samples = 0
        self._index = 0
        self.samples = 0
        self.frames = 0

    def add(self, block: Waveform) -> None:
        self._detectors = self._detectors or [VoiceStream() for _ in block]
        self._blocks.append(block)
        self.samples += block.shape[1]
        self._heard([detector.feed(voice) for detector, voice in zip(self._detectors, block, strict=True)])

    def finish(self) -> None:
        """Judge what is left of the last frame."""
        if self._detectors:
            self._heard([detector.finish() for detector in self._detectors])

    def probabilities(self, frames: int) -> NDArray[np.float32]:
        """Return the probabilities of the first frames, shape (n_speakers, frames)."""
        return np.concatenate(self._probabilities, axis=1)[:, :frames]

    def take(self, frames: int | None) -> Window:
        """Give out the first frames, or all that there is, as a window."""
        samples, probabilities = np.concatenate(self._blocks, axis=1), np.concatenate(self._probabilities, axis=1)
        taken = samples.shape[1] if frames is None else frames * FRAME_SAMPLES
        judged = probabilities.shape[1] if frames is None else frames
        window = _window(self._index, self._given_samples, samples[:, :taken], probabilities[:, :judged])
        # Copies, so that what was given out can be freed.
        self._blocks, self._probabilities = [samples[:, taken:].copy()], [probabilities[:, judged:].copy()]
        self._index += 1
        self._given_samples += taken
        self.samples -= taken
        self.frames -= judged
        return window

    def _heard(self, probabilities: list[NDArray[np.float32]]) -> None:
        self._probabilities.append(np.stack(probabilities))
        self.frames += len(probabilities[0])


def _window(index: int, first_sample: int, samples: Waveform, probabilities: NDArray[np.float32]) -> Window:
    rules = VoiceRules()
    speech = tuple(voiced_spans(voice, of_one, rules) for voice, of_one in zip(samples, probabilities, strict=True))
    return Window(index, first_sample / SAMPLE_RATE, samples, speech)


def _cut(probabilities: NDArray[np.float32], earliest: int) -> int:
    """Return the frame to cut at: the middle of the longest pause of all speakers from ``earliest`` on.

    Where somebody always speaks it is the frame that is least like speech.
    """
    speech = probabilities[:, earliest:].max(axis=0)
    quiet = np.concatenate([[False], speech < VoiceRules().end, [False]])
    edges = np.flatnonzero(np.diff(quiet.astype(np.int8)))
    if len(edges) == 0:
        return earliest + int(speech.argmin()) + 1
    starts, ends = edges[::2], edges[1::2]
    longest = int((ends - starts).argmax())
    return earliest + max(1, int(starts[longest] + ends[longest]) // 2)
