"""What an encoder is trained on: token ids, scaled features and targets of every text in each of its forms.

Texts are tokenised and the 42 features computed once; a batch only gathers rows. ``encoder_fit`` draws in every epoch
in which form (as written, bare, with fillers) a text is shown.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.emotion.scale import FeatureScale
from emotion_pipeline.engine.emotion.taxonomy import INTENSITY_DIMENSIONS, LABELS
from emotion_pipeline.engine.emotion.token_batches import token_ids
from emotion_pipeline.engine.text.features import FeatureExtractor
from emotion_pipeline.engine.text.tokens import bare
from emotion_pipeline.training.text.data import GradedTexts, LabelledTexts

# What speakers put between words and transcribers write down.
FILLERS: Final = ("um", "uh", "you know", "i mean", "like", "well", "so", "er", "hmm", "okay so")

# Chance that a filler stands before a word of a filler-laden copy.
FILLER_SHARE: Final = 0.12


# How many batches are sorted by length together: little padding, yet different company in every epoch.
SORTED_BATCHES: Final = 32


@dataclass(frozen=True, slots=True)
class Form:
    """One form of all texts: token ids as one long array with offsets, features ``(n, 42)`` scaled."""

    ids: NDArray[np.int32]
    starts: NDArray[np.int64]
    features: NDArray[np.float32]

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.diff(self.starts)

    def row(self, index: int) -> NDArray[np.int32]:
        return self.ids[self.starts[index] : self.starts[index + 1]]


@dataclass(frozen=True, slots=True)
class Examples:
    """Training rows: labelled texts first, then graded ones.

    ``labels`` ``(n, 28)`` float in [0, 1] and ``levels`` ``(n, 4)`` int, -1 where a row says nothing about an emotion;
    ``is_labelled`` ``(n,)`` tells which rows carry labels.
    """

    forms: tuple[Form, ...]
    labels: NDArray[np.float32]
    levels: NDArray[np.int64]
    is_labelled: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded rows: ids and mask ``(n, tokens)``, features ``(n, 42)``, and which rows of the examples they are."""

    ids: NDArray[np.int64]
    mask: NDArray[np.int64]
    features: NDArray[np.float32]
    rows: NDArray[np.int64]


def with_fillers(text: str, chance: np.random.Generator) -> str:
    """Return the bare text with fillers between its words and a few words repeated, as people speak."""
    spoken: list[str] = []
    for word in bare(text).split():
        if chance.random() < FILLER_SHARE:
            spoken.append(FILLERS[chance.integers(len(FILLERS))])
        spoken.append(word)
        if chance.random() < 0.02:
            spoken.append(word)
    return " ".join(spoken)


def prepare(
    corpus: LabelledTexts,
    graded: Sequence[GradedTexts],
    tokenizer: Any,
    extractor: FeatureExtractor,
    scale: FeatureScale | None,
    seed: int,
) -> tuple[Examples, FeatureScale]:
    """Encode every text as written, bare and with fillers; ``scale`` is fitted on the first two where None is given.

    ``tokenizer`` is a ``tokenizers.Tokenizer`` with its truncation set.
    """
    texts = [*corpus.texts, *(text for part in graded for text in part.texts)]
    chance = np.random.default_rng(seed)
    spoken = [texts, [bare(text) for text in texts], [with_fillers(text, chance) for text in texts]]
    raw = [extractor.extract(form) for form in spoken]
    scale = scale or FeatureScale.fit(np.vstack(raw[:2]))
    forms = tuple(
        Form(*token_ids(tokenizer, form), scale.apply(features)) for form, features in zip(spoken, raw, strict=True)
    )
    n, n_labelled = len(texts), len(corpus.texts)
    labels = np.zeros((n, len(LABELS)), np.float32)
    labels[:n_labelled] = corpus.labels
    levels = np.full((n, len(INTENSITY_DIMENSIONS)), -1, np.int64)
    start = n_labelled
    for part in graded:
        stop = start + len(part.texts)
        levels[start:stop, INTENSITY_DIMENSIONS.index(part.dimension)] = part.levels
        start = stop
    return Examples(forms, labels, levels, np.arange(n) < n_labelled), scale


def thinned(row: NDArray[np.int32], lost: float, chance: np.random.Generator) -> NDArray[np.int32]:
    """Return ``row`` without a share ``lost`` of its tokens, so that none is relied upon; its first and last stay."""
    kept = chance.random(len(row)) >= lost
    kept[[0, -1]] = True
    return row[kept]


def batches_of_similar_length(
    lengths: NDArray[np.int64], rows: NDArray[np.int64], size: int, chance: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Every row once, in batches of ``size`` texts that need little padding, batches in random order."""
    shuffled = chance.permutation(rows)
    pools = np.array_split(shuffled, max(1, round(len(rows) / (size * SORTED_BATCHES))))
    batches: list[NDArray[np.int64]] = []
    for pool in pools:
        ordered = pool[np.argsort(lengths[pool], kind="stable")]
        batches.extend(ordered[start : start + size] for start in range(0, len(ordered), size))
    for number in chance.permutation(len(batches)):
        yield batches[number]
