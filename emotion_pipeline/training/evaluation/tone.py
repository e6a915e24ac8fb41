"""Measuring a tone model on a labelled corpus, by the interface that users call: ``emotion-clf evaluate tone``."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.types import SAMPLE_RATE, ToneScore
from emotion_pipeline.engine.tone.base import ToneModel
from emotion_pipeline.engine.tone.labels import ACOUSTIC_TONES, FOUR_CLASS
from emotion_pipeline.training.tone import metrics
from emotion_pipeline.training.tone.corpus import read_clip, read_manifest
from emotion_pipeline.training.tone.metrics import figures_of


@dataclass(frozen=True, slots=True)
class ToneEvaluation:
    """The figures of the command contract over angry, happy, neutral with calm counted as neutral, and sad."""

    n: int
    # Unweighted average recall; chance is 0.25.
    uar_4: float
    # 95 % bootstrap interval over speakers.
    uar_4_interval: tuple[float, float]
    # By class; None for a class that the corpus does not have.
    recall: Mapping[str, float | None]
    # Clips by what they are, then by what they were taken for.
    confusion: Mapping[str, Mapping[str, int]]
    # Expected calibration error of the winning probability, 15 bins.
    ece: float
    # The bins behind ``ece`` that are not empty.
    calibration: Sequence[metrics.CalibrationBin]
    speakers: metrics.SpeakerSpread
    # Of scoring, with the audio decoded beforehand.
    audio_seconds_per_second: float
    normalised_by_speaker: bool

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def evaluate_tone(model: ToneModel, manifest: Path, normalise_by_speaker: bool = False) -> ToneEvaluation:
    """Measure ``model`` on the clips of ``manifest`` that belong to the four classes; other rows are skipped.

    normalise_by_speaker: a speaker's clips are given to the model as one voice, as the segments of a call would be.

    Raises ``TrainingDataError`` naming file and row for data that does not fit.
    """
    clips = read_manifest(manifest)
    sounds = [read_clip(clip) for clip in clips]
    speakers = [clip.speaker for clip in clips]
    model.score(sounds[:1])  # what is loaded at first use is not scoring
    started = time.perf_counter()
    scores = model.score(sounds, speakers if normalise_by_speaker else None)
    seconds = time.perf_counter() - started
    figures = figures_of(np.array([ACOUSTIC_TONES.index(clip.tone) for clip in clips]), four_classes(scores), speakers)
    speed = sum(len(sound) for sound in sounds) / SAMPLE_RATE / seconds
    return ToneEvaluation(**figures, audio_seconds_per_second=speed, normalised_by_speaker=normalise_by_speaker)


def four_classes(scores: Sequence[ToneScore]) -> NDArray[np.float64]:
    """Return probabilities over the four classes, shape ``(n, 4)``, without what the model gives to other tones."""
    result = np.zeros((len(scores), len(ACOUSTIC_TONES)))
    for row, score in zip(result, scores, strict=True):
        for tone, probability in score.probabilities.items():
            if tone in FOUR_CLASS:
                row[ACOUSTIC_TONES.index(FOUR_CLASS[tone])] += probability
    return result / np.maximum(result.sum(axis=1, keepdims=True), 1e-9)
