"""The TF-IDF emotion model: linear heads over the term space and the 42 linguistic features.

This module applies frozen weights and moves them to and from an artefact. Training them is the work of
``training.text``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.errors import ArtefactError
from emotion_pipeline.engine.emotion.calibration import NestedScaling, apply_platt, sigmoid
from emotion_pipeline.engine.emotion.scale import FeatureScale
from emotion_pipeline.engine.emotion.scores import Scores, with_features
from emotion_pipeline.engine.emotion.taxonomy import HEADS, INTENSITY_DIMENSIONS, LABELS, STEPS
from emotion_pipeline.engine.emotion.term_space import TermSpace
from emotion_pipeline.engine.models.artefact import Artefact, read_artefact, write_artefact
from emotion_pipeline.engine.text.feature_table import FEATURE_NAMES
from emotion_pipeline.engine.text.features import FeatureExtractor

BACKEND: Final = "tfidf"
_BATCH: Final = 2_048


@dataclass(frozen=True, slots=True)
class Weights:
    """Everything that training chooses. With ``d`` terms and ``m = HEADS + 42`` dense inputs of the intensity head:

    ``heads`` ``(d + 42 + 1, HEADS)``, last row the offsets; ``platt`` ``(28, 2)``; ``base`` two arrays
    ``(HEADS + 1, 3)``; ``thresholds`` ``(28,)``; ``intensity`` ``(d + m + 1, 4 * STEPS)``, one column per emotion
    and step.
    """

    heads: NDArray[np.float32]
    platt: NDArray[np.float32]
    base: NestedScaling
    thresholds: NDArray[np.float32]
    intensity: NDArray[np.float32]


class TfidfEmotionModel:
    """A ``TextEmotionModel``; every attribute is read-only after construction."""

    def __init__(self, space: TermSpace, scale: FeatureScale, extractor: FeatureExtractor, weights: Weights,
                 fingerprint: str = f"{BACKEND}:unsaved:0:0") -> None:  # fmt: skip
        self._space = space
        self._scale = scale
        self._extractor = extractor
        self._weights = weights
        self._fingerprint = fingerprint

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def thresholds(self) -> NDArray[np.float32]:
        return self._weights.thresholds

    def score(self, texts: Sequence[str], features: NDArray[np.float32] | None = None) -> Scores:
        parts_of = [slice(start, start + _BATCH) for start in range(0, len(texts), _BATCH)]
        batches = [self._score_batch(texts[part], None if features is None else features[part]) for part in parts_of]
        return Scores.joined(batches)

    def _score_batch(self, texts: Sequence[str], features: NDArray[np.float32] | None) -> Scores:
        terms = self._space.transform(texts)
        scaled = self._scale.apply(self._extractor.extract(texts) if features is None else features)
        heads = linear(terms, scaled, self._weights.heads)
        labels = apply_platt(heads[:, : len(LABELS)], self._weights.platt)
        base = self._weights.base.apply(heads)
        steps = sigmoid(linear(terms, np.hstack([heads, scaled]), self._weights.intensity))
        return Scores(labels.astype(np.float32), base.astype(np.float32), levels_of(steps))

    def raw(
        self, texts: Sequence[str], features: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Uncalibrated scores: labels and bases ``(n, HEADS)``, intensity steps ``(n, 12)``; features unscaled."""
        heads, steps = [np.zeros((0, HEADS), np.float32)], [np.zeros((0, self._weights.intensity.shape[1]), np.float32)]
        for start in range(0, len(texts), _BATCH):
            part = slice(start, start + _BATCH)
            terms, scaled = self._space.transform(texts[part]), self._scale.apply(features[part])
            heads.append(linear(terms, scaled, self._weights.heads))
            steps.append(linear(terms, np.hstack([heads[-1], scaled]), self._weights.intensity))
        return np.concatenate(heads), np.concatenate(steps)

    def save(self, folder: Path, card: Mapping[str, Any]) -> None:
        """Write the artefact; ``card`` adds name, version, how it was made and how well it does."""
        full_card = {"backend": BACKEND, **card, "features_fingerprint": self._extractor.fingerprint}
        write_artefact(folder, full_card, *self.content())

    def content(self) -> tuple[dict[str, NDArray[Any]], dict[str, Sequence[str]]]:
        """The arrays and the lists of strings that an artefact stores."""
        words, characters = self._space.vocabularies
        word_idf, character_idf = self._space.idfs
        weights = self._weights
        tensors = {
            "word_idf": word_idf,
            "character_idf": character_idf,
            "feature_mean": self._scale.mean,
            "feature_deviation": self._scale.deviation,
            "heads": weights.heads.astype(np.float16),
            "intensity": weights.intensity.astype(np.float16),
            "platt": weights.platt,
            "base_kind": weights.base.kind,
            "base_which": weights.base.which,
            "thresholds": weights.thresholds,
        }
        return tensors, {"words": words, "characters": characters, "features": FEATURE_NAMES}

    @classmethod
    def load(cls, folder: Path, extractor: FeatureExtractor | None = None) -> "TfidfEmotionModel":
        """Rebuild the model in ``folder``; raises ``ArtefactError`` naming the file or array at fault."""
        return cls.of(read_artefact(folder, BACKEND), extractor or FeatureExtractor())

    @classmethod
    def of(cls, artefact: Artefact, extractor: FeatureExtractor, prefix: str = "") -> "TfidfEmotionModel":
        """Rebuild the model from arrays whose names begin with ``prefix``: it may be a part of another model."""
        if tuple(artefact.terms.get("features", ())) != FEATURE_NAMES:
            raise ArtefactError(f"{artefact.folder} was trained on other linguistic features: train it again.")
        space = TermSpace.rebuild(
            [artefact.terms["words"], artefact.terms["characters"]],
            [artefact.tensor(f"{prefix}word_idf"), artefact.tensor(f"{prefix}character_idf")],
        )
        scale = FeatureScale(artefact.tensor(f"{prefix}feature_mean"), artefact.tensor(f"{prefix}feature_deviation"))
        fingerprint = with_features(artefact.fingerprint, extractor)
        return cls(space, scale, extractor, _read_weights(artefact, prefix), fingerprint)


def linear(terms: Any, dense: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """``[terms, dense, 1] @ weights`` without joining the sparse block to the dense one; shape ``(n, columns)``."""
    n_terms = terms.shape[1]
    scores = terms @ weights[:n_terms] + dense @ weights[n_terms:-1] + weights[-1]
    return np.asarray(scores, np.float32)


def levels_of(steps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Level probabilities, shape ``(n, 4, 4)``, from the chances of reaching each step, shape ``(n, 4 * STEPS)``.

    A higher step cannot be likelier than a lower one, so the chances are made to fall (cumulative link, Frank and
    Hall, 2001, "A Simple Approach to Ordinal Classification", ECML).
    """
    reached = np.minimum.accumulate(steps.reshape(len(steps), len(INTENSITY_DIMENSIONS), STEPS), axis=2)
    edges = np.concatenate([np.ones_like(reached[..., :1]), reached, np.zeros_like(reached[..., :1])], axis=2)
    return (edges[..., :-1] - edges[..., 1:]).astype(np.float32)


def _read_weights(artefact: Artefact, prefix: str) -> Weights:
    n_terms = len(artefact.terms["words"]) + len(artefact.terms["characters"])

    def read(name: str, *shape: int) -> NDArray[np.float32]:
        array = artefact.tensor(f"{prefix}{name}")
        if array.shape != shape:
            raise ArtefactError(f"{artefact.folder}: the array {prefix + name!r} has shape {array.shape}, not {shape}.")
        return array

    return Weights(
        heads=read("heads", n_terms + len(FEATURE_NAMES) + 1, HEADS),
        platt=read("platt", len(LABELS), 2),
        base=NestedScaling(read("base_kind", HEADS + 1, 3), read("base_which", HEADS + 1, 3)),
        thresholds=read("thresholds", len(LABELS)),
        intensity=read("intensity", n_terms + HEADS + len(FEATURE_NAMES) + 1, len(INTENSITY_DIMENSIONS) * STEPS),
    )
