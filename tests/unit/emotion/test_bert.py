"""The encoder that ships is read without transformers, and says exactly what transformers' own would say."""

import subprocess
import sys

import pytest
import torch
from transformers import BertConfig, BertModel

from emotion_pipeline.engine.emotion.bert import BertEncoder

ASKED = """
import sys
from emotion_clf import EmotionPredictor
EmotionPredictor().predict(["I am so glad."])
print(*sys.modules)
"""
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
