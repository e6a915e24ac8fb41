"""Fitting the weights of a committee to labelled vectors: ridge regression on likeness to landmarks.

Files and clips belong to ``acoustic_training``; ``engine.tone.acoustic`` applies a committee.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.tone.acoustic.committee import Committee, KernelMachine
from emotion_pipeline.engine.tone.acoustic.measure import sources
from emotion_pipeline.engine.tone.acoustic.normalise import Normaliser
from emotion_pipeline.engine.tone.labels import ACOUSTIC_TONES

Floats = NDArray[np.float64]

# Examples that a machine compares with.
LANDMARKS: Final = 1_200

# Chosen by speakers and by corpora held out, as was what is not here (see the model card).
_MACHINES: Final = {"encoder": 1.0, "functionals": 0.5}  # by source, and how much each counts
_PENALTY: Final = 0.3
_STEEPNESS: Final = 0.25  # of the kernel, per feature


@dataclass(frozen=True, slots=True)
class Examples:
    """Measured clips; ``n`` is their number."""

    # Shape ``(n, n_features)``.
    vectors: NDArray[np.float32]
    # Index into ``ACOUSTIC_TONES``, -1 for an emotion that is none of them; shape ``(n,)``.
    tones: NDArray[np.int64]
    # Valence and arousal in [0, 1], shape ``(n, 2)``.
    dimensions: Floats
    # Label as the corpus writes it.
    emotions: NDArray[np.str_]
    # How far the label is to be trusted, in (0, 1].
    trust: Floats
    speakers: NDArray[np.str_]
    corpora: NDArray[np.str_]

    def take(self, rows: NDArray[np.int64]) -> "Examples":
        return Examples(*(getattr(self, name)[rows] for name in Examples.__slots__))

    def __add__(self, other: "Examples") -> "Examples":
        return Examples(*(np.concatenate([getattr(part, name) for part in (self, other)]) for name in self.__slots__))


def fit_normaliser(examples: Examples) -> Normaliser:
    """Return how features vary over these speakers."""
    of_four = examples.tones >= 0
    return Normaliser.fit(examples.vectors[of_four], examples.speakers[of_four])


def fit_committee(examples: Examples, normaliser: Normaliser, seed: int, *, relative: bool) -> Committee:
    """A machine for each source, on clips as they are alone, or with ``relative`` on clips relative to their voice."""
    rng = np.random.default_rng(seed)
    inputs = _normalised(examples, normaliser) if relative else normaliser.alone(examples.vectors)
    tone_weights = _balanced(examples, np.where(examples.tones >= 0, examples.trust, 0.0))
    # What counts more in the fit is more often compared with; no clip is taken twice.
    count = min(LANDMARKS, np.count_nonzero(tone_weights))
    chosen = rng.choice(len(tone_weights), count, replace=False, p=tone_weights / tone_weights.sum())
    dimension_weights = _balanced(examples, examples.trust)
    tone_targets = np.eye(len(ACOUSTIC_TONES))[examples.tones] - 1 / len(ACOUSTIC_TONES)
    machines = []
    for source, weight in _MACHINES.items():
        columns = sources()[source]
        # As they are stored.
        landmarks = inputs[chosen, columns].astype(np.float16).astype(np.float64)
        machine = KernelMachine(source, landmarks, _STEEPNESS / landmarks.shape[1], np.zeros((0, 0)), weight)
        likeness, among = machine.likeness(inputs), _likeness_among(machine)
        parts = (
            _ridge(likeness, among, targets, weights)
            for targets, weights in ((tone_targets, tone_weights), (examples.dimensions - 0.5, dimension_weights))
        )
        machines.append(
            KernelMachine(source, landmarks, machine.steepness, np.concatenate(list(parts), axis=1), weight)
        )
    return Committee(tuple(machines))


def _normalised(examples: Examples, normaliser: Normaliser) -> Floats:
    """Vectors relative to their speaker, of whom the clips of the four tones are what is known."""
    result = np.empty(examples.vectors.shape)
    for speaker in np.unique(examples.speakers):
        rows = examples.speakers == speaker
        result[rows] = normaliser.apply(examples.vectors[rows], examples.vectors[rows & (examples.tones >= 0)])
    return result


def _balanced(examples: Examples, trust: Floats) -> Floats:
    """Weights, mean 1: the emotions of a corpus count the same, and a corpus by the square root of its size."""
    weights = trust.copy()
    for corpus in np.unique(examples.corpora):
        inside = examples.corpora == corpus
        for emotion in np.unique(examples.emotions[inside]):
            cell = inside & (examples.emotions == emotion)
            if weights[cell].sum() > 0:
                weights[cell] *= np.sqrt((trust[inside] > 0).sum()) / weights[cell].sum()
    return weights / weights.mean()


def _likeness_among(machine: KernelMachine) -> Floats:
    squares = (machine.landmarks**2).sum(axis=1)
    apart = squares[:, None] + squares - 2 * machine.landmarks @ machine.landmarks.T
    return np.exp(-machine.steepness * np.maximum(apart, 0))


def _ridge(likeness: Floats, among: Floats, targets: Floats, weights: Floats) -> Floats:
    """Kernel ridge regression on landmarks (Williams & Seeger, "Using the Nystroem Method", NIPS 2000)."""
    weighted = likeness * weights[:, None]
    system = likeness.T @ weighted + _PENALTY * among + 1e-4 * np.eye(len(among))
    return np.asarray(np.linalg.solve(system, weighted.T @ targets), dtype=np.float64)
