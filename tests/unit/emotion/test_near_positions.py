"""DeBERTa's attention over the distances that occur says what it says over all of them."""

from typing import Any

import pytest
import torch
from transformers import BertConfig, BertModel, DebertaV2Config, DebertaV2Model

from emotion_pipeline.engine.emotion.deberta_attention import NearAttention, look_near

DEBERTA_V3: dict[str, Any] = {
    "relative_attention": True, "position_buckets": 8, "norm_rel_ebd": "layer_norm", "share_att_key": True,
    "pos_att_type": ["p2c", "c2p"], "position_biased_input": False, "max_relative_positions": -1, "type_vocab_size": 0,
}  # fmt: skip


def deberta(**changes: Any) -> DebertaV2Model:
    torch.manual_seed(0)
    size: dict[str, Any] = {"vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    encoder = DebertaV2Model(DebertaV2Config(**{**size, "intermediate_size": 48, **DEBERTA_V3, **changes})).eval()
    for parameter in encoder.parameters():  # positions weigh nothing in freshly made weights
        torch.nn.init.normal_(parameter, std=0.3)
    return encoder


@torch.inference_mode()
def states(encoder: Any, tokens: int) -> torch.Tensor:
    ids = torch.arange(3 * tokens).reshape(3, tokens) % 50
    mask = torch.ones_like(ids)
    mask[1, tokens // 2 + 1 :] = 0
    return encoder(input_ids=ids, attention_mask=mask).last_hidden_state[mask.bool()]


@pytest.mark.parametrize("tokens", [1, 2, 5, 9, 40, 200])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"share_att_key": False},
        {"pos_att_type": ["c2p"]},
        {"pos_att_type": ["p2c"]},
        {"position_buckets": -1, "max_relative_positions": 16},
    ],
    ids=["deberta-v3", "own position weights", "content to position", "position to content", "no buckets"],
)
def test_the_hidden_states_are_those_of_transformers(tokens: int, changes: dict[str, Any]) -> None:
    encoder = deberta(**changes)
    expected = states(encoder, tokens)
    look_near(encoder)
    assert torch.allclose(states(encoder, tokens), expected, atol=1e-4)


def test_every_attention_of_the_encoder_is_replaced() -> None:
    encoder = deberta()
    look_near(encoder)
    assert sum(isinstance(module, NearAttention) for module in encoder.modules()) == 2


def test_positions_matter_to_the_encoder_that_is_compared() -> None:
    encoder = deberta()
    shuffled = torch.tensor([[3, 1, 2, 0]])
    with torch.inference_mode():
        straight = encoder(input_ids=shuffled.sort().values).last_hidden_state[0, shuffled[0]]
        assert not torch.allclose(encoder(input_ids=shuffled).last_hidden_state[0], straight, atol=1e-2)


def test_an_encoder_of_another_kind_stays_as_it_is() -> None:
    size: dict[str, Any] = {"vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4}
    encoder = BertModel(BertConfig(**size, intermediate_size=48)).eval()
    before = [type(module) for module in encoder.modules()]
    look_near(encoder)
    assert [type(module) for module in encoder.modules()] == before
