"""The encoder that ships is read without transformers, and says exactly what transformers' own would say."""

import subprocess
import sys

import pytest
import torch
from transformers import BertConfig, BertModel, MPNetConfig, MPNetModel

from emotion_pipeline.engine.emotion.bert import BertEncoder, from_mpnet

PIECES = 99


@pytest.fixture(scope="module")
def theirs() -> BertModel:
    torch.manual_seed(1)
    config = BertConfig(
        hidden_size=48, num_hidden_layers=3, num_attention_heads=4, intermediate_size=96, vocab_size=PIECES
    )
    return BertModel(config, add_pooling_layer=False).eval()


@pytest.mark.parametrize("tokens", [[1], [7, 7, 7], [12, 1, 5, 9], [512]])
def test_hidden_states_are_those_of_transformers(theirs: BertModel, tokens: list[int]) -> None:
    ours = BertEncoder(theirs.config.to_dict()).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    ids = torch.randint(0, PIECES, (len(tokens), max(tokens)), generator=torch.Generator().manual_seed(2))
    mask = (torch.arange(max(tokens)) < torch.tensor(tokens).unsqueeze(1)).long()
    with torch.inference_mode():
        expected = theirs(input_ids=ids, attention_mask=mask).last_hidden_state
        states = ours(ids, mask).last_hidden_state
    torch.testing.assert_close(states[mask.bool()], expected[mask.bool()], atol=1e-6, rtol=0.0)


def test_hidden_states_of_mpnet_are_those_of_transformers() -> None:
    torch.manual_seed(1)
    config = MPNetConfig(
        hidden_size=48, num_hidden_layers=3, num_attention_heads=4, intermediate_size=96, vocab_size=PIECES,
        max_position_embeddings=514,
    )  # fmt: skip
    theirs = MPNetModel(config, add_pooling_layer=False).eval()
    torch.nn.init.normal_(theirs.encoder.relative_attention_bias.weight)
    ours = from_mpnet(theirs).eval()
    ids = torch.randint(2, PIECES, (2, 300), generator=torch.Generator().manual_seed(2))
    mask = (torch.arange(300) < torch.tensor([300, 7]).unsqueeze(1)).long()
    with torch.inference_mode():
        expected = theirs(input_ids=ids, attention_mask=mask).last_hidden_state
        states = ours(ids, mask).last_hidden_state
    torch.testing.assert_close(states[mask.bool()], expected[mask.bool()], atol=1e-5, rtol=0.0)
    again = BertEncoder(ours.config.to_dict()).eval()
    again.load_state_dict(ours.state_dict(), strict=True)
    with torch.inference_mode():
        torch.testing.assert_close(again(ids, mask).last_hidden_state, states)


@pytest.mark.parametrize(
    "variant",
    [{"hidden_act": "relu"}, {"is_decoder": True}, {"model_type": "roberta"}, {"add_cross_attention": True}],
)
def test_a_variant_is_left_to_transformers(theirs: BertModel, variant: dict[str, object]) -> None:
    described = theirs.config.to_dict()
    assert BertEncoder.can_read(described)
    assert not BertEncoder.can_read(described | variant)


def test_who_judges_texts_with_what_ships_never_waits_for_transformers() -> None:
    asked = (
        "from emotion_clf import EmotionPredictor as P; P().predict(['I am so glad.']); import sys; print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=120)
    loaded = done.stdout.split()
    assert "torch" in loaded
    assert "transformers" not in loaded
