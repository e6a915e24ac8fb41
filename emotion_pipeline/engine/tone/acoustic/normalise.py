"""What is loud, high or harsh *for this voice*: vectors relative to the voice's own.

Empirical Bayes on one number at a time: a feature of an utterance is a voice's own mean plus what the moment adds, both
normal (C. Morris, "Parametric Empirical Bayes Inference", JASA 78, 1983). With one utterance nothing is known of the
voice and a vector is only standardised; with many, the voice's mean takes over, first for what differs most between
voices, such as pitch, and between microphones.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# However many utterances a voice has, its mean counts for no more than this many.
#
# A recording is not a balanced sample: whoever is angry throughout must not become the measure of their own calm.
MOST_UTTERANCES: Final = 30.0

_LIMIT: Final = 5.0  # standard deviations: beyond this a value is a measuring error


@dataclass(frozen=True, slots=True)
class Normaliser:
    """How features vary in a population of voices; each array has shape ``(n_features,)``."""

    mean: Floats
    # Variance between the utterances of one voice.
    within: Floats
    # Variance between the means of voices.
    between: Floats

    @classmethod
    def fit(cls, vectors: NDArray[np.float32], voices: NDArray[np.str_]) -> "Normaliser":
        """Population of ``vectors``, shape ``(n_utterances, n_features)``, every voice counting the same."""
        by_voice = [vectors[voices == voice].astype(np.float64) for voice in np.unique(voices)]
        means = np.stack([rows.mean(axis=0) for rows in by_voice])
        # A feature that never varies would be divided by zero.
        within = np.mean([rows.var(axis=0) for rows in by_voice], axis=0) + 1e-8
        return cls(means.mean(axis=0), within, means.var(axis=0))

    def apply(self, vectors: NDArray[np.float32], utterances: NDArray[np.float32]) -> Floats:
        """Standardised ``vectors`` of one voice, of which ``utterances`` are all that is known; rows are vectors."""
        if len(utterances) < 2:
            return self.alone(vectors)
        count = min(float(len(utterances)), MOST_UTTERANCES)
        trust = count * self.between / (count * self.between + self.within)
        centre = self.mean + trust * (utterances.mean(axis=0, dtype=np.float64) - self.mean)
        return self._limited((vectors - centre) / np.sqrt(self.within + (1 - trust) * self.between))

    def alone(self, vectors: NDArray[np.float32]) -> Floats:
        """Standardised ``vectors`` of which each is all that is known of its voice."""
        return self._limited((vectors - self.mean) / np.sqrt(self.within + self.between))

    @staticmethod
    def _limited(values: Floats) -> Floats:
        return np.clip(values, -_LIMIT, _LIMIT)
