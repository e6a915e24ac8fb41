"""The threshold of each label: the probability from which a text counts as having it, chosen on development data.

A threshold maximises the F1 of its label together with the F1 of the Ekman group to which the label belongs, since a
group is predicted when any of its labels is. Two things stabilise thresholds of rare labels: counts are taken half from
the annotations and half from the calibrated probabilities (Ye et al., 2012, "Optimizing F-measure: A Tale of Two
Approaches", ICML), and F1 is smoothed over neighbouring thresholds.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.emotion.taxonomy import EKMAN, LABELS

# The threshold of a label that the development data does not contain: no probability reaches it.
NEVER: Final = 1.01

# Weight of expected counts against annotated ones; with ``GROUP_WEIGHT`` chosen on cross-fitted development data.
EXPECTED_SHARE: Final = 0.5

# Weight of the mean F1 over Ekman groups against the mean F1 over labels.
GROUP_WEIGHT: Final = 0.5

_NEIGHBOURS: Final = 10
_ROUNDS: Final = 2

Matrix = NDArray[np.float32]
Truth = NDArray[np.bool_]


def fit_thresholds(probabilities: Matrix, truth: Truth) -> Matrix:
    """Thresholds, shape ``(28,)``; both arguments have shape ``(n, 28)``, probabilities calibrated."""
    thresholds = np.array([_best(p, t, None, None) for p, t in zip(probabilities.T, truth.T, strict=True)])
    decided = probabilities >= thresholds
    for _ in range(_ROUNDS):
        for group in EKMAN.values():
            columns = [LABELS.index(label) for label in group]
            present = np.any(truth[:, columns], axis=1)
            for column in columns if len(columns) > 1 else ():
                others = np.any(decided[:, [other for other in columns if other != column]], axis=1)
                thresholds[column] = _best(probabilities[:, column], truth[:, column], present, others)
                decided[:, column] = probabilities[:, column] >= thresholds[column]
    return thresholds.astype(np.float32)


def _best(probabilities: NDArray[np.float32], truth: Truth, present: Truth | None, others: Truth | None) -> float:
    """Return the best threshold of one label.

    ``present``: which texts belong to its group; ``others``: which texts another label of the group already predicts.
    Without these two the label's F1 alone is maximised.
    """
    if not truth.any():
        return NEVER
    order = np.argsort(-probabilities, kind="stable")
    ranked = probabilities[order].astype(np.float64)
    hits = (1 - EXPECTED_SHARE) * truth[order] + EXPECTED_SHARE * ranked
    taken = np.arange(1, len(ranked) + 1)
    value = 2 * np.cumsum(hits) / (taken + hits.sum()) / len(LABELS)
    if present is not None and others is not None:
        new = ~others[order]
        hits_of_group = np.cumsum(new & present[order]) + (others & present).sum()
        value += GROUP_WEIGHT * 2 * hits_of_group / (np.cumsum(new) + others.sum() + present.sum()) / len(EKMAN)
    reach = min(_NEIGHBOURS, len(ranked) // 500)
    window = np.ones(2 * reach + 1) / (2 * reach + 1)
    best = int(np.argmax(np.convolve(np.pad(value, reach, mode="edge"), window, mode="valid")))
    # Halfway to the next text, so that the decision does not hang on the last digit of one probability.
    following = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float((ranked[best] + following) / 2)
