"""Which stretches of speech are the same person's, and how many people there are: vectors in, speakers out.

Stretches are joined while one person explains two groups better than two people do, by the likelihood ratio of
probabilistic linear discriminant analysis; then windows are given to the speakers by the Viterbi algorithm, under which
a change of speaker costs. Vectors and variances between people are those of ``voice_encoder``: within a person the
variance is 1. Part of it is a mood, which stays through a group however long it speaks; so evidence is bounded.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class GroupRules:
    """How people are told apart; chosen on the dialogues of ``benchmarks.dialogues --purpose tuning``."""

    # Variance of a group's mean however long it speaks (its mood), and that of a second of speech around it.
    mood: float = 0.2
    second: float = 1.0
    # Two groups are one person above this natural logarithm of the likelihood ratio.
    same_person: float = -2.0
    most_people: int = 6
    # The likelihood of neighbouring windows, which overlap, counts only so much a second.
    weight: float = 1.0
    # Probability that the speaker of a window also has the next one.
    stays: float = 0.97
    passes: int = 2
    # Longer recordings are grouped by this many stretches, spread over all of it: comparing all needs their square.
    most_stretches: int = 800


@dataclass(frozen=True, slots=True)
class Voice:
    """What is known of one or more groups: precision and precision-weighted sum of their vectors."""

    # Shape ``(...)``.
    precision: Floats
    # Shape ``(..., n_dimensions)``.
    total: Floats

    def bounded(self, mood: float) -> "Voice":
        """Return the same with the variance of the mean raised by ``mood``."""
        factor = 1 / (1 + mood * self.precision)
        return Voice(self.precision * factor, self.total * factor[..., None])

    def __add__(self, other: "Voice") -> "Voice":
        return Voice(self.precision + other.precision, self.total + other.total)

    def __getitem__(self, index: object) -> "Voice":
        return Voice(self.precision[index], self.total[index])  # type: ignore[index]

    def likelihood(self, variances: Floats) -> Floats:
        """Return the logarithm of the likelihood that one person said all of it, without what is the same for all."""
        spread = 1 + variances * self.precision[..., None]
        return 0.5 * (variances * self.total**2 / spread - np.log(spread)).sum(axis=-1)


def group(
    vectors: Floats, seconds: Floats, stretches: Labels, variances: Floats, rules: GroupRules, people: int | None = None
) -> Labels:
    """Return the number of the speaker of each window, from 0, shape ``(n_windows,)``.

    :param vectors: of windows in order of time, shape ``(n_windows, n_dimensions)``
    :param seconds: of speech that each window stands for
    :param stretches: for each window the number of the stretch between two pauses that it belongs to, rising
    :param people: how many there are, if that is known; fewer where there are fewer stretches
    """
    voices = _voices(vectors, seconds, stretches, int(stretches.max()) + 1, rules)
    chosen = np.unique(np.linspace(0, len(voices.precision) - 1, rules.most_stretches).astype(int))
    joined = _joined(voices[chosen], variances, rules, people)
    found = np.full(len(voices.precision), -1)
    found[chosen] = joined
    labels = found[stretches]
    known = labels >= 0
    for _ in range(rules.passes):
        speakers = _speakers(vectors[known], seconds[known], stretches[known], labels[known], rules)
        if len(speakers.precision) == 1 and known.all():
            break
        labels = _numbered(_most_likely_path(_scores(vectors, seconds, speakers, variances, rules), rules.stays))
        known[:] = True
    return labels


def certainty(
    vectors: Floats, seconds: Floats, turns: Labels, labels: Labels, variances: Floats, rules: GroupRules
) -> Floats:
    """Return for each turn the probability of its speaker among those of the recording, shape ``(n_turns,)``.

    :param turns: for each window the number of its turn, rising; a turn has one label
    """
    voices = _voices(vectors, seconds, turns, int(turns.max()) + 1, rules).bounded(rules.mood)
    speakers = _speakers(vectors, seconds, turns, labels, rules)
    means = speakers.total * variances / (1 + variances * speakers.precision[:, None])
    spread = variances / (1 + variances * speakers.precision[:, None]) + 1 / voices.precision[:, None, None]
    own = voices.total / voices.precision[:, None]
    scores = -0.5 * ((own[:, None] - means) ** 2 / spread + np.log(spread)).sum(axis=-1)
    firsts = np.unique(turns, return_index=True)[1]
    return softmax(scores, axis=1)[np.arange(len(firsts)), labels[firsts]]


def _voices(vectors: Floats, seconds: Floats, parts: Labels, n_parts: int, rules: GroupRules) -> Voice:
    """Return what each part says of its speaker."""
    spoken = np.bincount(parts, seconds, n_parts)
    total = np.zeros((n_parts, vectors.shape[1]))
    np.add.at(total, parts, vectors * seconds[:, None])
    precision = 1 / (1 - rules.mood + rules.second / np.maximum(spoken, 0.1))
    return Voice(precision, total / np.maximum(spoken, 1e-9)[:, None] * precision[:, None])


def _joined(voices: Voice, variances: Floats, rules: GroupRules, people: int | None) -> Labels:
    """Return the group of each stretch after joining the likeliest two as long as they are one person."""
    n = len(voices.precision)
    voices = Voice(voices.precision.copy(), voices.total.copy())
    labels, alive = np.arange(n), np.ones(n, dtype=bool)
    gains = np.full((n, n), -np.inf)  # of joining the row with a later column
    for row in range(n - 1):
        gains[row, row + 1 :] = _gain(voices, row, np.arange(row + 1, n), variances, rules.mood)
    for left in range(n, 1, -1):
        keeper, gone = np.unravel_index(gains.argmax(), gains.shape)
        is_one = gains[keeper, gone] >= rules.same_person
        if left <= people if people else left <= rules.most_people and not is_one:
            break
        voices.precision[keeper] += voices.precision[gone]
        voices.total[keeper] += voices.total[gone]
        labels[labels == gone] = keeper
        alive[gone] = False
        gains[gone], gains[:, gone] = -np.inf, -np.inf
        others = np.flatnonzero(alive & (np.arange(n) != keeper))
        if len(others):
            gain = _gain(voices, int(keeper), others, variances, rules.mood)
            gains[np.minimum(others, keeper), np.maximum(others, keeper)] = gain
    return _numbered(labels)


def _gain(voices: Voice, group: int, others: Labels, variances: Floats, mood: float) -> Floats:
    """Return the logarithm of how much likelier one person is than two."""
    mine, theirs = voices[group].bounded(mood), voices[others].bounded(mood)
    return (mine + theirs).likelihood(variances) - mine.likelihood(variances) - theirs.likelihood(variances)


def _speakers(vectors: Floats, seconds: Floats, stretches: Labels, labels: Labels, rules: GroupRules) -> Voice:
    """Return what the windows of each label say of it, each unbroken part of a stretch as one voice."""
    begins = (np.diff(labels, prepend=-1) != 0) | (np.diff(stretches, prepend=-1) != 0)
    parts = np.cumsum(begins) - 1
    voices = _voices(vectors, seconds, parts, int(parts[-1]) + 1, rules)
    owners = labels[begins]
    n = int(owners.max()) + 1
    total = np.zeros((n, vectors.shape[1]))
    np.add.at(total, owners, voices.total)
    return Voice(np.bincount(owners, voices.precision, n).astype(np.float64), total)


def _scores(vectors: Floats, seconds: Floats, speakers: Voice, variances: Floats, rules: GroupRules) -> Floats:
    """Return the logarithm of each window's likelihood by speaker, shape ``(n_windows, n_speakers)``."""
    left = variances / (1 + variances * speakers.precision[:, None])
    means = left * speakers.total
    distances = np.stack([((vectors - mean) ** 2).sum(axis=1) for mean in means], axis=1)
    return -0.5 * rules.weight * seconds[:, None] * (distances + left.sum(axis=1))


def _most_likely_path(scores: Floats, stays: float) -> Labels:
    """Return the likeliest speaker of each window where a change costs (Viterbi 1967)."""
    n, people = scores.shape
    if people == 1:
        return np.zeros(n, dtype=np.intp)
    stay, change = np.log(stays), np.log((1 - stays) / (people - 1))
    best, before = scores[0].copy(), np.zeros((n, people), dtype=np.intp)
    own = np.arange(people)
    for window in range(1, n):
        likeliest = int(best.argmax())
        changed = best[likeliest] + change
        before[window] = np.where(best + stay >= changed, own, likeliest)
        best = np.maximum(best + stay, changed) + scores[window]
    path = np.zeros(n, dtype=np.intp)
    path[-1] = best.argmax()
    for window in range(n - 1, 0, -1):
        path[window - 1] = before[window, path[window]]
    return path


def _numbered(labels: Labels) -> Labels:
    """Return labels without gaps, from 0."""
    return np.unique(labels, return_inverse=True)[1]
