"""Finding the weights of a committee from vectors with labels: logistic regression and small networks.

Knows nothing of files and clips (``training``) or of how a committee is applied (``network``).
"""

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.tone.labels import ACOUSTIC_TONES
from emotion_pipeline.engine.tone.network import Committee, Layer
from emotion_pipeline.engine.tone.normalise import Normaliser

Floats = NDArray[np.float64]

NETWORKS: Final = 3
"""Networks in the committee beside the logistic regression."""

_HIDDEN: Final = (128, 64)
_STRENGTH: Final = 0.003  # inverse penalty of the logistic regression
_STEPS: Final = 1_500
_BATCH: Final = 256
_RATE: Final = 2e-3
_DECAY: Final = 0.05
_SMOOTHING: Final = 0.05
_MIXING: Final = 0.3

_FEW: Final = 6
"""Utterances of a small voice in training, to learn what little acquaintance looks like."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Measured clips; ``n`` is their number, ``m`` that of variants of each, the first being the recording itself."""

    vectors: NDArray[np.float32]
    """Shape ``(n, m, n_features)``."""
    tones: NDArray[np.int64]
    """Index into ``ACOUSTIC_TONES``, shape ``(n,)``."""
    speakers: NDArray[np.str_]
    corpora: NDArray[np.str_]

    def take(self, rows: NDArray[np.int64]) -> "Examples":
        return Examples(self.vectors[rows], self.tones[rows], self.speakers[rows], self.corpora[rows])


def fit_normaliser(examples: Examples) -> Normaliser:
    """How the features of these speakers vary, all variants of a clip included."""
    variants = examples.vectors.shape[1]
    return Normaliser.fit(
        examples.vectors.reshape(-1, examples.vectors.shape[2]), np.repeat(examples.speakers, variants)
    )


def fit_committee(examples: Examples, normaliser: Normaliser, seed: int) -> Committee:
    """A logistic regression and ``NETWORKS`` small networks, trained on the same views of the examples."""
    rng = np.random.default_rng(seed)
    inputs, rows = _views(examples, normaliser, rng)
    tones, weights = examples.tones[rows], _balanced(examples)[rows]
    networks = [_network(inputs, tones, weights, seed + i) for i in range(NETWORKS)]
    return Committee((_logistic(inputs, tones, weights), *networks))


def _views(examples: Examples, normaliser: Normaliser, rng: np.random.Generator) -> tuple[Floats, NDArray[np.int64]]:
    """Every clip as it looks alone, among a few others, among few of the same tone and among all of its speaker's.

    Returns the normalised vectors and the row of ``examples`` that each comes from.
    """
    inputs, rows = [], []
    for speaker in np.unique(examples.speakers):
        own = np.flatnonzero(examples.speakers == speaker)
        for variant in range(examples.vectors.shape[1]):
            vectors = examples.vectors[:, variant]
            for group in _groups(rng.permutation(own), examples.tones):
                inputs.append(normaliser.apply(vectors[group], vectors[group]))
                rows.append(group)
            inputs.append(np.concatenate([normaliser.apply(vectors[[row]], vectors[[row]]) for row in own]))
            rows.append(own)
    return np.concatenate(inputs), np.concatenate(rows)


def _groups(own: NDArray[np.int64], tones: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    same = [own[tones[own] == tone] for tone in np.unique(tones[own])]
    few = [rows[i : i + _FEW] for rows in (own, *same) for i in range(0, len(rows), _FEW)]
    return [*few, own]


def _balanced(examples: Examples) -> Floats:
    """Weights, mean 1: the tones of a corpus count the same, and a corpus by the square root of its size."""
    sizes, cells = _sizes(examples.corpora), _sizes(np.char.add(examples.corpora, examples.tones.astype(str)))
    weights = np.sqrt(sizes) / cells
    return weights / weights.mean()


def _sizes(names: NDArray[np.str_]) -> NDArray[np.int64]:
    """For each name how often it occurs, shape ``(n,)``."""
    _, index, counts = np.unique(names, return_inverse=True, return_counts=True)
    return counts[index]


def _logistic(inputs: Floats, tones: NDArray[np.int64], weights: Floats) -> tuple[Layer, ...]:
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=_STRENGTH, max_iter=500).fit(inputs, tones, sample_weight=weights)
    return ((fitted.coef_.T, fitted.intercept_),)


def _network(inputs: Floats, tones: NDArray[np.int64], weights: Floats, seed: int) -> tuple[Layer, ...]:
    """Two hidden layers with dropout and mixup (Zhang et al., "Beyond Empirical Risk Minimization", ICLR 2018)."""
    import torch
    from torch import nn

    smooth = np.eye(len(ACOUSTIC_TONES))[tones] * (1 - _SMOOTHING) + _SMOOTHING / len(ACOUSTIC_TONES)
    data, targets = (torch.from_numpy(a.astype(np.float32)) for a in (inputs, smooth * weights[:, None]))
    rng = np.random.default_rng(seed)
    # The generator of the caller's process stays as it was.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        widths = (inputs.shape[1], *_HIDDEN, len(ACOUSTIC_TONES))
        first, second, last = (nn.Linear(wide, narrow) for wide, narrow in itertools.pairwise(widths))
        net = nn.Sequential(
            nn.Dropout(0.3), first, nn.ReLU(), nn.Dropout(0.5), second, nn.ReLU(), nn.Dropout(0.5), last
        )
        optimiser = torch.optim.AdamW(net.parameters(), lr=_RATE, weight_decay=_DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=_STEPS, pct_start=0.1)
        for _ in range(_STEPS):
            chosen, partner = (torch.from_numpy(rng.integers(len(data), size=_BATCH)) for _ in range(2))
            share = float(rng.beta(_MIXING, _MIXING))
            logits = net(share * data[chosen] + (1 - share) * data[partner])
            wanted = share * targets[chosen] + (1 - share) * targets[partner]
            loss = -(wanted * torch.log_softmax(logits, dim=1)).sum(dim=1).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    arrays = ((layer.weight.detach().numpy().T, layer.bias.detach().numpy()) for layer in (first, second, last))
    return tuple((w.astype(np.float64), b.astype(np.float64)) for w, b in arrays)
