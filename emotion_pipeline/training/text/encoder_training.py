"""Training the encoder emotion model: the work behind ``emotion-clf train text --encoder``.

Stages, each of which is taken over from the work folder where it is finished: the TF-IDF model; teachers, each fitted
on all but one part of the training texts, which give every text soft labels by a network that has not seen it;
students of several seeds, fitted on labels and soft labels together, whose weights are averaged; joining both models,
calibration and thresholds on development data. Soft labels from networks that have not seen a text even out what its
annotators happened to say (Furlanello et al., 2018, "Born-Again Neural Networks", ICML; on averaging: Wortsman et al.,
2022, "Model soups", ICML).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.errors import TrainingDataError
from emotion_pipeline.engine.emotion import calibration
from emotion_pipeline.engine.emotion.encoder_model import (
    BACKEND,
    Decisions,
    EncoderEmotionModel,
    Joined,
    read_net,
    rounded,
)
from emotion_pipeline.engine.emotion.encoder_net import EmotionNet
from emotion_pipeline.engine.emotion.scale import FeatureScale
from emotion_pipeline.engine.emotion.taxonomy import INTENSITY_DIMENSIONS, LABELS, STEPS
from emotion_pipeline.engine.emotion.tfidf_model import TfidfEmotionModel
from emotion_pipeline.engine.emotion.token_batches import token_ids
from emotion_pipeline.engine.models.artefact import check_output, read_artefact
from emotion_pipeline.engine.text.features import FeatureExtractor
from emotion_pipeline.engine.text.tokens import bare
from emotion_pipeline.training.loop import Progress, TrainingLoop
from emotion_pipeline.training.text import metrics
from emotion_pipeline.training.text.conversation import for_training, read_conversation
from emotion_pipeline.training.text.data import GradedTexts, LabelledTexts, read_graded, read_labelled
from emotion_pipeline.training.text.decisions import Choice, Interval, TextFigures, cross_fit, twice
from emotion_pipeline.training.text.encoder_examples import Examples, prepare
from emotion_pipeline.training.text.encoder_fit import EncoderTask, Recipe, raw_scores
from emotion_pipeline.training.text.encoder_source import load_encoder, locate, prune_vocabulary
from emotion_pipeline.training.text.report_card import write_card
from emotion_pipeline.training.text.tfidf_training import DATA, fit_tfidf_model, plain

NAME: Final = "goemotions-eioc"
VERSION: Final = "2"
TRAINING_TOKENS: Final = 64
# WordPieces kept: all that the training texts use, and the commonest of the rest.
VOCABULARY: Final = 20_000

# Weight of the TF-IDF model's scores (labels and bases, intensity steps), chosen on development data.
TFIDF_SHARE: Final = (0.35, 0.30)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is trained: which encoder, how many teachers (0 or at least 2) and students, and how each is fitted.

    ``layers``: of the encoder, from the lowest; None takes all. ``distil``: folder of an artefact whose probabilities
    are soft labels, in place of teachers. ``conversation``: wordings of each sentence of the conversation set that are
    trained on too; 0 leaves it out. ``blend``: average the students with the network of the artefact that they began
    from, which keeps more of what it knew (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models", CVPR).
    """

    encoder: str
    seed: int = 0
    teachers: int = 0
    students: int = 1
    vocabulary: int = VOCABULARY
    layers: int | None = None
    distil: str | None = None
    conversation: int = 0
    blend: bool = False
    teacher: Recipe = field(default_factory=lambda: Recipe(epochs=3))
    student: Recipe = field(default_factory=Recipe)

    def command(self) -> str:
        """What a user types to train by this plan."""
        fixed = "--train train.tsv --dev dev.tsv --labels labels.txt --intensity intensity --output weights"
        recipe = self.student
        options = {
            "encoder": self.encoder, "teachers": self.teachers, "students": self.students, "epochs": recipe.epochs,
            "batch": recipe.batch, "rate": f"{recipe.encoder_rate:g}", "layers": self.layers, "distil": self.distil,
            "conversation": self.conversation or None, "frozen": recipe.frozen or None,
            "encoder-dropout": recipe.encoder_dropout, "focus": recipe.losses.focus or None,
            "balance": recipe.losses.balance,
        }  # fmt: skip
        chosen = " ".join(f"--{name} {value}" for name, value in options.items() if value is not None)
        chosen += " --blend" if self.blend else ""
        return f"emotion-clf train text {fixed} --seed {self.seed} {chosen}"


@dataclass(frozen=True, slots=True)
class EncoderReport:
    """What was trained on what, and how well it does, cross-fitted; ``bare`` is lower case without punctuation."""

    fingerprint: str
    encoder: str
    train_rows: int
    # Of them, what people said of segments.
    review_rows: int
    dev_rows: int
    intensity_rows: int
    written: TextFigures
    bare: TextFigures
    intervals: dict[str, Interval]
    intensity_pearson: dict[str, float]
    label_f1: dict[str, float]
    label_rows: dict[str, int]
    seed: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Corpora:
    train: LabelledTexts
    dev: LabelledTexts
    graded: tuple[GradedTexts, ...]
    graded_dev: tuple[GradedTexts, ...]
    # How many rows at the end of ``train`` are of the conversation set or of people's reviews.
    spoken: int


def train_encoder_model(
    train: Path,
    dev: Path,
    labels: Path,
    intensity: Path,
    output: Path,
    plan: Plan,
    *,
    work: Path,
    progress: Progress,
    reviewed: LabelledTexts | None = None,
) -> EncoderReport:
    """Train by ``plan``, choose on ``dev``, write the artefact to ``output``; ``work`` keeps what is finished.

    :param reviewed: rows that are trained on beside those of ``train``, see ``training.reviews``

    Files are as ``data.read_labelled`` and ``data.read_graded`` describe. Raises ``TrainingDataError`` for data that
    does not fit, ``BackendUnavailableError`` for an encoder that cannot be loaded, ``ArtefactError`` where ``output``
    is a folder of something else.
    """
    started = time.perf_counter()
    check_output(output)
    written = read_labelled(train, labels)
    conversation = _conversation(plan)
    added = [part for part in (conversation, reviewed) if part is not None]
    corpus = sum(added, written)
    corpora = _Corpora(
        corpus, read_labelled(dev, labels),
        read_graded(intensity, "train"), read_graded(intensity, "dev"), len(corpus.texts) - len(written.texts),
    )  # fmt: skip
    extractor = FeatureExtractor()
    net, tokenizer, scale = _network(corpora, extractor, plan, work, progress)
    tfidf = _tfidf(corpora, extractor, work / "tfidf", plan.seed)
    model, figures = _choose(net, tokenizer, scale, tfidf, extractor, corpora, plan.seed)
    report = {
        "encoder": plan.encoder,
        "train_rows": len(corpora.train.texts),
        "review_rows": 0 if reviewed is None else len(reviewed.texts),
        "dev_rows": len(corpora.dev.texts),
        "intensity_rows": sum(len(part.texts) for part in corpora.graded),
        **figures,
        "seed": plan.seed,
    }
    data: list[str] = list(DATA)
    if conversation is not None:
        data.append(f"{len(conversation.texts)} sentences of conversations, written for this project")
    if reviewed is not None:
        data.append(f"{len(reviewed.texts)} segments that people reviewed")
    made_with = plan.command() + ("" if reviewed is None else " --reviews")
    card = {
        "name": NAME, "version": VERSION, "made_with": made_with, "data": data, "plan": asdict(plan),
        "metrics": plain(report),
    }  # fmt: skip
    model.save(output, card)
    write_card(output, card)
    fingerprint = EncoderEmotionModel.load(output, extractor).fingerprint
    return EncoderReport(**report, fingerprint=fingerprint, seconds=round(time.perf_counter() - started, 1))


def _conversation(plan: Plan) -> LabelledTexts | None:
    return for_training(read_conversation(), plan.conversation, plan.seed) if plan.conversation else None


def _tfidf(corpora: _Corpora, extractor: FeatureExtractor, folder: Path, seed: int) -> TfidfEmotionModel:
    if not (folder / "card.json").is_file():
        model = fit_tfidf_model(corpora.train, corpora.dev, corpora.graded, seed)[0]
        model.save(folder, {"name": NAME, "version": VERSION})
    return TfidfEmotionModel.load(folder, extractor)


def _network(
    corpora: _Corpora, extractor: FeatureExtractor, plan: Plan, work: Path, progress: Progress
) -> tuple[EmotionNet, Any, FeatureScale]:
    location = locate(plan.encoder)
    texts = [*corpora.train.texts, *(text for part in corpora.graded for text in part.texts)]
    encoder, tokenizer = load_encoder(location)
    counts = np.bincount(token_ids(tokenizer, texts)[0], minlength=tokenizer.get_vocab_size())
    tokenizer = prune_vocabulary(encoder, tokenizer, counts, plan.vocabulary)[1]
    tokenizer.enable_truncation(TRAINING_TOKENS)
    examples, scale = prepare(corpora.train, corpora.graded, tokenizer, extractor, None, plan.seed)
    dev = prepare(corpora.dev, (), tokenizer, extractor, scale, plan.seed)[0]

    def fresh(dropout: float) -> EmotionNet:
        import torch

        # Heads of every seed begin alike: the mean of heads that began apart is neither of them.
        torch.manual_seed(plan.seed)
        source, whole = load_encoder(location, plan.layers)
        return EmotionNet(prune_vocabulary(source, whole, counts, plan.vocabulary)[0], dropout)

    def fit(name: str, rows: NDArray[np.int64], recipe: Recipe, seed: int, soft: Any = None) -> EmotionNet:
        net = fresh(recipe.dropout)
        task = EncoderTask(
            net, examples, rows, recipe, seed, soft=soft,
            dev_figure=lambda net: mean_average_precision(net, dev, bf16=recipe.bf16),
        )  # fmt: skip
        TrainingLoop(task, work / name, lambda what, *step: progress(f"{name}, {what}", *step)).run()
        return net.eval()

    soft = _distilled(corpora, examples, plan, work) if plan.distil else _soft_labels(examples, plan, fit, work)
    students = [
        fit(f"student-{number}", np.arange(len(examples)), plan.student, plan.seed + number, soft)
        for number in range(plan.students)
    ]
    if plan.blend:
        students.append(_beginning(location, like=students[0]))
    return averaged(students), tokenizer, scale


def _beginning(location: str, like: EmotionNet) -> EmotionNet:
    """Return the network of the artefact at ``location``; raises ``TrainingDataError`` where it has another shape."""
    if not (Path(location) / "card.json").is_file():
        raise TrainingDataError(f"--blend needs an artefact that training wrote to begin with; {location} is none.")
    net = read_net(read_artefact(Path(location), BACKEND))
    before, after = ({name: value.shape for name, value in part.state_dict().items()} for part in (net, like))
    if before != after:
        raise TrainingDataError(f"the network in {location} has other shapes than what was trained: leave out --blend.")
    return net


def _soft_labels(
    examples: Examples, plan: Plan, fit: Callable[..., EmotionNet], work: Path
) -> NDArray[np.float32] | None:
    """Label probabilities ``(n, 28)`` of every row by a teacher that was fitted without it."""
    if not plan.teachers:
        return None
    path = work / "soft.npy"
    if path.is_file():
        return np.load(path)
    part = np.random.default_rng(plan.seed).integers(plan.teachers, size=len(examples))
    soft = np.zeros((len(examples), len(LABELS)), np.float32)
    for number in range(plan.teachers):
        learnt, scored = np.flatnonzero(part != number), np.flatnonzero(part == number)
        net = fit(f"teacher-{number}", learnt, plan.teacher, plan.seed + 100 + number)
        scores = raw_scores(net, examples.forms[0], scored, bf16=plan.teacher.bf16)[:, : len(LABELS)]
        truth = examples.labels[scored] > 0
        labelled = examples.is_labelled[scored]
        platt = calibration.fit_platt(scores[labelled], truth[labelled])
        soft[scored] = calibration.apply_platt(scores, platt)
    np.save(path, soft)
    return soft


def _distilled(corpora: _Corpora, examples: Examples, plan: Plan, work: Path) -> NDArray[np.float32]:
    """Label probabilities ``(n, 28)`` of every row by the model in ``plan.distil``.

    Sentences of the conversation set and of reviews keep their own labels: a model that never saw such talk is no
    authority on it, and people are above it.
    """
    path = work / "soft.npy"
    if path.is_file():
        return np.load(path)
    texts, end = corpora.train.texts, len(corpora.train.texts)
    soft = examples.labels.copy()
    soft[: end - corpora.spoken] = (
        EncoderEmotionModel.load(Path(str(plan.distil))).score(texts[: end - corpora.spoken]).labels
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, soft)
    return soft


def averaged(nets: Sequence[EmotionNet]) -> EmotionNet:
    """The first network with the mean of all networks' weights; all began from the same weights."""
    states = [net.state_dict() for net in nets]
    mean = {
        name: sum(state[name] for state in states) / len(states) if value.is_floating_point() else value
        for name, value in states[0].items()
    }
    nets[0].load_state_dict(mean)
    return nets[0]


def mean_average_precision(net: EmotionNet, dev: Examples, *, bf16: bool) -> float:
    """Mean over labels of the average precision: quality of ranking, whatever the thresholds will be."""
    from sklearn.metrics import average_precision_score

    truth = dev.labels > 0
    scores = raw_scores(net, dev.forms[0], np.arange(len(dev)), bf16=bf16)
    present = np.flatnonzero(truth.any(axis=0))
    if not len(present):
        raise TrainingDataError("The development data carries no label at all.")
    return float(np.mean([average_precision_score(truth[:, c], scores[:, c]) for c in present]))


def _choose(
    net: EmotionNet,
    tokenizer: Any,
    scale: FeatureScale,
    tfidf: TfidfEmotionModel,
    extractor: FeatureExtractor,
    corpora: _Corpora,
    seed: int,
) -> tuple[EncoderEmotionModel, dict[str, Any]]:
    """The model with everything frozen, chosen on scores that the stored, rounded weights give; and the figures."""
    share = np.array(TFIDF_SHARE, np.float32)
    undecided = EncoderEmotionModel(rounded(net), tokenizer, scale, tfidf, extractor, Decisions.none(share))

    def joined(texts: Sequence[str]) -> Joined:
        return undecided.joined(texts, extractor.extract(texts))

    forms = [joined(texts).scores for texts in (corpora.dev.texts, [bare(text) for text in corpora.dev.texts])]
    choice = Choice.on(np.vstack(forms), twice(corpora.dev))
    written, spoken = cross_fit(forms, corpora.dev, seed)
    steps, pearson = _fit_steps([joined(part.texts).steps for part in corpora.graded_dev], corpora.graded_dev, seed)
    decisions = Decisions(share, choice.platt, choice.base, steps, choice.thresholds)
    decided = EncoderEmotionModel(rounded(net), tokenizer, scale, tfidf, extractor, decisions)
    return decided, {
        "written": written.figures(corpora.dev),
        "bare": spoken.figures(corpora.dev),
        "intervals": written.intervals(corpora.dev, seed),
        "intensity_pearson": pearson,
        "label_f1": written.label_f1(corpora.dev),
        "label_rows": dict(zip(LABELS, corpora.dev.labels.sum(axis=0).tolist(), strict=True)),
    }


def _fit_steps(
    joined: Sequence[NDArray[np.float32]], graded: Sequence[GradedTexts], seed: int
) -> tuple[NDArray[np.float32], dict[str, float]]:
    """Slope and offset of every intensity step, ``(12, 2)``, and Pearson's r per emotion, cross-fitted."""
    chosen, pearson = [], {}
    for column, (scores, part) in enumerate(zip(joined, graded, strict=True)):
        raw = scores[:, column * STEPS : (column + 1) * STEPS]
        reached = part.levels[:, None] >= np.arange(1, STEPS + 1)
        chosen.append(calibration.fit_platt(raw, reached))
        expected = np.zeros(len(raw), np.float32)
        for chosen_on, scored in calibration.halves(len(raw), seed):
            platt = calibration.fit_platt(raw[chosen_on], reached[chosen_on])
            chances = np.minimum.accumulate(calibration.apply_platt(raw[scored], platt), axis=1)
            expected[scored] = chances.sum(axis=1)
        pearson[INTENSITY_DIMENSIONS[column]] = metrics.pearson(expected, part.levels)
    return np.vstack(chosen), pearson
