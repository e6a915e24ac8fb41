"""The clips of fine-tuning: cut into windows, and split so that no speaker is on two sides.

``corpus`` reads a corpus; ``finetune_fit`` trains on the windows.
"""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.errors import TrainingDataError
from emotion_pipeline.engine.common.types import Channel
from emotion_pipeline.engine.tone.labels import ACOUSTIC_TONES
from emotion_pipeline.engine.tone.windows import windows
from emotion_pipeline.training.tone.corpus import Clip, read_clip

# Speakers are dealt into so many parts: one to stop by, one to measure on, the others to learn from.
FOLDS: Final = 5
_FULL: Final = 32_767


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of at most 10 s of one clip."""

    clip: int
    start: int
    # In samples.
    stop: int


@dataclass(frozen=True, slots=True)
class LabelledSpeech:
    """Clips in memory (115 MB per hour), cut into windows as for scoring."""

    clips: Sequence[Clip]
    sounds: Sequence[NDArray[np.int16]]
    # Of each clip, an index into ``ACOUSTIC_TONES``.
    tones: NDArray[np.int64]
    # Of each clip; speakers of different corpora are different people.
    speakers: NDArray[np.str_]
    windows: Sequence[Window]

    @classmethod
    def of(cls, clips: Sequence[Clip]) -> "LabelledSpeech":
        """Read the clips. Raises ``TrainingDataError`` naming the row of one that is unreadable or silent."""
        sounds, cut = [], []
        for index, clip in enumerate(clips):
            sound = read_clip(clip)
            if not np.ptp(sound):
                raise TrainingDataError(f"{clip.where}: {clip.path.name} is silent; take the row out of the manifest.")
            edges = np.cumsum([0, *map(len, windows(sound))])
            cut += [Window(index, int(start), int(stop)) for start, stop in itertools.pairwise(edges)]
            sounds.append((sound.clip(-1, 1) * _FULL).round().astype(np.int16))
        return cls(
            clips=clips,
            sounds=sounds,
            tones=np.array([ACOUSTIC_TONES.index(clip.tone) for clip in clips]),
            speakers=np.array([f"{clip.corpus}/{clip.speaker}" for clip in clips]),
            windows=cut,
        )

    def samples(self, window: Window) -> Channel:
        """The audio of a window, shape ``(n_samples,)``."""
        return self.sounds[window.clip][window.start : window.stop].astype(np.float32) / np.float32(_FULL)

    def windows_of(self, clips: NDArray[np.int64]) -> list[Window]:
        """The windows of some of the clips."""
        requested = set(clips.tolist())
        return [window for window in self.windows if window.clip in requested]

    @property
    def digest(self) -> str:
        """Changes with any sound, label or speaker."""
        parts = hashlib.sha256()
        for sound, tone, speaker in zip(self.sounds, self.tones, self.speakers, strict=True):
            parts.update(sound.tobytes())
            parts.update(f"{tone} {speaker}".encode())
        return parts.hexdigest()


@dataclass(frozen=True, slots=True)
class Split:
    """Indices of clips. No speaker is in two parts."""

    train: NDArray[np.int64]
    # What training is stopped by.
    dev: NDArray[np.int64]
    # What nothing is chosen on.
    test: NDArray[np.int64]


def split_by_speaker(speech: LabelledSpeech, seed: int, n_reviewed: int = 0) -> Split:
    """Split by speaker so that corpora and tones have about the same shares in each part.

    :param n_reviewed: so many clips at the end are only learnt from
    Raises ``TrainingDataError`` where there are too few speakers for each part to have all four tones.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    dealt = len(speech.clips) - n_reviewed
    speakers = speech.speakers[:dealt]
    count = len(np.unique(speakers))
    if count < FOLDS:
        raise TrainingDataError(f"The manifests name {count} speakers; {FOLDS} are needed, some of them unheard.")
    kinds = np.array([f"{clip.corpus} {clip.tone}" for clip in speech.clips[:dealt]])
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(kinds, kinds, speakers)
    dev, test, *rest = (np.asarray(part) for _, part in folds)
    split = Split(np.sort(np.concatenate([*rest, np.arange(dealt, len(speech.clips))])), dev, test)
    for name, part in (("learn from", split.train), ("stop by", dev), ("measure on", test)):
        absent = [tone for i, tone in enumerate(ACOUSTIC_TONES) if i not in speech.tones[part]]
        if absent:
            raise TrainingDataError(
                f"Among the speakers to {name} none is {', '.join(absent)}: give more speakers, or another seed."
            )
    return split
