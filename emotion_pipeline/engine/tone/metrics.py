"""How the quality of tone recognition is measured, as functions of arrays.

``truth`` is ``int``, shape ``(n,)``, an index into the classes; ``probabilities`` has shape ``(n, n_classes)``, rows
summing to 1.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Classes = NDArray[np.int64]
Floats = NDArray[np.float64]

BINS: Final = 15
"""Equal-width bins of the expected calibration error."""

_RESAMPLES: Final = 1_000


def recalls(truth: Classes, decided: Classes, n_classes: int) -> Floats:
    """Recall of each class, shape ``(n_classes,)``, NaN for a class that does not occur."""
    with np.errstate(invalid="ignore"):
        found = np.bincount(truth[truth == decided], minlength=n_classes)
        return found / np.bincount(truth, minlength=n_classes)


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


def expected_calibration_error(truth: Classes, probabilities: Floats) -> float:
    """Distance of the winner's probability from how often it is right, mean over 15 bins by size (Guo et al., 2017)."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = (abs(float(right[bins == b].sum() - confidence[bins == b].sum())) for b in np.unique(bins))
    return sum(gaps) / len(truth)
