"""Tone of voice by a wav2vec2 checkpoint: windows of utterances in batches, pooled by how much speech each holds.

Where the files lie is ``checkpoint_files``, loading and checking them ``loaded_checkpoint``, the network itself
``speech_network``.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.audio.voice_activity import FRAME_SAMPLES, speech_probabilities
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel, ToneScore
from emotion_pipeline.engine.models.batches import in_batches
from emotion_pipeline.engine.models.devices import Precision, TorchDevice, torch_device, torch_precision
from emotion_pipeline.engine.models.loaded_models import LOADED
from emotion_pipeline.engine.tone.base import pool_scores
from emotion_pipeline.engine.tone.labels import TONES
from emotion_pipeline.engine.tone.wav2vec2.checkpoint import CheckpointSettings, read_settings
from emotion_pipeline.engine.tone.wav2vec2.checkpoint_files import CheckpointFiles, checkpoint_at
from emotion_pipeline.engine.tone.wav2vec2.loaded_checkpoint import LoadedCheckpoint, log_probabilities
from emotion_pipeline.engine.tone.windows import LONGEST, windows

BACKEND: Final = "wav2vec2"

# Windows are collected up to this length before they are scored: enough for batches of one length, little to hold.
_COLLECTED_SECONDS: Final = 300.0
# Audio in one batch; on a CPU larger ones bring nothing and cost memory.
_BATCH_SECONDS: Final = {"cpu": 30.0, "mps": 80.0, "cuda": 320.0}
# Seconds: windows up to here are batched together, then those up to twice as long, and so on.
_SHORTEST_CLASS: Final = 1.25
_TRACE: Final = 1e-6
# Probability from which a frame counts as speech.
_SPOKEN: Final = 0.5

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Window:
    """A stretch of one of the utterances."""

    utterance: int
    samples: Channel
    seconds_of_speech: float


class Wav2Vec2ToneModel:
    """See ``base.ToneModel``; files are found before, weights load at first use and are kept for the process."""

    def __init__(
        self,
        files: CheckpointFiles,
        device: TorchDevice,
        precision: Precision,
        batch_seconds: float | None = None,
    ) -> None:
        self._files = files
        self._device: TorchDevice = device
        self._precision: Precision = precision
        self._batch_seconds = batch_seconds or _BATCH_SECONDS[device]

    @property
    def fingerprint(self) -> str:
        files = self._files
        rule = f"{files.revision},{self._precision},windows={LONGEST:g}s,settings={files.settings_sha256[:8]}"
        return f"{BACKEND}:{files.name}:{rule}:{files.sha256[:12]}"

    @property
    def labels(self) -> tuple[str, ...]:
        """See ``ToneModel``; read without loading the weights."""
        return self._settings.labels or TONES

    @cached_property
    def _settings(self) -> CheckpointSettings:
        return read_settings(self._files)

    @cached_property
    def _key(self) -> tuple[str, str]:
        return self.fingerprint, self._device

    @contextmanager
    def _loaded(self) -> Iterator[LoadedCheckpoint]:
        with LOADED.held(self._key, lambda: LoadedCheckpoint(self._files, self._device, self._precision)) as loaded:
            yield loaded

    def score(self, utterances: Iterable[Channel], groups: Sequence[str] | None = None) -> list[ToneScore]:
        """See ``ToneModel``; groups change nothing here. Raises ``ArtefactError`` for a checkpoint that is not whole.

        An utterance too short for a frame (25 ms), or without any signal, is scored as all tones equally likely.
        """
        parts: list[list[tuple[ToneScore, float]]] = []
        waiting: list[_Window] = []
        seconds = 0.0
        for index, samples in enumerate(utterances):
            parts.append([])
            for window in _windows(index, samples):
                waiting.append(window)
                seconds += len(window.samples) / SAMPLE_RATE
                if seconds >= _COLLECTED_SECONDS:
                    self._score(waiting, parts)
                    waiting, seconds = [], 0.0
        self._score(waiting, parts)
        if groups is not None and len(groups) != len(parts):
            raise ValueError(f"{len(parts)} utterances came with {len(groups)} groups: give one group for each")
        return [_pooled(part, self.labels) for part in parts]

    def logits(self, samples: Sequence[Channel]) -> Floats:
        """Logits of windows of at most 10 s, one row each in their order, shape ``(n, len(labels))``."""
        with self._loaded() as loaded:
            rows = self._by_batches(samples, loaded.logits)
        return np.array(rows, dtype=np.float32).reshape(-1, len(self.labels))

    def states(self, samples: Sequence[Channel]) -> list[Floats]:
        """What the head sees of windows: for each shape ``(n_frames, width)``, 50 frames a second."""
        with self._loaded() as loaded:
            return self._by_batches(samples, loaded.states)

    def _by_batches(self, samples: Sequence[Channel], run: Callable[[list[Channel]], Iterable[Floats]]) -> list[Floats]:
        logits: dict[int, Floats] = {}
        for members, batch_size in self._batches(samples):
            rows = in_batches([samples[i] for i in members], batch_size, lambda batch: list(run(batch)), size_of=len)
            logits |= dict(zip(members, rows, strict=True))
        return [logits[i] for i in range(len(samples))]

    def load(self) -> None:
        """Load the weights now. Raises ``ArtefactError`` where they are not whole."""
        with self._loaded():
            pass

    def _score(self, waiting: Sequence[_Window], parts: list[list[tuple[ToneScore, float]]]) -> None:
        audible = [window for window in waiting if _has_signal(window.samples, self._settings.fewest_samples)]
        if not audible:
            return
        for window, row in zip(
            audible, log_probabilities(self.logits([window.samples for window in audible])), strict=True
        ):
            score = ToneScore(dict(zip(self.labels, np.exp(row).tolist(), strict=True)))
            parts[window.utterance].append((score, window.seconds_of_speech))

    def _batches(self, samples: Sequence[Channel]) -> list[tuple[list[int], int]]:
        """Indices of windows of about one length, longest first, and how many of them make a batch."""
        classes: dict[float, list[int]] = {}
        for i, window in enumerate(samples):
            upper = _SHORTEST_CLASS
            while len(window) > upper * SAMPLE_RATE:
                upper *= 2
            classes.setdefault(upper, []).append(i)
        return [(classes[upper], max(1, int(self._batch_seconds / upper))) for upper in sorted(classes, reverse=True)]


def load_wav2vec2(
    source: str | Path | None = None,
    revision: str | None = None,
    sha256: str | None = None,
    device: str = "auto",
    precision: str = "auto",
    cache: Path | None = None,
    batch_seconds: float | None = None,
) -> Wav2Vec2ToneModel:
    """The tone model of a wav2vec2 checkpoint; its files are found, fetched and hashed, the weights load at first use.

    :param source: a local folder, or ``owner/name`` on the Hugging Face hub; None is ``DOCUMENTED``
    :param revision: branch, tag or commit of the hub; None is its main branch
    :param sha256: what the file of the weights must hash to; None takes any
    :param device: auto, cpu, cuda or mps
    :param precision: auto, float32, float16, bfloat16, or int8 on a processor with AVX2, which ``auto`` takes where
        there is no bfloat16
    :param cache: where the hub's files are kept; None is where all packages of Hugging Face keep them
    :param batch_seconds: audio in one batch; None is a good size for the device
    :raises BackendUnavailableError: files are missing or cannot be fetched, or the device is not available
    :raises ArtefactError: another SHA-256 than requested, or settings that do not fit
    """
    files = checkpoint_at(source, revision, sha256, cache)
    read_settings(files)
    where = torch_device(device)
    return Wav2Vec2ToneModel(files, where, torch_precision(precision, where, has_int8=True), batch_seconds)


def _windows(utterance: int, samples: Channel) -> list[_Window]:
    clean = np.nan_to_num(np.asarray(samples, dtype=np.float32), nan=0.0, posinf=1.0, neginf=-1.0)
    cut = windows(clean)
    if len(cut) == 1:
        return [_Window(utterance, cut[0], 1.0)]
    spoken = np.cumsum([0, *(speech_probabilities(clean) >= _SPOKEN)]) * (FRAME_SAMPLES / SAMPLE_RATE)
    edges = np.round(np.cumsum([0, *map(len, cut)]) / FRAME_SAMPLES).astype(int).clip(max=len(spoken) - 1)
    return [_Window(utterance, samples, float(s)) for samples, s in zip(cut, np.diff(spoken[edges]), strict=True)]


def _has_signal(samples: Channel, fewest_samples: int) -> bool:
    return len(samples) >= fewest_samples and bool(np.ptp(samples) > 0)


def _pooled(parts: Sequence[tuple[ToneScore, float]], labels: Sequence[str]) -> ToneScore:
    if not parts:
        return _nothing_heard(labels)
    return pool_scores([score for score, _ in parts], [seconds for _, seconds in parts])


def _nothing_heard(labels: Sequence[str]) -> ToneScore:
    """All tones equally likely, but for a trace that keeps the tie from falling to the first label, angry."""
    chances = {label: 1.0 + _TRACE * (label == "neutral") for label in labels}
    return ToneScore({label: chance / sum(chances.values()) for label, chance in chances.items()})
