"""Training of the acoustic tone model from labelled corpora, by one reproducible call.

Reported figures are always of speakers and corpora that the scored model was not trained on. ``corpus`` reads the
clips, ``fitting`` fits the weights, and ``engine.tone.acoustic`` defines the artefact.
"""

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.errors import TrainingDataError
from emotion_pipeline.engine.models.artefact import check_writable
from emotion_pipeline.engine.tone.acoustic.committee import Committee
from emotion_pipeline.engine.tone.acoustic.descriptors import mel_filters
from emotion_pipeline.engine.tone.acoustic.model import (
    AcousticToneModel,
    Utterance,
    Weights,
    judge,
    measure,
    save,
)
from emotion_pipeline.engine.tone.acoustic.normalise import Normaliser
from emotion_pipeline.engine.tone.calibration import Calibration, Judgement, fit_calibration
from emotion_pipeline.engine.tone.labels import ACOUSTIC_TONES
from emotion_pipeline.training.tone import metrics
from emotion_pipeline.training.tone.corpus import Clip, read_clip, read_manifest, without_duplicates
from emotion_pipeline.training.tone.fitting import Examples, fit_committee, fit_normaliser

NAME: Final = "functionals"
VERSION: Final = "3"

FOLDS: Final = 5

_COMMAND: Final = "emotion-clf train tone {manifests} --output weights --seed {seed}"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HeldOutFigures:
    """Quality on the clips of one corpus, each scored by a model that was not trained on its speaker."""

    corpus: str
    n: int
    # Every clip alone.
    uar_4: float
    # The clips of a speaker standing for one recording.
    uar_4_by_speaker: float
    # The hardest case: a speaker's clips of one tone standing for one recording.
    uar_4_one_tone: float
    # Every clip alone, after calibration.
    ece: float
    ece_by_speaker: float
    ece_one_tone: float


@dataclass(frozen=True, slots=True)
class ToneTrainingReport:
    """What was trained on what, and how well it does on speakers and corpora held out."""

    fingerprint: str
    # Clips used, by corpus.
    clips: dict[str, int]
    # Clips left out because another has the very same sound.
    duplicates: int
    # Cross-validated over speakers, all corpora together.
    by_speaker: tuple[HeldOutFigures, ...]
    # Empty where there is only one corpus.
    leave_one_corpus_out: tuple[HeldOutFigures, ...]
    calibration: Calibration
    seed: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def train_tone_model(manifests: Sequence[Path], output: Path, seed: int = 0, *, workers: int = 1) -> ToneTrainingReport:
    """Train on every clip of ``manifests`` with a four-class label and write the artefact to the folder ``output``.

    workers: processes that measure clips; their number changes no result.

    The same clips and seed give the same artefact on the same machine. Raises ``TrainingDataError`` naming file and row
    for data that does not fit and ``ArtefactError`` where ``output`` is a folder of something else; nothing is written
    by halves.
    """
    started = time.perf_counter()
    check_writable(output)
    listed = [clip for manifest in manifests for clip in read_manifest(manifest)]
    clips = without_duplicates(listed)
    examples = _examples(clips, workers)
    _check(examples)
    by_speaker = _held_out(examples, _speaker_folds(examples, seed), seed)
    by_corpus = _held_out(examples, _corpus_folds(examples), seed) if len(set(examples.corpora)) > 1 else None
    # Whatever a user brings was recorded elsewhere than what was heard here: unheard speakers of a corpus flatter.
    calibration = fit_calibration((by_corpus or by_speaker).every, examples.tones)
    figures = {
        "clips": {name: int((examples.corpora == name).sum()) for name in np.unique(examples.corpora)},
        "duplicates": len(listed) - len(clips),
        "by_speaker": _figures(by_speaker, examples, calibration),
        "leave_one_corpus_out": _figures(by_corpus, examples, calibration) if by_corpus else (),
        "calibration": calibration,
        "seed": seed,
    }
    normaliser, committee = _fit(examples, seed)
    weights = Weights(mel_filters(), normaliser, committee, calibration)
    named = " ".join(f"--manifest {name}/manifest.csv" for name in figures["clips"])
    lists = {key: [asdict(part) for part in figures[key]] for key in ("by_speaker", "leave_one_corpus_out")}
    plain = {**lists, "calibration": asdict(calibration)}
    made_with = _COMMAND.format(manifests=named, seed=seed)
    save(weights, {"name": NAME, "version": VERSION, "made_with": made_with, "metrics": figures | plain}, output)
    fingerprint = AcousticToneModel.load(output).fingerprint
    return ToneTrainingReport(**figures, fingerprint=fingerprint, seconds=round(time.perf_counter() - started, 1))


def _examples(clips: Sequence[Clip], workers: int) -> Examples:
    vector_of = partial(_vector, filters=mel_filters())
    if workers > 1:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            vectors = list(pool.map(vector_of, clips, chunksize=16))
    else:
        vectors = [vector_of(clip) for clip in clips]
    return Examples(
        vectors=np.stack(vectors),
        tones=np.array([ACOUSTIC_TONES.index(clip.tone) for clip in clips]),
        speakers=np.array([f"{clip.corpus}/{clip.speaker}" for clip in clips]),
        corpora=np.array([clip.corpus for clip in clips]),
    )


def _vector(clip: Clip, filters: NDArray[np.float32]) -> NDArray[np.float32]:
    """Functionals of a clip, shape ``(n_features,)``."""
    measured = measure(read_clip(clip), filters)
    if not len(measured.vectors):
        raise TrainingDataError(f"{clip.where}: {clip.path.name} is silent; take the row out of the manifest.")
    return measured.vector


def _check(examples: Examples) -> None:
    absent = [tone for i, tone in enumerate(ACOUSTIC_TONES) if i not in examples.tones]
    if absent:
        raise TrainingDataError(f"No clip of the manifests is labelled {', '.join(absent)}: all four tones are needed.")
    count = len(np.unique(examples.speakers))
    if count < FOLDS:
        raise TrainingDataError(
            f"The manifests name {count} speakers; at least {FOLDS} are needed to measure on unheard ones."
        )


def _fit(examples: Examples, seed: int) -> tuple[Normaliser, Committee]:
    normaliser = fit_normaliser(examples)
    return normaliser, fit_committee(examples, normaliser, seed)


Folds = Iterable[tuple[NDArray[np.int64], NDArray[np.int64]]]


def _speaker_folds(examples: Examples, seed: int) -> Folds:
    from sklearn.model_selection import StratifiedGroupKFold

    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    return folds.split(examples.tones, np.char.add(examples.corpora, examples.tones.astype(str)), examples.speakers)


def _corpus_folds(examples: Examples) -> Folds:
    for corpus in np.unique(examples.corpora):
        held_out = examples.corpora == corpus
        yield np.flatnonzero(~held_out), np.flatnonzero(held_out)


@dataclass(frozen=True, slots=True)
class _HeldOut:
    """Judgements of held-out clips, each by what a clip is compared with."""

    alone: Judgement
    by_speaker: Judgement
    one_tone: Judgement

    @property
    def every(self) -> tuple[Judgement, Judgement, Judgement]:
        return self.alone, self.by_speaker, self.one_tone


def _held_out(examples: Examples, folds: Folds, seed: int) -> _HeldOut:
    n = len(examples.tones)
    result = _HeldOut(*(Judgement(np.zeros((n, len(ACOUSTIC_TONES))), np.zeros(n)) for _ in range(3)))
    same_tone = np.char.add(examples.speakers, examples.tones.astype(str))
    for train, test in folds:
        normaliser, committee = _fit(examples.take(np.asarray(train)), seed)
        for target, voices in zip(result.every, (np.arange(n).astype(str), examples.speakers, same_tone), strict=True):
            for voice in np.unique(voices[test]):
                rows = test[voices[test] == voice]
                judgement = judge(
                    [Utterance(examples.vectors[[row]], np.ones(1)) for row in rows], normaliser, committee
                )
                target.log_probabilities[rows], target.novelty[rows] = judgement.log_probabilities, judgement.novelty
    return result


def _figures(held_out: _HeldOut, examples: Examples, calibration: Calibration) -> tuple[HeldOutFigures, ...]:
    every = [calibration.apply(view) for view in held_out.every]

    def of(corpus: str) -> HeldOutFigures:
        rows = examples.corpora == corpus
        truth = examples.tones[rows]
        decisions = (p[rows].argmax(axis=1) for p in every)
        uars = (metrics.unweighted_average_recall(truth, decision, len(ACOUSTIC_TONES)) for decision in decisions)
        errors = (metrics.expected_calibration_error(truth, p[rows]) for p in every)
        return HeldOutFigures(corpus, int(rows.sum()), *(round(float(figure), 4) for figure in (*uars, *errors)))

    return tuple(of(str(corpus)) for corpus in np.unique(examples.corpora))
