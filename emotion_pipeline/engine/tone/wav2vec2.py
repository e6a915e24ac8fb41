"""Tone of voice by a wav2vec2 checkpoint: windows of utterances in batches, pooled by how much speech each holds.

Loading and what makes a checkpoint whole is ``checkpoint``, the network itself ``speech_network``. The checkpoint of
the documents is ``ehcalabres/wav2vec2-lg-xlsr-en-speech-emotion-recognition``.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.audio.voice import FRAME_SAMPLES, speech_probabilities
from emotion_pipeline.engine.batches import in_batches
from emotion_pipeline.engine.devices import Precision, TorchDevice, torch_device, torch_precision
from emotion_pipeline.engine.errors import ArtefactError, BackendUnavailableError
from emotion_pipeline.engine.tone.built_in_clip import excited_clip, subdued_clip
from emotion_pipeline.engine.tone.checkpoint import Checkpoint, CheckpointSettings, load_checkpoint, read_settings
from emotion_pipeline.engine.tone.checkpoint_files import CheckpointFiles, check_sha256, find_checkpoint
from emotion_pipeline.engine.tone.labels import TONES
from emotion_pipeline.engine.tone.model import pool_scores
from emotion_pipeline.engine.tone.windows import LONGEST, windows
from emotion_pipeline.engine.types import SAMPLE_RATE, Channel, ToneScore

if TYPE_CHECKING:
    import torch

DOCUMENTED: Final = "ehcalabres/wav2vec2-lg-xlsr-en-speech-emotion-recognition"
BACKEND: Final = "wav2vec2"

_COLLECTED_SECONDS: Final = 300.0
"""Windows are collected up to this length before they are scored: enough for batches of one length, little to hold."""
_BATCH_SECONDS: Final = {"cpu": 30.0, "mps": 80.0, "cuda": 320.0}
"""Audio in one batch; on a CPU larger ones bring nothing and cost memory."""
_SHORTEST_CLASS: Final = 1.25
"""Seconds: windows up to here are batched together, then those up to twice as long, and so on."""
_FLATTEST: Final = 0.01
"""Smallest difference between the logits of one clip, and between those of two clips, of a model that hears."""
_SMALLEST_VARIANCE: Final = 1e-7
"""Added to a window's variance before it is divided by, as the feature extractor of the checkpoints does."""
_TRACE: Final = 1e-6
_SPOKEN: Final = 0.5
"""Probability from which a frame counts as speech."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What is known of a checkpoint that was loaded whole; one that is not raises instead."""

    source: str
    revision: str
    weights: str
    """Path of the file."""
    sha256: str
    n_keys: int
    head: str
    """``speech`` or ``stock``, see ``speech_network.Head``."""
    labels: tuple[str, ...]
    spread: float
    """Difference between the largest and the smallest probability on the built-in clip; 0 is flat."""
    difference: float
    """Largest difference between the probabilities of the two built-in clips; 0 hears nothing."""
    repeatable: bool
    """Whether two loads of the file give the same logits, bit for bit."""


@dataclass(frozen=True, slots=True)
class _Window:
    """A stretch of one of the utterances."""

    utterance: int
    samples: Channel
    seconds_of_speech: float


class Wav2Vec2ToneModel:
    """See ``model.ToneModel``; finding and hashing the files is done at once, the weights load at first use."""

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
        """See ``ToneModel``; known without loading the weights."""
        return self._settings.labels or TONES

    @cached_property
    def _settings(self) -> CheckpointSettings:
        return read_settings(self._files)

    @cached_property
    def _loaded(self) -> "_Loaded":
        return _Loaded(load_checkpoint(self._files), self._files, self._device, self._precision)

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
        return [_pooled(one, self.labels) for one in parts]

    def logits(self, samples: Sequence[Channel]) -> Floats:
        """Logits of windows of at most 10 s, one row each in their order, shape ``(n, len(labels))``."""
        rows = self._by_batches(samples, self._loaded.logits)
        return np.array(rows, dtype=np.float32).reshape(-1, len(self.labels))

    def states(self, samples: Sequence[Channel]) -> list[Floats]:
        """What the head sees of windows: for each shape ``(n_frames, width)``, 50 frames a second."""
        return self._by_batches(samples, self._loaded.states)

    def _by_batches(self, samples: Sequence[Channel], run: Callable[[list[Channel]], Iterable[Floats]]) -> list[Floats]:
        found: dict[int, Floats] = {}
        for members, batch_size in self._batches(samples):
            rows = in_batches([samples[i] for i in members], batch_size, lambda batch: list(run(batch)), size_of=len)
            found |= dict(zip(members, rows, strict=True))
        return [found[i] for i in range(len(samples))]

    def load(self) -> None:
        """Load the weights now. Raises ``ArtefactError`` where they are not whole."""
        _ = self._loaded

    def _score(self, waiting: Sequence[_Window], parts: list[list[tuple[ToneScore, float]]]) -> None:
        heard = [window for window in waiting if _has_signal(window.samples, self._settings.fewest_samples)]
        if not heard:
            return
        for window, row in zip(heard, _log_probabilities(self.logits([one.samples for one in heard])), strict=True):
            score = ToneScore(dict(zip(self.labels, np.exp(row).tolist(), strict=True)))
            parts[window.utterance].append((score, window.seconds_of_speech))

    def _batches(self, samples: Sequence[Channel]) -> list[tuple[list[int], int]]:
        """Indices of windows of about one length, longest first, and how many of them make a batch."""
        classes: dict[float, list[int]] = {}
        for i, one in enumerate(samples):
            upper = _SHORTEST_CLASS
            while len(one) > upper * SAMPLE_RATE:
                upper *= 2
            classes.setdefault(upper, []).append(i)
        return [(classes[upper], max(1, int(self._batch_seconds / upper))) for upper in sorted(classes, reverse=True)]


class _Loaded:
    """A checkpoint on its device, which was heard to tell two clips apart."""

    def __init__(
        self, checkpoint: Checkpoint, files: CheckpointFiles, device: TorchDevice, precision: Precision
    ) -> None:
        self.network = checkpoint.network.prepare(device, precision)
        self._scales_input = checkpoint.scales_input
        self._file = files.weights
        _check_hearing(self.logits([excited_clip(), subdued_clip()]), files)

    def logits(self, batch: Sequence[Channel]) -> Floats:
        """Logits of one batch, shape ``(len(batch), n_labels)``."""
        import torch

        with torch.inference_mode():
            found = self.network([self._wave(samples) for samples in batch]).cpu().numpy()
        if not np.isfinite(found).all():
            raise BackendUnavailableError(
                f"the tone model {self._file} gave values that are not numbers in {self.network.precision}; take "
                f"precision 'float32'"
            )
        return found

    def states(self, batch: Sequence[Channel]) -> list[Floats]:
        """See ``Wav2Vec2ToneModel.states``."""
        import torch

        with torch.inference_mode():
            states, lengths = self.network.states([self._wave(samples) for samples in batch])
        return [one[:length].float().cpu().numpy() for one, length in zip(states, lengths, strict=True)]

    def _wave(self, samples: Channel) -> "torch.Tensor":
        """One window as the checkpoint wants it, on the device; scaled by its own samples, never by padding."""
        import torch

        wave = torch.from_numpy(np.ascontiguousarray(samples)).to(self.network.device)
        if not self._scales_input:
            return wave
        return (wave - wave.mean()) / torch.sqrt(wave.var(correction=0) + _SMALLEST_VARIANCE)


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
    :param precision: auto, float32, float16 or bfloat16
    :param cache: where the hub's files are kept; None is where all packages of Hugging Face keep them
    :param batch_seconds: audio in one batch; None is a good size for the device
    :raises BackendUnavailableError: files are missing or cannot be fetched, or the device is not there
    :raises ArtefactError: another SHA-256 than wanted, or settings that do not fit
    """
    files = _found(source, revision, sha256, cache)
    read_settings(files)
    where = torch_device(device)
    return Wav2Vec2ToneModel(files, where, torch_precision(precision, where), batch_seconds)


def verify(
    source: str | Path | None = None, revision: str | None = None, sha256: str | None = None, cache: Path | None = None
) -> VerifyReport:
    """Load a checkpoint twice in float32 on the CPU, check all of it, and say what it is; see ``load_wav2vec2``.

    :raises BackendUnavailableError: files are missing or cannot be fetched
    :raises ArtefactError: the checkpoint is not whole or hears nothing; the message names the keys
    """
    files = _found(source, revision, sha256, cache)
    clips = [excited_clip(), subdued_clip()]
    checkpoint = load_checkpoint(files)
    first, second = (
        _Loaded(one, files, "cpu", "float32").logits(clips) for one in (checkpoint, load_checkpoint(files))
    )
    chances = np.exp(_log_probabilities(first))
    return VerifyReport(
        source=files.name,
        revision=files.revision,
        weights=str(files.weights),
        sha256=files.sha256,
        n_keys=checkpoint.n_keys,
        head=str(checkpoint.network.head),
        labels=checkpoint.labels,
        spread=float(np.ptp(chances[0])),
        difference=float(np.abs(chances[0] - chances[1]).max()),
        repeatable=bool((first == second).all()),
    )


def _found(source: str | Path | None, revision: str | None, sha256: str | None, cache: Path | None) -> CheckpointFiles:
    files = find_checkpoint(source or DOCUMENTED, revision, cache)
    if sha256 is not None:
        check_sha256(files, sha256)
    return files


def _check_hearing(logits: Floats, files: CheckpointFiles) -> None:
    """Raise where the answer to a clip is flat, or that to two clips the same."""
    spread, difference = float(np.ptp(logits[0])), float(np.abs(logits[0] - logits[1]).max())
    if min(spread, difference) < _FLATTEST:
        what = "is flat" if spread < _FLATTEST else "is the same for two different clips"
        raise ArtefactError(
            f"{files.weights} loads, but what it says {what} (logits differ by {spread:.2g} within a built-in clip, by "
            f"{difference:.2g} between two): its weights are not those of a trained model. Name another checkpoint."
        )


def _windows(utterance: int, samples: Channel) -> list[_Window]:
    clean = np.nan_to_num(np.asarray(samples, dtype=np.float32), nan=0.0, posinf=1.0, neginf=-1.0)
    cut = windows(clean)
    if len(cut) == 1:
        return [_Window(utterance, cut[0], 1.0)]
    spoken = np.cumsum([0, *(speech_probabilities(clean) >= _SPOKEN)]) * (FRAME_SAMPLES / SAMPLE_RATE)
    edges = np.round(np.cumsum([0, *map(len, cut)]) / FRAME_SAMPLES).astype(int).clip(max=len(spoken) - 1)
    return [_Window(utterance, one, float(s)) for one, s in zip(cut, np.diff(spoken[edges]), strict=True)]


def _has_signal(samples: Channel, fewest_samples: int) -> bool:
    return len(samples) >= fewest_samples and bool(np.ptp(samples) > 0)


def _log_probabilities(logits: Floats) -> Floats:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _pooled(parts: Sequence[tuple[ToneScore, float]], labels: Sequence[str]) -> ToneScore:
    if not parts:
        return _nothing_heard(labels)
    return pool_scores([score for score, _ in parts], [seconds for _, seconds in parts])


def _nothing_heard(labels: Sequence[str]) -> ToneScore:
    """All tones equally likely, but for a trace that keeps the tie from falling to the first label, angry."""
    chances = {label: 1.0 + _TRACE * (label == "neutral") for label in labels}
    return ToneScore({label: chance / sum(chances.values()) for label, chance in chances.items()})
