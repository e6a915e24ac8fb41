"""Fitting the weights of a committee to labelled vectors: logistic regression, linear and with a kernel.

Files and clips belong to ``acoustic_training``; ``engine.tone.acoustic`` applies a committee.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.tone.acoustic.committee import Chain, Committee, KernelMachine
from emotion_pipeline.engine.tone.acoustic.normalise import Normaliser
from emotion_pipeline.engine.tone.labels import ACOUSTIC_TONES

Floats = NDArray[np.float64]

# Kernel machines in the committee beside the linear one, each on landmarks of its own.
KERNEL_MACHINES: Final = 2

# Examples that a kernel machine compares with.
LANDMARKS: Final = 600

# Chosen by speakers and by corpora held out, as was what is not here: hidden layers, and noisy or faster copies.
_LINEAR_STRENGTH: Final = 0.0015  # inverse penalty
_KERNEL_STRENGTH: Final = 1.0
_STEEPNESS: Final = 1.0  # of the kernel, per feature

# Utterances of a small voice in training, to learn what little acquaintance looks like.
_FEW: Final = 6


@dataclass(frozen=True, slots=True)
class Examples:
    """Measured clips; ``n`` is their number."""

    # Shape ``(n, n_features)``.
    vectors: NDArray[np.float32]
    # Index into ``ACOUSTIC_TONES``, shape ``(n,)``.
    tones: NDArray[np.int64]
    speakers: NDArray[np.str_]
    corpora: NDArray[np.str_]

    def take(self, rows: NDArray[np.int64]) -> "Examples":
        return Examples(self.vectors[rows], self.tones[rows], self.speakers[rows], self.corpora[rows])


def fit_normaliser(examples: Examples) -> Normaliser:
    """Return how features vary over these speakers."""
    return Normaliser.fit(examples.vectors, examples.speakers)


def fit_committee(examples: Examples, normaliser: Normaliser, seed: int) -> Committee:
    """A logistic regression and ``KERNEL_MACHINES`` kernel machines, trained on the same views of the examples."""
    rng = np.random.default_rng(seed)
    inputs, rows = _views(examples, normaliser, rng)
    tones, weights = examples.tones[rows], _balanced(examples)[rows]
    machines = [_kernel_machine(inputs, tones, weights, rng) for _ in range(KERNEL_MACHINES)]
    return Committee((_logistic(inputs, tones, weights), *machines))


def _views(examples: Examples, normaliser: Normaliser, rng: np.random.Generator) -> tuple[Floats, NDArray[np.int64]]:
    """Every clip as it looks alone, among a few others, among few of the same tone and among all of its speaker's.

    Returns the normalised vectors and the row of ``examples`` that each comes from.
    """
    inputs, rows = [], []
    for speaker in np.unique(examples.speakers):
        clips = np.flatnonzero(examples.speakers == speaker)
        for group in [*_groups(rng.permutation(clips), examples.tones), *clips[:, None]]:
            inputs.append(normaliser.apply(examples.vectors[group], examples.vectors[group]))
            rows.append(group)
    return np.concatenate(inputs), np.concatenate(rows)


def _groups(clips: NDArray[np.int64], tones: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    same = [clips[tones[clips] == tone] for tone in np.unique(tones[clips])]
    few = [rows[i : i + _FEW] for rows in (clips, *same) for i in range(0, len(rows), _FEW)]
    return [*few, clips]


def _balanced(examples: Examples) -> Floats:
    """Weights, mean 1: the tones of a corpus count the same, and a corpus by the square root of its size."""
    sizes, cells = _sizes(examples.corpora), _sizes(np.char.add(examples.corpora, examples.tones.astype(str)))
    weights = np.sqrt(sizes) / cells
    return weights / weights.mean()


def _sizes(names: NDArray[np.str_]) -> NDArray[np.int64]:
    """For each name how often it occurs, shape ``(n,)``."""
    _, index, counts = np.unique(names, return_inverse=True, return_counts=True)
    return counts[index]


def _logistic(inputs: Floats, tones: NDArray[np.int64], weights: Floats) -> Chain:
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=_LINEAR_STRENGTH, max_iter=500).fit(inputs, tones, sample_weight=weights)
    return Chain(((fitted.coef_.T, fitted.intercept_),))


def _kernel_machine(
    inputs: Floats, tones: NDArray[np.int64], weights: Floats, rng: np.random.Generator
) -> KernelMachine:
    """Kernel logistic regression on random landmarks (Williams & Seeger, "Using the Nystroem Method", NIPS 2000)."""
    from sklearn.linear_model import LogisticRegression

    landmarks = inputs[rng.choice(len(inputs), min(LANDMARKS, len(inputs)), replace=False)]
    nothing = (np.zeros((len(landmarks), len(ACOUSTIC_TONES))), np.zeros(len(ACOUSTIC_TONES)))
    machine = KernelMachine(landmarks, _STEEPNESS / inputs.shape[1], nothing)
    sizes, axes = np.linalg.eigh(machine.likeness(landmarks))
    whitening = axes / np.sqrt(np.maximum(sizes, 1e-6))
    fitted = LogisticRegression(C=_KERNEL_STRENGTH, max_iter=500)
    fitted.fit(machine.likeness(inputs) @ whitening, tones, sample_weight=weights)
    return replace(machine, output=(whitening @ fitted.coef_.T, fitted.intercept_))
