"""The encoder emotion model: a frozen network and the TF-IDF model, whose scores are averaged and calibrated.

This module applies frozen weights and moves them to and from an artefact. Training them is the work of
``training.text``. Matrices are stored as eight-bit integers with one scale per row.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.errors import ArtefactError
from emotion_pipeline.engine.emotion.calibration import NestedScaling, apply_platt, sigmoid
from emotion_pipeline.engine.emotion.scale import FeatureScale
from emotion_pipeline.engine.emotion.scores import Scores, with_features
from emotion_pipeline.engine.emotion.taxonomy import (
    HEADS,
    INTENSITY_DIMENSIONS,
    LABEL_OF_SUB,
    LABELS,
    N_SUBS,
    RAW,
    STEPS,
)
from emotion_pipeline.engine.emotion.tfidf_model import TfidfEmotionModel, levels_of
from emotion_pipeline.engine.emotion.token_batches import batches_by_length
from emotion_pipeline.engine.models.artefact import Artefact, read_artefact, write_artefact
from emotion_pipeline.engine.text.features import FeatureExtractor

if TYPE_CHECKING:
    from emotion_pipeline.engine.emotion.encoder_net import EmotionNet

BACKEND: Final = "encoder"
_N_STEPS: Final = len(INTENSITY_DIMENSIONS) * STEPS

# Tokens of a text that the encoder reads; a spoken segment of 30 s has about 100.
LONGEST_TOKENS: Final = 256

# Characters that are tokenised at all: more than ``LONGEST_TOKENS`` need.
_TOKENISED: Final = 4_000

_SCALE: Final = ".scale"
# A matrix narrower than this is kept in half precision: heads decide, and they are small.
_SMALLEST_MATRIX: Final = 64


@dataclass(frozen=True, slots=True)
class Joined:
    """Scores of network and TF-IDF model joined. ``scores`` ``(n, HEADS)`` raw, ``steps`` ``(n, 12)`` raw."""

    scores: NDArray[np.float32]
    steps: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Decisions:
    """What was chosen on development data.

    ``share`` ``(2,)``: weight of the TF-IDF model's scores (labels and bases, steps). ``platt`` ``(28, 2)``, ``base``
    two arrays ``(HEADS + 1, 3)``, ``steps`` ``(12, 2)`` slope and offset, ``thresholds`` ``(28,)``.
    """

    share: NDArray[np.float32]
    platt: NDArray[np.float32]
    base: NestedScaling
    steps: NDArray[np.float32]
    thresholds: NDArray[np.float32]

    @classmethod
    def none(cls, share: NDArray[np.float32]) -> "Decisions":
        """Return decisions for a model of which only the scores before them are used, joined by ``share`` ``(2,)``."""
        base = NestedScaling(np.zeros((HEADS + 1, 3), np.float32), np.zeros((HEADS + 1, 3), np.float32))
        pairs = [np.tile(np.array([1.0, 0.0], np.float32), (n, 1)) for n in (len(LABELS), _N_STEPS)]
        return cls(share, pairs[0], base, pairs[1], np.full(len(LABELS), 0.5, np.float32))


def join(
    raw: NDArray[np.float32], heads: NDArray[np.float32], steps: NDArray[np.float32], share: NDArray[np.float32]
) -> Joined:
    """Weighted mean of the network's raw scores ``(n, RAW)`` and the TF-IDF model's, which are ``(n, HEADS)``, (n, 12).

    The network's scores of a label that is a sub-emotion are the mean of its two heads for it.
    """
    network = network_scores(raw)
    return Joined(
        ((1 - share[0]) * network + share[0] * heads).astype(np.float32),
        ((1 - share[1]) * raw[:, HEADS + N_SUBS :] + share[1] * steps).astype(np.float32),
    )


def network_scores(raw: NDArray[np.float32]) -> NDArray[np.float32]:
    """Label and base scores of the network alone, ``(n, HEADS)``, the sub-emotion head averaged in."""
    scores = raw[:, :HEADS].copy()
    columns = [LABELS.index(label) for label in LABEL_OF_SUB.values()]
    scores[:, columns] = (scores[:, columns] + raw[:, HEADS : HEADS + N_SUBS]) / 2
    return scores


class EncoderEmotionModel:
    """A ``TextEmotionModel``; every attribute is read-only after construction.

    The network runs in bfloat16 where the processor or GPU computes in it, else in float32.
    """

    def __init__(
        self,
        net: "EmotionNet",
        tokenizer: Any,
        scale: FeatureScale,
        tfidf: TfidfEmotionModel,
        extractor: FeatureExtractor,
        decisions: Decisions,
        fingerprint: str = f"{BACKEND}:unsaved:0:0",
    ) -> None:
        tokenizer.no_padding()
        tokenizer.enable_truncation(LONGEST_TOKENS)
        self._tokenizer = tokenizer
        self._scale = scale
        self._tfidf = tfidf
        self._extractor = extractor
        self._decisions = decisions
        self._fingerprint = fingerprint
        self._float_net = net.eval()
        self._lock = Lock()

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def thresholds(self) -> NDArray[np.float32]:
        return self._decisions.thresholds

    @cached_property
    def _net(self) -> "EmotionNet":
        from emotion_pipeline.engine.emotion.encoder_inference import fastest

        return fastest(self._float_net)

    def score(self, texts: Sequence[str], features: NDArray[np.float32] | None = None) -> Scores:
        features = self._extractor.extract(texts) if features is None else features
        decisions = self._decisions
        joined = self.joined(texts, features)
        steps = sigmoid(joined.steps * decisions.steps[:, 0] + decisions.steps[:, 1])
        return Scores(
            apply_platt(joined.scores[:, : len(LABELS)], decisions.platt).astype(np.float32),
            decisions.base.apply(joined.scores).astype(np.float32),
            levels_of(steps),
        )

    def joined(self, texts: Sequence[str], features: NDArray[np.float32]) -> Joined:
        """Return the scores of both models before anything is decided on them; ``features`` is ``(n, 42)``."""
        return join(self.raw(texts, features), *self._tfidf.raw(texts, features), self._decisions.share)

    def raw(self, texts: Sequence[str], features: NDArray[np.float32]) -> NDArray[np.float32]:
        """The network's raw scores, ``(n, RAW)``; texts run in batches of similar length."""
        from emotion_pipeline.engine.emotion.encoder_inference import run_net

        result = np.zeros((len(texts), RAW), np.float32)
        if not len(texts):
            return result
        scaled = self._scale.apply(features)
        rows = self.tokens(texts)
        with self._lock:  # made once, though several threads may ask first
            net = self._net
        for part in batches_by_length(np.array([len(row) for row in rows])):
            result[part] = run_net(net, [rows[index] for index in part], scaled[part])
        return result

    def tokens(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """Token ids of each text, at most ``LONGEST_TOKENS``."""
        # A lone surrogate is no character and has no place in UTF-8, which the tokenizer reads.
        readable = [text[:_TOKENISED].encode("utf-8", "replace").decode() for text in texts]
        return [np.asarray(encoding.ids, np.int32) for encoding in self._tokenizer.encode_batch_fast(readable)]

    def save(self, folder: Path, card: Mapping[str, Any]) -> None:
        """Write the artefact; ``card`` adds name, version, how it was made and how well it does."""
        tensors, terms = self._tfidf.content()
        decisions = self._decisions
        named = {
            **{f"tfidf.{name}": array for name, array in tensors.items()},
            **quantised(self._float_net.state_dict()),
            "scale_mean": self._scale.mean,
            "scale_deviation": self._scale.deviation,
            "share": decisions.share,
            "platt": decisions.platt,
            "base_kind": decisions.base.kind,
            "base_which": decisions.base.which,
            "steps": decisions.steps,
            "thresholds": decisions.thresholds,
        }
        texts = {
            **terms,
            "config": [json.dumps(self._float_net.encoder.config.to_dict(), sort_keys=True)],
            "tokenizer": [self._tokenizer.to_str()],
        }
        full_card = {"backend": BACKEND, **card, "features_fingerprint": self._extractor.fingerprint}
        write_artefact(folder, full_card, named, texts)

    @classmethod
    def load(cls, folder: Path, extractor: FeatureExtractor | None = None) -> "EncoderEmotionModel":
        """Rebuild the model in ``folder``; raises ``ArtefactError`` naming the file, array or key at fault."""
        from tokenizers import Tokenizer

        artefact = read_artefact(folder, BACKEND)
        extractor = extractor or FeatureExtractor()
        missing = {"config", "tokenizer", "features"} - set(artefact.terms)
        if missing:
            raise ArtefactError(f"{folder} lacks {sorted(missing)} in its terms: it belongs to another version.")
        return cls(
            read_net(artefact),
            Tokenizer.from_str(artefact.terms["tokenizer"][0]),
            FeatureScale(artefact.tensor("scale_mean"), artefact.tensor("scale_deviation")),
            TfidfEmotionModel.of(artefact, extractor, prefix="tfidf."),
            extractor,
            _read_decisions(artefact),
            with_features(artefact.fingerprint, extractor),
        )


def quantised(state: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Tensors under ``net.`` as they are stored: matrices as int8 with a scale per row, all else in half precision."""
    stored: dict[str, NDArray[Any]] = {}
    for name, tensor in state.items():
        if not tensor.is_floating_point():
            continue  # positions and the like, which the network makes itself
        values = tensor.detach().float().cpu().numpy()
        if values.ndim == 2 and min(values.shape) > _SMALLEST_MATRIX:
            scale = np.maximum(np.abs(values).max(axis=1), 1e-8) / 127
            stored[f"net.{name}"] = np.round(values / scale[:, None]).astype(np.int8)
            stored[f"net.{name}{_SCALE}"] = scale.astype(np.float32)
        else:
            stored[f"net.{name}"] = values.astype(np.float16)
    return stored


def restored(tensors: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    """The inverse of ``quantised``, to within rounding."""
    state = {}
    for stored, array in tensors.items():
        if stored.startswith("net.") and not stored.endswith(_SCALE):
            values = array.astype(np.float32)
            scale = tensors.get(f"{stored}{_SCALE}")
            state[stored.removeprefix("net.")] = values if scale is None else values * scale[:, None]
    return state


def rounded(net: "EmotionNet") -> "EmotionNet":
    """Return ``net`` with the weights that an artefact will hold, so that later choices are made for these."""
    import torch

    state = {name: torch.from_numpy(values) for name, values in restored(quantised(net.state_dict())).items()}
    fixed = {name: value for name, value in net.state_dict().items() if not value.is_floating_point()}
    net.load_state_dict({**state, **fixed})
    return net.cpu()


def read_net(artefact: Artefact) -> "EmotionNet":
    """Rebuild the network of an artefact; raises ``ArtefactError`` where weights and configuration do not fit."""
    import torch

    from emotion_pipeline.engine.emotion.bert import BertEncoder
    from emotion_pipeline.engine.emotion.encoder_net import EmotionNet

    config = json.loads(artefact.terms["config"][0])
    net = EmotionNet(BertEncoder(config) if BertEncoder.can_read(config) else _encoder_of_transformers(config))
    state = {name: torch.from_numpy(values) for name, values in restored(artefact.tensors).items()}
    fixed = {name: value for name, value in net.state_dict().items() if not value.is_floating_point()}
    try:
        net.load_state_dict({**state, **fixed}, strict=True)
    except RuntimeError as error:
        raise ArtefactError(f"{artefact.folder}: the weights are not those of this network: {error}") from error
    return net


def _encoder_of_transformers(config: Mapping[str, Any]) -> Any:
    from transformers import AutoConfig, AutoModel

    return AutoModel.from_config(AutoConfig.for_model(**config))


def _read_decisions(artefact: Artefact) -> Decisions:
    shapes = {
        "share": (2,),
        "platt": (len(LABELS), 2),
        "base_kind": (HEADS + 1, 3),
        "base_which": (HEADS + 1, 3),
        "steps": (_N_STEPS, 2),
        "thresholds": (len(LABELS),),
    }
    read = {name: artefact.tensor(name) for name in shapes}
    for name, shape in shapes.items():
        if read[name].shape != shape:
            raise ArtefactError(f"{artefact.folder}: the array {name!r} has shape {read[name].shape}, not {shape}.")
    scaling = NestedScaling(read["base_kind"], read["base_which"])
    return Decisions(read["share"], read["platt"], scaling, read["steps"], read["thresholds"])
