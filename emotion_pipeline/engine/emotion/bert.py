"""BERT's encoder in plain torch, for weights that were trained as ``transformers.BertModel`` or ``MPNetModel``.

Importing transformers takes longer than scoring a thousand sentences, and most processes need no other encoder than the
shipped one. Modules have the names of transformers' BERT, so that weights fit both; MPNet is BERT with a bias by
distance, and ``from_mpnet`` renames its weights. There is no dropout. Other architectures use transformers. Devlin et
al. (2019), "BERT", NAACL; Song et al. (2020), "MPNet", NeurIPS.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, cast

import torch
from torch import Tensor, nn

_WHAT_IT_IS: Final[Mapping[str, Any]] = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
}
# In a configuration: in how many buckets distances between tokens fall; absent where attention knows no distances.
_BUCKETS: Final = "relative_attention_num_buckets"
# Distances from here on share the last bucket.
_FARTHEST: Final = 128
# MPNet counts positions from its padding's index on.
_FIRST_POSITION: Final = 2
_BERT_NAMES: Final[Mapping[str, str]] = {
    ".attention.attn.q.": ".attention.self.query.",
    ".attention.attn.k.": ".attention.self.key.",
    ".attention.attn.v.": ".attention.self.value.",
    ".attention.attn.o.": ".attention.output.dense.",
    ".attention.LayerNorm.": ".attention.output.LayerNorm.",
}


class Encoded(NamedTuple):
    """``last_hidden_state``: ``(texts, tokens, hidden)``."""

    last_hidden_state: Tensor


@dataclass(frozen=True, slots=True)
class BertConfig:
    """The sizes of an encoder, and all other settings of its configuration."""

    # As ``transformers.BertConfig.to_dict`` gives it.
    described: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        return dict(self.described)

    @property
    def model_type(self) -> str:
        return str(self.described["model_type"])

    @property
    def hidden_size(self) -> int:
        return int(self.described["hidden_size"])


class BertEncoder(nn.Module):
    """Computes hidden states from token ids, as ``transformers.BertModel`` does in evaluation without its pooler.

    ``described``: a configuration that ``can_read`` accepts.
    """

    def __init__(self, described: Mapping[str, Any]) -> None:
        super().__init__()
        self.config = BertConfig(described)
        self.embeddings = _Embeddings(described)
        layers = [_Layer(described) for _ in range(described["num_hidden_layers"])]
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(layers)})
        if _BUCKETS in described:
            self.encoder["relative_attention_bias"] = nn.Embedding(
                described[_BUCKETS], described["num_attention_heads"]
            )

    @staticmethod
    def can_read(described: Mapping[str, Any]) -> bool:
        """Return whether this is BERT as it was published, and none of the variants that share its name."""
        return all(described.get(name, usual) == usual for name, usual in _WHAT_IT_IS.items())

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Encoded:
        """``input_ids`` and ``attention_mask`` ``(texts, tokens)`` integer, the mask 1 where a token stands."""
        states = self.embeddings(input_ids)
        mask = attention_mask[:, None, None, :].bool()
        if _BUCKETS in self.config.described:
            mask = self._distance_bias(input_ids.shape[1]).masked_fill(~mask, -torch.inf).to(states.dtype)
        for layer in cast(nn.ModuleList, self.encoder["layer"]):
            states = layer(states, mask)
        return Encoded(states)

    def get_input_embeddings(self) -> nn.Embedding:
        """Return the embeddings of tokens, by the name that transformers gives this method."""
        return self.embeddings.word_embeddings

    def set_input_embeddings(self, embeddings: nn.Embedding) -> None:
        self.embeddings.word_embeddings = embeddings
        self.config = BertConfig({**self.config.described, "vocab_size": embeddings.num_embeddings})

    def _distance_bias(self, tokens: int) -> Tensor:
        """Return what attention adds to the scores of two tokens by their distance, ``(1, heads, tokens, tokens)``.

        Raffel et al. (2020), "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer", JMLR,
        section 2.1: near distances have a bucket each, far ones share buckets on a logarithmic scale.
        """
        table = cast(nn.Embedding, self.encoder["relative_attention_bias"])
        one_way = table.num_embeddings // 2
        exact = one_way // 2
        place = torch.arange(tokens, device=table.weight.device)
        distance = place[None, :] - place[:, None]
        near = distance.abs()
        ratio = (near.clamp(min=1) / exact).log() / math.log(_FARTHEST / exact)
        far = (exact + (ratio * (one_way - exact)).long()).clamp(max=one_way - 1)
        bucket = torch.where(near < exact, near, far) + one_way * (distance > 0)
        return table(bucket).permute(2, 0, 1).unsqueeze(0)


def from_mpnet(encoder: Any) -> BertEncoder:
    """Return the encoder with the weights of a ``transformers.MPNetModel``, and its hidden states without dropout."""
    theirs: dict[str, Any] = encoder.config.to_dict()
    described = {**theirs, **_WHAT_IT_IS, "type_vocab_size": 1,
                 "max_position_embeddings": theirs["max_position_embeddings"] - _FIRST_POSITION}  # fmt: skip
    state = {"embeddings.token_type_embeddings.weight": torch.zeros(1, theirs["hidden_size"])}
    for name, weight in encoder.state_dict().items():
        if not name.startswith("pooler."):
            part = next((part for part in _BERT_NAMES if part in name), "")
            state[name.replace(part, _BERT_NAMES[part]) if part else name] = weight
    positions = "embeddings.position_embeddings.weight"
    state[positions] = state[positions][_FIRST_POSITION:]
    ours = BertEncoder(described)
    ours.load_state_dict(state, strict=True)
    return ours


class _Embeddings(nn.Module):
    def __init__(self, described: Mapping[str, Any]) -> None:
        super().__init__()
        hidden = described["hidden_size"]
        self.word_embeddings = nn.Embedding(described["vocab_size"], hidden)
        self.position_embeddings = nn.Embedding(described["max_position_embeddings"], hidden)
        self.token_type_embeddings = nn.Embedding(described["type_vocab_size"], hidden)
        self.LayerNorm = nn.LayerNorm(hidden, eps=described["layer_norm_eps"])

    def forward(self, ids: Tensor) -> Tensor:
        positions = self.position_embeddings.weight[: ids.shape[1]]
        return self.LayerNorm(self.word_embeddings(ids) + self.token_type_embeddings.weight[0] + positions)


class _Layer(nn.Module):
    def __init__(self, described: Mapping[str, Any]) -> None:
        super().__init__()
        hidden, inner = described["hidden_size"], described["intermediate_size"]
        attention = _Attention(hidden, described["num_attention_heads"])
        after = _Added(hidden, hidden, described["layer_norm_eps"])
        self.attention = nn.ModuleDict({"self": attention, "output": after})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(hidden, inner)})
        self.output = _Added(inner, hidden, described["layer_norm_eps"])

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        attended = self.attention["output"](self.attention["self"](states, mask), states)
        return self.output(nn.functional.gelu(self.intermediate["dense"](attended)), attended)


class _Attention(nn.Module):
    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self._heads = heads
        self.query = nn.Linear(hidden, hidden)
        self.key = nn.Linear(hidden, hidden)
        self.value = nn.Linear(hidden, hidden)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        by_head = (self._by_head(projection(states)) for projection in (self.query, self.key, self.value))
        return nn.functional.scaled_dot_product_attention(*by_head, attn_mask=mask).transpose(1, 2).flatten(2)

    def _by_head(self, states: Tensor) -> Tensor:
        return states.unflatten(2, (self._heads, -1)).transpose(1, 2)


class _Added(nn.Module):
    """A linear layer, then the sum of its result and an earlier state, normalised."""

    def __init__(self, width: int, hidden: int, eps: float) -> None:
        super().__init__()
        self.dense = nn.Linear(width, hidden)
        self.LayerNorm = nn.LayerNorm(hidden, eps=eps)

    def forward(self, inputs: Tensor, before: Tensor) -> Tensor:
        return self.LayerNorm(self.dense(inputs) + before)
