"""The interface and the options of tone models, and how the scores of parts become the score of a whole.

Which tone models exist is in ``registry``.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from emotion_pipeline.engine.common.types import Channel, ToneScore

# A probability counts as at least this much where its logarithm is taken.
SMALLEST: Final = 1e-9


class ToneModel(Protocol):
    """Scores the tone of voice of utterances."""

    @property
    def fingerprint(self) -> str:
        """``backend:name:version:hash12`` of the weights."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """The tones that it scores, a subset of ``labels.TONES``."""
        ...

    def score(self, utterances: Iterable[Channel], groups: Sequence[str] | None = None) -> list[ToneScore]:
        """One score an utterance, in order; utterances may have any length, also none.

        utterances: each ``float32``, shape ``(n_samples,)``, 16 kHz mono; taken one at a time, so that they may be cut
            out of a stream.
        groups: for each utterance the voice that speaks (recording and speaker); the other utterances of a voice
            help to score it. None: each utterance stands alone. No result depends on another group.
        """
        ...


@dataclass(frozen=True, slots=True)
class ToneOptions:
    """Options of tone models; each back end reads those that concern it."""

    # Which weights: a folder, for wav2vec2 also ``owner/name`` on a hub; None is the back end's own choice.
    model: str | None = None
    # Branch, tag or commit of a hub; None is its main branch.
    revision: str | None = None
    # What the file of the weights must hash to; None takes any.
    sha256: str | None = None
    # Where what comes from a hub is kept; None is where all packages of Hugging Face keep it.
    cache: Path | None = None
    device: str = "auto"
    # Where a back end has a choice.
    precision: str = "auto"


def pool_scores(scores: Sequence[ToneScore], weights: Sequence[float]) -> ToneScore:
    """The score of a whole: its parts' mean log-probabilities by ``weights`` (not negative), made to sum to 1.

    Valence and arousal are means by the same weights, of the parts that have them. Where all weights are 0, the parts
    count the same. Raises ``ValueError`` for no parts, for a count of weights that is not that of the parts, and for
    parts that do not score the same tones.
    """
    tones = {frozenset(score.probabilities) for score in scores}
    if len(tones) != 1 or len(scores) != len(weights):
        raise ValueError(f"cannot pool {len(scores)} scores by {len(weights)} weights over {len(tones)} sets of tones")
    shares = weights if sum(weights) > 0 else [1.0] * len(scores)
    raised = {
        tone: _geometric_mean([s.probabilities[tone] for s in scores], shares) for tone in scores[0].probabilities
    }
    return ToneScore(
        {tone: value / sum(raised.values()) for tone, value in raised.items()},
        _mean([score.valence for score in scores], shares),
        _mean([score.arousal for score in scores], shares),
    )


def evidence(score: ToneScore, seconds: float) -> float:
    """How much a part counts in the score of its whole: its seconds, times how far its probabilities are from even.

    0 for a part that could be anything, its seconds for one that is certain: what is short or unsure weighs little.
    """
    chances = [max(value, SMALLEST) for value in score.probabilities.values()]
    if len(chances) < 2:
        return seconds
    entropy = -sum(value * math.log(value) for value in chances)
    return seconds * max(0.0, 1 - entropy / math.log(len(chances)))


def _mean(values: Sequence[float | None], weights: Sequence[float]) -> float | None:
    present = [(value, weight) for value, weight in zip(values, weights, strict=True) if value is not None]
    total = sum(weight for _, weight in present)
    return sum(value * weight for value, weight in present) / total if total > 0 else None


def _geometric_mean(values: Sequence[float], weights: Sequence[float]) -> float:
    logarithms = (weight * math.log(max(value, SMALLEST)) for value, weight in zip(values, weights, strict=True))
    return math.exp(sum(logarithms) / sum(weights))
