"""How the quality of tone recognition is measured, as functions of arrays.

``truth`` is ``int``, shape ``(n,)``, an index into the classes; ``probabilities`` has shape ``(n, n_classes)``, rows
summing to 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.tone.labels import ACOUSTIC_TONES

Classes = NDArray[np.int64]
Floats = NDArray[np.float64]

# Equal-width bins of the expected calibration error.
BINS: Final = 15

_RESAMPLES: Final = 1_000


def recalls(truth: Classes, decided: Classes, n_classes: int) -> Floats:
    """Recall of each class, shape ``(n_classes,)``, NaN for a class that does not occur."""
    with np.errstate(invalid="ignore"):
        hits = np.bincount(truth[truth == decided], minlength=n_classes)
        return hits / np.bincount(truth, minlength=n_classes)


def unweighted_average_recall(truth: Classes, decided: Classes, n_classes: int) -> float:
    """Mean recall of the classes that occur: every class counts the same, however rare; 1 / n_classes is chance."""
    return float(np.nanmean(recalls(truth, decided, n_classes)))


def uar_interval(
    truth: Classes, decided: Classes, voices: NDArray[np.str_], n_classes: int, seed: int = 0
) -> tuple[float, float]:
    """95 % bootstrap interval of the unweighted average recall.

    Speakers are drawn, not clips: the clips of one speaker are alike, and drawing them one by one would make the
    interval too narrow.
    """
    rng = np.random.default_rng(seed)
    rows = [np.flatnonzero(voices == voice) for voice in np.unique(voices)]
    drawn = (np.concatenate([rows[i] for i in rng.integers(len(rows), size=len(rows))]) for _ in range(_RESAMPLES))
    values = [unweighted_average_recall(truth[chosen], decided[chosen], n_classes) for chosen in drawn]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def confusion(truth: Classes, decided: Classes, n_classes: int) -> Classes:
    """Return counts, shape ``(n_classes, n_classes)``: rows are true classes, columns decided ones."""
    return np.bincount(truth * n_classes + decided, minlength=n_classes**2).reshape(n_classes, n_classes)


@dataclass(frozen=True, slots=True)
class SpeakerSpread:
    """How unlike speakers fare: the unweighted average recall of each, summed up; a fair model has a narrow spread."""

    count: int
    lowest: float
    median: float
    highest: float
    deviation: float


def speaker_spread(truth: Classes, decided: Classes, voices: NDArray[np.str_], n_classes: int) -> SpeakerSpread:
    """Over the speakers of ``voices``, shape ``(n,)``; each by the classes that he or she speaks in."""
    every = [
        unweighted_average_recall(truth[voices == voice], decided[voices == voice], n_classes)
        for voice in np.unique(voices)
    ]
    return SpeakerSpread(len(every), min(every), float(np.median(every)), max(every), float(np.std(every)))


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Decisions of about the same confidence; in a calibrated model ``accuracy`` equals ``confidence``."""

    n: int
    # Mean probability of the winners.
    confidence: float
    # Share of the winners that are right.
    accuracy: float


def calibration(truth: Classes, probabilities: Floats) -> tuple[CalibrationBin, ...]:
    """The reliability diagram: those of 15 equal-width bins of confidence that are not empty, in order."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return tuple(
        CalibrationBin(int((bins == b).sum()), float(confidence[bins == b].mean()), float(right[bins == b].mean()))
        for b in np.unique(bins)
    )


def expected_calibration_error(truth: Classes, probabilities: Floats) -> float:
    """Distance of the winner's probability from how often it is right, mean over 15 bins by size (Guo et al., 2017)."""
    return sum(part.n * abs(part.accuracy - part.confidence) for part in calibration(truth, probabilities)) / len(truth)


def rank_correlation(labels: Floats, values: Floats) -> float:
    """Spearman's rank correlation, ties sharing their rank; 0 where one of them does not vary."""
    from scipy.stats import rankdata

    if np.ptp(labels) == 0 or np.ptp(values) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(labels), rankdata(values))[0, 1])


def figures_of(truth: NDArray[np.int64], probabilities: NDArray[np.float64], speakers: Sequence[str]) -> dict[str, Any]:
    """All figures but the speed, under the names of ``evaluation.tone.ToneEvaluation``.

    truth: index into ``ACOUSTIC_TONES``, shape ``(n,)``. probabilities: shape ``(n, 4)``. speakers: one name a row.
    """
    voices, classes = np.array(speakers), len(ACOUSTIC_TONES)
    decided = probabilities.argmax(axis=1)
    by_class = recalls(truth, decided, classes)
    table = confusion(truth, decided, classes)
    return {
        "n": len(truth),
        "uar_4": unweighted_average_recall(truth, decided, classes),
        "uar_4_interval": uar_interval(truth, decided, voices, classes),
        "recall": {tone: None if np.isnan(r) else float(r) for tone, r in zip(ACOUSTIC_TONES, by_class, strict=True)},
        "confusion": {
            tone: dict(zip(ACOUSTIC_TONES, row.tolist(), strict=True))
            for tone, row in zip(ACOUSTIC_TONES, table, strict=True)
        },
        "ece": expected_calibration_error(truth, probabilities),
        "calibration": calibration(truth, probabilities),
        "speakers": speaker_spread(truth, decided, voices, classes),
    }
