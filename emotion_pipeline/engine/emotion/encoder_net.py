"""The network of the encoder model: any transformer encoder, attention pooling, the 42 features, four heads.

One class serves every encoder that ``transformers.AutoModel`` knows, from the small one that we ship to DeBERTa-v3.
Tokenising, training, calibrating and storing belong elsewhere; importing this module imports torch.
"""

from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from emotion_pipeline.engine.emotion.taxonomy import INTENSITY_DIMENSIONS, N_BASES, N_LABELS, N_SUBS, STEPS
from emotion_pipeline.engine.text.feature_table import FEATURE_NAMES

POOLING_QUERIES: Final = 4
FEATURE_WIDTH: Final = 64
JOINT_WIDTH: Final = 256


@dataclass(frozen=True, slots=True)
class HeadScores:
    """Raw scores (logits) of ``n`` texts: labels ``(n, 28)``, base ``(n, 5)``, sub ``(n, 7)``, steps ``(n, 4, 3)``.

    A step's score never exceeds that of the step below it.
    """

    labels: Tensor
    base: Tensor
    sub: Tensor
    steps: Tensor

    def flat(self) -> Tensor:
        """Return all scores side by side, ``(n, RAW)``."""
        return torch.cat([self.labels, self.base, self.sub, self.steps.flatten(1)], dim=1)


class AttentionPooling(nn.Module):
    """Several learned queries attend to the last hidden states; each pools its own share of the dimensions.

    Lin et al. (2017), "A Structured Self-attentive Sentence Embedding", ICLR, with one linear score per query.
    """

    def __init__(self, hidden: int, queries: int = POOLING_QUERIES) -> None:
        super().__init__()
        self.queries = queries
        self.score = nn.Linear(hidden, queries)
        self.value = nn.Linear(hidden, hidden)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """``states`` ``(n, tokens, hidden)`` and ``mask`` ``(n, tokens)``, 1 where a token stands: ``(n, hidden)``."""
        n, tokens, hidden = states.shape
        scores = self.score(states).masked_fill(mask.unsqueeze(-1) == 0, -1e4)
        weights = scores.float().softmax(dim=1).to(states.dtype)
        values = self.value(states).view(n, tokens, self.queries, hidden // self.queries)
        return torch.einsum("ntq,ntqd->nqd", weights, values).reshape(n, hidden)


class EmotionNet(nn.Module):
    """Encoder, attention pooling, features, joint layer, heads for labels, base, sub-emotion and ordinal intensity.

    ``encoder`` is a ``transformers`` encoder, which loses its pooler, or a ``BertEncoder``; its hidden size is a
    multiple of ``POOLING_QUERIES``.
    """

    def __init__(self, encoder: Any, dropout: float = 0.1) -> None:
        super().__init__()
        hidden = encoder.config.hidden_size
        self.encoder = encoder
        if getattr(encoder, "pooler", None) is not None:
            encoder.pooler = None  # unused: the last hidden states are pooled by attention
        self.pooling = AttentionPooling(hidden)
        self.features = nn.Sequential(nn.Linear(len(FEATURE_NAMES), FEATURE_WIDTH), nn.GELU())
        self.joint = nn.Sequential(
            nn.LayerNorm(hidden + FEATURE_WIDTH),
            nn.Dropout(dropout),
            nn.Linear(hidden + FEATURE_WIDTH, JOINT_WIDTH),
            nn.GELU(),
            nn.Dropout(dropout),
        )
        self.labels = nn.Linear(JOINT_WIDTH, N_LABELS)
        self.base = nn.Linear(JOINT_WIDTH, N_BASES)
        self.sub = nn.Linear(JOINT_WIDTH, N_SUBS)
        self.intensity = nn.Linear(JOINT_WIDTH, len(INTENSITY_DIMENSIONS))
        # Cumulative link (McCullagh, 1980, "Regression Models for Ordinal Data"): one slope, three ordered offsets.
        self.first_step = nn.Parameter(torch.zeros(len(INTENSITY_DIMENSIONS)))
        self.step_gaps = nn.Parameter(torch.zeros(len(INTENSITY_DIMENSIONS), STEPS - 1))
        nn.init.constant_(self.labels.bias, -3.0)

    def forward(self, ids: Tensor, mask: Tensor, features: Tensor) -> HeadScores:
        """``ids`` and ``mask`` ``(n, tokens)`` integer, ``features`` ``(n, 42)`` scaled to unit variance."""
        states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        states = states.to(self.pooling.score.weight.dtype)  # the encoder may run in a precision of its own
        pooled = self.pooling(states, mask)
        joint = self.joint(torch.cat([pooled, self.features(features).to(pooled.dtype)], dim=1))
        return HeadScores(
            self.labels(joint).float(),
            self.base(joint).float(),
            self.sub(joint).float(),
            self.intensity(joint).float().unsqueeze(-1) + self.step_offsets(),
        )

    def step_offsets(self) -> Tensor:
        """Offsets of the intensity steps, shape ``(4, 3)``, falling from step to step."""
        falls = nn.functional.softplus(self.step_gaps).cumsum(dim=1)
        return torch.cat([self.first_step.unsqueeze(1), self.first_step.unsqueeze(1) - falls], dim=1)
