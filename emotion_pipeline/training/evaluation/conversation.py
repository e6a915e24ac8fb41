"""Measuring a predictor on the conversation set: base emotions, the sign of sentiment, and how neutral neutral is.

Only templates that are never trained on are measured. Irony is measured apart. VADER stands beside the model's own
sentiment.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from emotion_pipeline.engine.emotion.predictor import EmotionPredictor
from emotion_pipeline.engine.sentiment.base import SentimentBackend
from emotion_pipeline.engine.sentiment.emotion import EmotionSentiment
from emotion_pipeline.engine.sentiment.vader import VaderSentiment
from emotion_pipeline.training.text.conversation import Sentence, read_conversation


@dataclass(frozen=True, slots=True)
class SentimentFigures:
    """``sign``: share of sentences with a positive or negative label whose score has that sign; 0 has none.

    ``logistics``: mean absolute score of neutral logistics, which should be near 0. ``mean_neutral``: mean score of
    all neutral sentences.
    """

    sign: float
    logistics: float
    mean_neutral: float


@dataclass(frozen=True, slots=True)
class ConversationEvaluation:
    """The figures of ``emotion-clf evaluate conversation``; without irony, but for ``base_irony``.

    ``base``: share of sentences whose base emotion is right, Neutral and Other among them; ``base_of`` the same by
    kind. ``sub``: share of sentences with a sub-emotion for which it is named.
    """

    n: int
    base: float
    base_of: dict[str, float]
    base_irony: float
    sub: float
    sentiment: dict[str, SentimentFigures]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def held_out_sentences() -> list[Sentence]:
    """Return the sentences of the templates that are never trained on, as they are written."""
    return [sentence for sentence in read_conversation() if sentence.held_out]


def evaluate_conversation(
    predictor: EmotionPredictor, held_out: Sequence[Sentence] | None = None
) -> ConversationEvaluation:
    """Measure ``predictor`` on ``held_out``, by default as they are written."""
    held_out = held_out_sentences() if held_out is None else held_out
    plain = [sentence for sentence in held_out if not sentence.hard]
    irony = [sentence for sentence in held_out if sentence.hard]
    results = predictor.predict([sentence.text for sentence in plain])
    right = [result.base == sentence.base for result, sentence in zip(results, plain, strict=True)]
    kinds = dict.fromkeys(sentence.kind for sentence in plain)
    named = [(result, sentence.sub) for result, sentence in zip(results, plain, strict=True) if sentence.sub]
    ironic = predictor.predict([sentence.text for sentence in irony])
    return ConversationEvaluation(
        n=len(held_out),
        base=_share(right),
        base_of={
            kind: _share([hit for hit, sentence in zip(right, plain, strict=True) if sentence.kind == kind])
            for kind in kinds
        },
        base_irony=_share([result.base == sentence.base for result, sentence in zip(ironic, irony, strict=True)]),
        sub=_share([result.sub_emotion == sub for result, sub in named]),
        sentiment={
            "emotion": _sentiment(EmotionSentiment(predictor), plain),
            "vader": _sentiment(VaderSentiment(), plain),
        },
    )


def _sentiment(backend: SentimentBackend, sentences: Sequence[Sentence]) -> SentimentFigures:
    scores = np.array(backend.score([sentence.text for sentence in sentences]))
    signs = np.array([sentence.sentiment for sentence in sentences])
    logistics = np.array([sentence.kind == "logistics" for sentence in sentences])
    neutral = np.array([sentence.labels == ("neutral",) for sentence in sentences])
    return SentimentFigures(
        sign=_share(np.sign(scores[signs != 0]) == signs[signs != 0]),
        logistics=float(np.abs(scores[logistics]).mean()),
        mean_neutral=float(scores[neutral].mean()),
    )


def _share(hits: Any) -> float:
    return float(np.mean(hits))
