"""Training of the TF-IDF emotion model and of the frozen TF-IDF space behind the features, each by one call.

Models are fitted on the training files alone; calibration and thresholds are chosen on the development file. Figures
are cross-fitted: chosen on one half of that file and scored on the other, both ways. ``engine.emotion.tfidf_model``
applies the model.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.errors import TrainingDataError
from emotion_pipeline.engine.emotion.scale import FeatureScale
from emotion_pipeline.engine.emotion.taxonomy import HEADS, STEPS
from emotion_pipeline.engine.emotion.term_space import TermSpace
from emotion_pipeline.engine.emotion.tfidf_model import TfidfEmotionModel, Weights, linear
from emotion_pipeline.engine.models.artefact import check_output
from emotion_pipeline.engine.text.features import FeatureExtractor
from emotion_pipeline.engine.text.tfidf_components import TfidfProjection, fit_projection
from emotion_pipeline.engine.text.tokens import bare, words
from emotion_pipeline.training.text.data import (
    GradedTexts,
    LabelledTexts,
    read_graded,
    read_labelled,
)
from emotion_pipeline.training.text.decisions import Choice, TextFigures, cross_fit, pearson, twice

NAME: Final = "goemotions-eioc"
VERSION: Final = "1"
# What the shipped weights were trained on and under which terms, for the card.
DATA: Final = (
    "GoEmotions (Demszky et al., 2020), CC BY 4.0, Google Research",
    "SemEval-2018 Task 1 EI-oc, English (Mohammad et al., 2018); the task states no licence",
)

RAREST_WORD: Final = 8
RAREST_CHARACTERS: Final = 30
MOST_CHARACTERS: Final = 40_000
HEAD_STRENGTH: Final = 0.1
INTENSITY_STRENGTH: Final = 0.05
# The features enter a linear head at this fraction of unit variance, so that they do not drown the terms.
FEATURE_WEIGHT: Final = 0.1
# Likewise for the head scores in the intensity head.
SCORE_WEIGHT: Final = 1.0

_FEATURES_COMMAND: Final = "emotion-clf train features --train train.tsv --labels labels.txt --output weights"
_COMMAND: Final = (
    "emotion-clf train text --train train.tsv --dev dev.tsv --labels labels.txt --intensity intensity --output weights "
    "--seed {seed}"
)


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What was trained on what, and how well it does; ``bare`` is the development text in lower case, unpunctuated."""

    fingerprint: str
    train_rows: int
    # Further rows, of what people said of segments.
    review_rows: int
    dev_rows: int
    intensity_rows: int
    written: TextFigures
    bare: TextFigures
    intensity_pearson: dict[str, float]
    label_f1: dict[str, float]
    seed: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def train_feature_projection(train: Path, labels: Path, output: Path) -> TfidfProjection:
    """Fit the TF-IDF space behind six of the 42 features on the texts of ``train`` and write it to ``output``."""
    texts = read_labelled(train, labels).texts
    provenance = {"made_with": _FEATURES_COMMAND, "data": DATA[:1]}
    return fit_projection([words(text) for text in texts], output, provenance)


def train_text_model(
    train: Path,
    dev: Path,
    labels: Path,
    intensity: Path,
    output: Path,
    *,
    seed: int = 0,
    reviewed: LabelledTexts | None = None,
) -> TrainingReport:
    """Train on ``train`` and the EI-oc training files of ``intensity``, choose on ``dev``, write to ``output``.

    :param reviewed: rows that are trained on beside those of ``train``, see ``training.reviews``

    Files are as ``data.read_labelled`` and ``data.read_graded`` describe. The same input and seed give the same
    artefact. Intensity is reported on the EI-oc development files, which the folder must hold too. Raises
    ``TrainingDataError`` for data that does not fit and ``ArtefactError`` where ``output`` is a folder of something
    else; nothing is half-written.
    """
    from threadpoolctl import threadpool_limits

    started = time.perf_counter()
    check_output(output)
    corpus, development = read_labelled(train, labels), read_labelled(dev, labels)
    graded, graded_dev = read_graded(intensity, "train"), read_graded(intensity, "dev")
    # Sums over several threads round differently from run to run; with one the same data give the same bytes.
    with threadpool_limits(1):
        every = corpus if reviewed is None else corpus + reviewed
        model, dev_scores = fit_tfidf_model(every, development, graded, seed)
        decided = cross_fit(dev_scores, development, seed)
    figures = {
        "train_rows": len(corpus.texts),
        "review_rows": 0 if reviewed is None else len(reviewed.texts),
        "dev_rows": len(development.texts),
        "intensity_rows": sum(len(part.texts) for part in graded),
        "written": decided[0].figures(development),
        "bare": decided[1].figures(development),
        "intensity_pearson": pearson(model, graded_dev),
        "label_f1": decided[0].label_f1(development),
        "seed": seed,
    }
    card = {
        "name": NAME,
        "version": VERSION,
        "made_with": _COMMAND.format(seed=seed) + ("" if reviewed is None else " --reviews"),
        "data": DATA,
        "metrics": plain(figures),
    }
    model.save(output, card)
    fingerprint = TfidfEmotionModel.load(output).fingerprint
    return TrainingReport(**figures, fingerprint=fingerprint, seconds=round(time.perf_counter() - started, 1))


def fit_tfidf_model(
    corpus: LabelledTexts, development: LabelledTexts, graded: Sequence[GradedTexts], seed: int
) -> tuple[TfidfEmotionModel, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """The model with everything frozen, and the raw head scores of the development texts, written and bare."""
    extractor = FeatureExtractor()
    augmented = _with_bare_copies(corpus)
    space = _fit_space(augmented.texts)
    raw_features = extractor.extract(augmented.texts)
    scale = FeatureScale.fit(raw_features)
    heads = _fit_heads(space.transform(augmented.texts), scale.apply(raw_features), augmented, seed)

    def inputs(texts: Sequence[str]) -> tuple[Any, NDArray[np.float32]]:
        return space.transform(texts), scale.apply(extractor.extract(texts))

    written, plain = (linear(*inputs(texts), heads) for texts in (development.texts, _bare(development.texts)))
    choice = Choice.on(np.vstack([written, plain]), twice(development))
    steps = [
        _fit_steps(*inputs([*part.texts, *_bare(part.texts)]), heads, np.tile(part.levels, 2), seed) for part in graded
    ]
    weights = Weights(heads, choice.platt, choice.base, choice.thresholds, np.hstack(steps))
    return TfidfEmotionModel(space, scale, extractor, weights), (written, plain)


def _fit_space(texts: Sequence[str]) -> TermSpace:
    try:
        return TermSpace.fit(texts, RAREST_WORD, RAREST_CHARACTERS, MOST_CHARACTERS)
    except ValueError as error:
        raise TrainingDataError(f"The {len(texts) // 2} training texts are too few to learn from: {error}") from error


def _fit_heads(terms: Any, features: NDArray[np.float32], corpus: LabelledTexts, seed: int) -> NDArray[np.float32]:
    """Weights ``(n_terms + 42 + 1, HEADS)`` of one logistic regression per label and base emotion."""
    targets = np.hstack([corpus.labels, corpus.core_bases])
    columns = [_fit_head(terms, features, target, seed) for target in targets.T]
    # Shipped in half precision, so what follows is chosen for the rounded weights.
    return np.column_stack(columns).astype(np.float16).astype(np.float32)


def _fit_head(terms: Any, features: NDArray[np.float32], target: NDArray[np.bool_], seed: int) -> NDArray[np.float32]:
    """Logistic regression on terms weighted by their naive Bayes log-count ratio.

    Wang and Manning (2012), "Baselines and Bigrams: Simple, Good Sentiment and Topic Classification", ACL.
    """
    if not target.any() or target.all():
        constant = np.zeros(terms.shape[1] + features.shape[1] + 1, np.float32)
        constant[-1] = 10.0 if target.all() else -10.0
        return constant
    with_label, without = (np.asarray(terms[rows].sum(axis=0)).ravel() + 1.0 for rows in (target, ~target))
    ratio = np.log((with_label / with_label.sum()) / (without / without.sum())).astype(np.float32)
    scales = np.concatenate([ratio, np.full(features.shape[1], FEATURE_WEIGHT, np.float32)])
    return _logistic(terms, features, scales, target, strength=HEAD_STRENGTH, seed=seed)


def _fit_steps(
    terms: Any, features: NDArray[np.float32], heads: NDArray[np.float32], levels: NDArray[np.int64], seed: int
) -> NDArray[np.float32]:
    """Return weights ``(n_terms + HEADS + 42 + 1, STEPS)`` of the ordinal steps of one emotion's intensity.

    The head scores transfer what was learnt from GoEmotions, which is far larger.
    """
    scores = linear(terms, features, heads)
    mean, deviation = scores.mean(axis=0), np.maximum(scores.std(axis=0), 1e-3)
    centred = np.hstack([scores - mean, features])
    scales = np.concatenate([
        np.ones(terms.shape[1], np.float32), SCORE_WEIGHT / deviation, np.full(features.shape[1], FEATURE_WEIGHT)
    ]).astype(np.float32)  # fmt: skip
    columns = []
    for step in range(1, STEPS + 1):
        target = levels >= step
        if not target.any() or target.all():
            raise TrainingDataError(f"The EI-oc training files have no text on one side of intensity class {step}.")
        weights = _logistic(terms, centred, scales, target, strength=INTENSITY_STRENGTH, seed=seed)
        weights[-1] -= mean @ weights[terms.shape[1] : terms.shape[1] + HEADS]
        columns.append(weights)
    return np.column_stack(columns).astype(np.float16).astype(np.float32)


def _logistic(
    terms: Any,
    dense: NDArray[np.float32],
    scales: NDArray[np.float32],
    target: NDArray[np.bool_],
    *,
    strength: float,
    seed: int,
) -> NDArray[np.float32]:
    """Fit on ``[terms, dense] * scales``; the weights returned apply to the unscaled inputs, the last is the offset."""
    from scipy.sparse import csr_matrix, diags, hstack
    from sklearn.linear_model import LogisticRegression

    inputs: Any = hstack([terms, csr_matrix(dense)], format="csr")
    scaled = (inputs @ diags(scales)).tocsr()
    fitted = LogisticRegression(solver="liblinear", C=strength, random_state=seed).fit(scaled, target)
    return np.append(fitted.coef_[0] * scales, fitted.intercept_[0]).astype(np.float32)


def _with_bare_copies(corpus: LabelledTexts) -> LabelledTexts:
    """Return every text as written and as a transcriber would write it, so that the model learns both forms."""
    return LabelledTexts((*corpus.texts, *_bare(corpus.texts)), np.vstack([corpus.labels, corpus.labels]))


def _bare(texts: Sequence[str]) -> list[str]:
    return [bare(text) for text in texts]


def plain(figures: dict[str, Any]) -> dict[str, Any]:
    """Return figures as JSON values, rounded to what the size of the data supports."""
    return {
        name: plain(asdict(value) if isinstance(value, TextFigures) else value)
        if isinstance(value, dict | TextFigures)
        else round(value, 4) if isinstance(value, float) else value
        for name, value in figures.items()
    }  # fmt: skip
