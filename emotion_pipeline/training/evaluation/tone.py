"""Measuring a tone model on a labelled corpus, by the interface that users call: ``emotion-clf evaluate tone``."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.types import SAMPLE_RATE, ToneScore
from emotion_pipeline.engine.tone.base import ToneModel, evidence, pool_scores
from emotion_pipeline.engine.tone.labels import ACOUSTIC_TONES, CERTAIN, FOUR_CLASS
from emotion_pipeline.training.tone import metrics
from emotion_pipeline.training.tone.channels import CHANNELS
from emotion_pipeline.training.tone.corpus import Clip, read_clip, read_manifest
from emotion_pipeline.training.tone.dimensions import dimensions_of
from emotion_pipeline.training.tone.metrics import figures_of

# Intensities of a corpus of which the first is the weaker one.
_PAIRED: Final = (("normal", "strong"), ("low", "high"))


@dataclass(frozen=True, slots=True)
class CertainClips:
    """Clips whose tone has at least the probability from which it counts as certain."""

    share: float
    # Unweighted average recall among them; None where there are none.
    uar_4: float | None


@dataclass(frozen=True, slots=True)
class WholeRecordings:
    """All clips of a speaker in one tone as one recording, scored as a voice and pooled: the hardest case."""

    n: int
    # Unweighted average recall of recordings pooled by evidence, as the pipeline pools them.
    uar_4: float
    # Pooled by length alone, for comparison.
    uar_4_by_length: float


@dataclass(frozen=True, slots=True)
class DimensionFigures:
    """How the order of valence and arousal agrees with that of the labels, over all emotions of the corpus."""

    n: int
    # Spearman's rank correlation with the places of the labels, see ``dimensions``.
    valence: float
    arousal: float
    # Of pairs of the same speaker, sentence and emotion, how many have more arousal in the stronger version.
    pairs: int
    stronger_is_more_aroused: float | None


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
    certain: CertainClips
    recordings: WholeRecordings
    # None for a model that does not tell them.
    dimensions: DimensionFigures | None
    # Of scoring, with the audio decoded beforehand.
    audio_seconds_per_second: float
    normalised_by_speaker: bool
    # The channel that the clips went through first, if any.
    channel: str | None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def evaluate_tone(
    model: ToneModel, manifest: Path, normalise_by_speaker: bool = False, channel: str | None = None
) -> ToneEvaluation:
    """Measure ``model`` on the clips of ``manifest``; those outside the four classes only by valence and arousal.

    :param normalise_by_speaker: a speaker's clips are given to the model as one voice, as segments of a call would be
    :param channel: key of ``channels.CHANNELS`` that the clips go through first
    :raises TrainingDataError: data that does not fit, naming file and row
    """
    every = read_manifest(manifest, every_label=True)
    clips = [clip for clip in every if clip.is_of_four]
    through = CHANNELS[channel] if channel else None
    sounds = [through(read_clip(clip)) if through else read_clip(clip) for clip in clips]
    speakers = [clip.speaker for clip in clips]
    model.score(sounds[:1])  # what is loaded at first use is not scoring
    started = time.perf_counter()
    scores = model.score(sounds, speakers if normalise_by_speaker else None)
    seconds = time.perf_counter() - started
    truth, chances = np.array([ACOUSTIC_TONES.index(clip.tone) for clip in clips]), four_classes(scores)
    lengths = [len(sound) / SAMPLE_RATE for sound in sounds]
    others = [clip for clip in every if not clip.is_of_four]
    other_scores = model.score(map(read_clip, others)) if scores[0].arousal is not None and not channel else []
    return ToneEvaluation(
        **figures_of(truth, chances, speakers),
        certain=_certain(truth, chances),
        recordings=_recordings(model.score(sounds, [f"{clip.speaker}/{clip.tone}" for clip in clips]), clips, lengths),
        dimensions=_dimensions([*clips, *others], [*scores, *other_scores]) if other_scores else None,
        audio_seconds_per_second=sum(lengths) / seconds,
        normalised_by_speaker=normalise_by_speaker,
        channel=channel,
    )


def four_classes(scores: Sequence[ToneScore]) -> NDArray[np.float64]:
    """Return probabilities over the four classes, shape ``(n, 4)``, without what the model gives to other tones."""
    result = np.zeros((len(scores), len(ACOUSTIC_TONES)))
    for row, score in zip(result, scores, strict=True):
        for tone, probability in score.probabilities.items():
            if tone in FOUR_CLASS:
                row[ACOUSTIC_TONES.index(FOUR_CLASS[tone])] += probability
    return result / np.maximum(result.sum(axis=1, keepdims=True), 1e-9)


def _certain(truth: NDArray[np.int64], chances: NDArray[np.float64]) -> CertainClips:
    rows = chances.max(axis=1) >= CERTAIN
    if not rows.any():
        return CertainClips(0.0, None)
    uar = metrics.unweighted_average_recall(truth[rows], chances[rows].argmax(axis=1), len(ACOUSTIC_TONES))
    return CertainClips(float(rows.mean()), uar)


def _recordings(scores: Sequence[ToneScore], clips: Sequence[Clip], lengths: Sequence[float]) -> WholeRecordings:
    parts: dict[tuple[str, str], list[tuple[ToneScore, float]]] = {}
    for score, clip, seconds in zip(scores, clips, lengths, strict=True):
        parts.setdefault((clip.speaker, clip.tone), []).append((score, seconds))
    truth = np.array([ACOUSTIC_TONES.index(tone) for _, tone in parts])

    def uar(weights_of: Any) -> float:
        pooled = [pool_scores([s for s, _ in part], [weights_of(s, length) for s, length in part]) for part in
                  parts.values()]  # fmt: skip
        return metrics.unweighted_average_recall(truth, four_classes(pooled).argmax(axis=1), len(ACOUSTIC_TONES))

    return WholeRecordings(len(parts), uar(evidence), uar(lambda _score, seconds: seconds))


def _dimensions(clips: Sequence[Clip], scores: Sequence[ToneScore]) -> DimensionFigures:
    places = np.array([dimensions_of(clip.emotion, clip.intensity) for clip in clips])
    values = np.array([(score.valence, score.arousal) for score in scores], dtype=np.float64)
    valence, arousal = (metrics.rank_correlation(places[:, axis], values[:, axis]) for axis in range(2))
    by_utterance: dict[tuple[str, str, str], dict[str, list[float]]] = {}
    for clip, excited in zip(clips, values[:, 1].tolist(), strict=True):
        levels = by_utterance.setdefault((clip.speaker, clip.text, clip.emotion), {})
        levels.setdefault(clip.intensity, []).append(excited)
    stronger = [
        float(np.mean(levels[strong]) > np.mean(levels[weak]))
        for levels in by_utterance.values()
        for weak, strong in _PAIRED
        if weak in levels and strong in levels
    ]
    share = float(np.mean(stronger)) if stronger else None
    return DimensionFigures(len(clips), valence, arousal, len(stronger), share)
