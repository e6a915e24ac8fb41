"""DeBERTa's relative positions, computed only for the distances that occur in a batch.

Transformers multiplies every token with the embeddings of all 512 distances, copied for each text of a batch, and then
picks those that occur; a sentence of 20 tokens has 39. Picking first gives the same numbers and saves most of the time
that attention takes. The precision of a network is chosen in ``encoder_inference``.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers.models.deberta_v2.modeling_deberta_v2 import DisentangledSelfAttention


def look_near(encoder: nn.Module) -> None:
    """Make every disentangled attention below ``encoder`` compute only the distances that occur; other modules stay."""
    for module in encoder.modules():
        if type(module) is DisentangledSelfAttention and module.relative_attention:
            module.__class__ = NearAttention


class NearAttention(DisentangledSelfAttention):
    """He et al. (2021), "DeBERTa", ICLR, equation 4, for inference: queries and keys are of the same tokens."""

    def disentangled_attention_bias(
        self, query_layer: Tensor, key_layer: Tensor, relative_pos: Tensor, rel_embeddings: Tensor, scale_factor: int
    ) -> Tensor:
        """What content and positions add to the attention scores, ``(texts * heads, tokens, tokens)``.

        ``query_layer``, ``key_layer``: ``(texts * heads, tokens, width)``. ``relative_pos``: bucketed distances, ending
        in ``(tokens, tokens)``. ``rel_embeddings``: ``(2 * span, hidden)``, the distance 0 at ``span``.
        """
        distances = relative_pos.reshape(relative_pos.shape[-2:]).to(query_layer.device, torch.long)
        span = self.pos_ebd_size
        reach = min(int(distances.abs().max()), span)
        near = rel_embeddings[span - reach : span + reach + 1]
        scale = (query_layer.shape[-1] * scale_factor) ** 0.5
        bias = torch.zeros((), dtype=query_layer.dtype, device=query_layer.device)
        if "c2p" in self.pos_att_type:
            keys = self.key_proj(near) if self.share_att_key else self.pos_key_proj(near)
            bias = bias + self._picked(query_layer, keys, distances.clamp(-span, span - 1) + reach) / scale
        if "p2c" in self.pos_att_type:
            queries = self.query_proj(near) if self.share_att_key else self.pos_query_proj(near)
            products = self._picked(key_layer, queries, (-distances).clamp(-span, span - 1) + reach)
            bias = bias + products.transpose(-1, -2) / scale
        return bias

    def _picked(self, layer: Tensor, positions: Tensor, index: Tensor) -> Tensor:
        """Products of tokens and the positions that ``index`` ``(tokens, tokens)`` names: ``layer``'s first two sizes.

        ``positions``: ``(distances, heads * width)``.
        """
        rows, tokens, width = layer.shape
        heads = self.num_attention_heads
        by_head = layer.view(-1, heads, tokens, width).transpose(0, 1).reshape(heads, -1, width)
        products = torch.bmm(by_head, positions.view(-1, heads, width).permute(1, 2, 0))
        products = products.view(heads, -1, tokens, products.shape[-1]).transpose(0, 1)
        picked: Any = products.gather(-1, index.expand(rows // heads, heads, tokens, index.shape[-1]))
        return picked.reshape(rows, tokens, index.shape[-1])
