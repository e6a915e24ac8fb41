"""Training of the acoustic tone model from labelled corpora, by one reproducible call.

Reported figures are always of speakers and corpora that the scored model was not trained on. ``corpus`` reads the
clips, ``fitting`` fits the weights, and ``engine.tone.acoustic`` defines the artefact.
"""

import hashlib
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
from emotion_pipeline.engine.tone.acoustic.measure import Utterance, encoder_identity, measure, vector_names
from emotion_pipeline.engine.tone.acoustic.model import AcousticToneModel, Weights, save, score_voice
from emotion_pipeline.engine.tone.acoustic.normalise import Normaliser
from emotion_pipeline.engine.tone.calibration import RawScores, fit_temperature, probabilities_of
from emotion_pipeline.engine.tone.labels import ACOUSTIC_TONES
from emotion_pipeline.training.tone import metrics
from emotion_pipeline.training.tone.corpus import Clip, read_clip, read_manifest, without_duplicates
from emotion_pipeline.training.tone.crowd import voice_votes
from emotion_pipeline.training.tone.dimensions import dimensions_of
from emotion_pipeline.training.tone.fitting import Examples, fit_committee, fit_normaliser

NAME: Final = "whisper-functionals"
VERSION: Final = "5"

# To be raised where the numbers of a vector change: then those that were kept are measured again.
_MEASURES: Final = "4"

FOLDS: Final = 5

# How far a label is trusted that most listeners did not hear.
_UNHEARD: Final = 0.2

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
    # Rank correlation with the dimensions that the labels stand for, every clip alone, other labels included.
    valence: float
    arousal: float


@dataclass(frozen=True, slots=True)
class ToneTrainingReport:
    """What was trained on what, and how well it does on speakers and corpora held out."""

    fingerprint: str
    # Clips used, by corpus.
    clips: dict[str, int]
    # Clips left out because another has the very same sound.
    duplicates: int
    # Further clips, of what people heard in segments.
    review_clips: int
    # Cross-validated over speakers, all corpora together.
    by_speaker: tuple[HeldOutFigures, ...]
    # Empty where there is only one corpus.
    leave_one_corpus_out: tuple[HeldOutFigures, ...]
    temperature_alone: float
    temperature_relative: float
    seed: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def train_tone_model(
    manifests: Sequence[Path],
    output: Path,
    seed: int = 0,
    *,
    workers: int = 1,
    work: Path | None = None,
    reviewed: Sequence[Clip] | None = None,
) -> ToneTrainingReport:
    """Train on every clip of ``manifests``: tones on those with a four-class label, valence and arousal on all.

    :param workers: processes that measure clips; their number changes no result
    :param work: folder where measured clips are kept, so that a run cut off goes on; None keeps nothing
    :param reviewed: clips that are trained on beside those of the manifests, see ``training.reviews``; figures and
        temperatures are of the manifests alone, by models that learnt from the reviewed clips, too

    The same clips and seed give the same artefact on the same machine. Raises ``TrainingDataError`` naming file and row
    for data that does not fit and ``ArtefactError`` where ``output`` is a folder of something else; nothing is written
    by halves.
    """
    started = time.perf_counter()
    check_writable(output)
    listed = [clip for manifest in manifests for clip in read_manifest(manifest, every_label=True)]
    clips = without_duplicates(listed)
    examples = _examples(clips, workers, work)
    added = _examples(reviewed, workers, work) if reviewed else None
    _check(examples)
    by_speaker = _held_out(examples, _speaker_folds(examples, seed), seed, added)
    by_corpus = _held_out(examples, _corpus_folds(examples), seed, added) if len(set(examples.corpora)) > 1 else None
    # Whatever a user brings was recorded elsewhere than what was heard here: unheard speakers of a corpus flatter.
    temperatures = _temperatures(by_corpus or by_speaker, examples)
    of_four = examples.tones >= 0
    figures = {
        "clips": {name: int((of_four & (examples.corpora == name)).sum()) for name in np.unique(examples.corpora)},
        "duplicates": len(listed) - len(clips),
        "review_clips": len(reviewed or ()),
        "by_speaker": _figures(by_speaker, examples, temperatures),
        "leave_one_corpus_out": _figures(by_corpus, examples, temperatures) if by_corpus else (),
        "temperature_alone": temperatures[0],
        "temperature_relative": temperatures[1],
        "seed": seed,
    }
    normaliser, alone, relative = _fit(examples + added if added else examples, seed)
    weights = Weights(mel_filters(), normaliser, alone, temperatures[0], relative, temperatures[1])
    named = " ".join(f"--manifest {name}/manifest.csv" for name in figures["clips"])
    lists = {key: [asdict(part) for part in figures[key]] for key in ("by_speaker", "leave_one_corpus_out")}
    made_with = _COMMAND.format(manifests=named, seed=seed) + ("" if reviewed is None else " --reviews")
    save(weights, {"name": NAME, "version": VERSION, "made_with": made_with, "metrics": figures | lists}, output)
    fingerprint = AcousticToneModel.load(output).fingerprint
    return ToneTrainingReport(**figures, fingerprint=fingerprint, seconds=round(time.perf_counter() - started, 1))


def _examples(clips: Sequence[Clip], workers: int, work: Path | None) -> Examples:
    measured_of = partial(_measured, filters=mel_filters(), work=work)
    if workers > 1:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            measured = list(pool.map(measured_of, clips, chunksize=16))
    else:
        measured = [measured_of(clip) for clip in clips]
    votes = {manifest: voice_votes(manifest) for manifest in {clip.manifest for clip in clips}}
    heard_as = (votes[clip.manifest].get(clip.path.stem) for clip in clips)
    are_trusted = [vote == clip.emotion or not votes[clip.manifest] for clip, vote in zip(clips, heard_as, strict=True)]
    return Examples(
        vectors=np.stack(measured),
        tones=np.array([ACOUSTIC_TONES.index(clip.tone) if clip.is_of_four else -1 for clip in clips]),
        dimensions=np.array([dimensions_of(clip.emotion, clip.intensity) for clip in clips]),
        emotions=np.array([clip.tone if clip.is_of_four else clip.emotion for clip in clips]),
        trust=np.where(are_trusted, 1.0, _UNHEARD),
        speakers=np.array([f"{clip.corpus}/{clip.speaker}" for clip in clips]),
        corpora=np.array([clip.corpus for clip in clips]),
    )


def _measured(clip: Clip, filters: NDArray[np.float32], work: Path | None) -> NDArray[np.float32]:
    """Return the vector of a clip, shape ``(n_features,)``; kept in ``work``, if any."""
    samples = read_clip(clip)
    kept = work / f"{_measurement_id(samples)}.npy" if work else None
    if kept and kept.is_file():
        return np.load(kept)
    utterance = measure(samples, filters)
    if not len(utterance.vectors):
        raise TrainingDataError(f"{clip.where}: {clip.path.name} is silent; take the row out of the manifest.")
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        unfinished = kept.with_suffix(".part")
        with unfinished.open("wb") as file:
            np.save(file, utterance.vector)
        unfinished.rename(kept)
    return utterance.vector


def _measurement_id(samples: NDArray[np.float32]) -> str:
    """A hash of the sound, and of what is measured and by which weights."""
    digest = hashlib.sha256(samples.tobytes())
    digest.update("\n".join((_MEASURES, encoder_identity(), *vector_names())).encode())
    return digest.hexdigest()[:32]


def _check(examples: Examples) -> None:
    absent = [tone for i, tone in enumerate(ACOUSTIC_TONES) if i not in examples.tones]
    if absent:
        raise TrainingDataError(f"No clip of the manifests is labelled {', '.join(absent)}: all four tones are needed.")
    count = len(np.unique(examples.speakers))
    if count < FOLDS:
        raise TrainingDataError(
            f"The manifests name {count} speakers; at least {FOLDS} are needed to measure on unheard ones."
        )


def _fit(examples: Examples, seed: int) -> tuple[Normaliser, Committee, Committee]:
    normaliser = fit_normaliser(examples)
    alone, relative = (fit_committee(examples, normaliser, seed, relative=of_voice) for of_voice in (False, True))
    return normaliser, alone, relative


Folds = Iterable[tuple[NDArray[np.int64], NDArray[np.int64]]]


def _speaker_folds(examples: Examples, seed: int) -> Folds:
    from sklearn.model_selection import StratifiedGroupKFold

    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    return folds.split(examples.tones, np.char.add(examples.corpora, examples.emotions), examples.speakers)


def _corpus_folds(examples: Examples) -> Folds:
    for corpus in np.unique(examples.corpora):
        held_out = examples.corpora == corpus
        yield np.flatnonzero(~held_out), np.flatnonzero(held_out)


@dataclass(frozen=True, slots=True)
class _HeldOut:
    """Scores of held-out clips, each by what a clip is compared with."""

    alone: RawScores
    by_speaker: RawScores
    one_tone: RawScores

    @property
    def every(self) -> tuple[RawScores, RawScores, RawScores]:
        return self.alone, self.by_speaker, self.one_tone


def _held_out(examples: Examples, folds: Folds, seed: int, added: Examples | None) -> _HeldOut:
    """Score each fold by a model of the others; what is ``added`` is learnt from and not scored."""
    n = len(examples.tones)
    tones = len(ACOUSTIC_TONES)
    result = _HeldOut(*(RawScores(np.zeros((n, tones)), np.zeros((n, 2))) for _ in range(3)))
    same_tone = np.char.add(examples.speakers, examples.tones.astype(str))
    for train, test in folds:
        learnt = examples.take(np.asarray(train))
        normaliser, alone, relative = _fit(learnt + added if added else learnt, seed)
        _put(result.alone, test, alone.scores(normaliser.alone(examples.vectors[test])))
        # A clip of another label says nothing of the four tones, and has only to be placed by its dimensions.
        of_four = test[examples.tones[test] >= 0]
        for target, voices in ((result.by_speaker, examples.speakers), (result.one_tone, same_tone)):
            for voice in np.unique(voices[of_four]):
                rows = of_four[voices[of_four] == voice]
                utterances = [Utterance(examples.vectors[[row]], np.ones(1)) for row in rows]
                _put(target, rows, score_voice(utterances, normaliser, alone, relative))
    return result


def _put(target: RawScores, rows: NDArray[np.int64], scores: RawScores) -> None:
    target.logits[rows], target.dimensions[rows] = scores.logits, scores.dimensions


def _temperatures(held_out: _HeldOut, examples: Examples) -> tuple[float, float]:
    """For clips alone, and for clips relative to their voice; every corpus counts the same, and every tone in it."""
    rows = np.flatnonzero(examples.tones >= 0)
    corpora, tones, voices = examples.corpora[rows], examples.tones[rows], examples.speakers[rows]
    cells = np.char.add(corpora, tones.astype(str))
    _, cell_of, sizes = np.unique(cells, return_inverse=True, return_counts=True)

    def of(*views: RawScores) -> float:
        return fit_temperature([view.logits[rows] for view in views], tones, voices, 1 / sizes[cell_of])

    return of(held_out.alone), of(held_out.by_speaker, held_out.one_tone)


def _figures(held_out: _HeldOut, examples: Examples, temperatures: tuple[float, float]) -> tuple[HeldOutFigures, ...]:
    alone, relative = temperatures
    pairs = zip((alone, relative, relative), held_out.every, strict=True)
    every = [probabilities_of(view.logits, temperature) for temperature, view in pairs]

    def of(corpus: str) -> HeldOutFigures:
        inside = examples.corpora == corpus
        rows = inside & (examples.tones >= 0)
        truth = examples.tones[rows]
        uars = (metrics.unweighted_average_recall(truth, p[rows].argmax(axis=1), len(ACOUSTIC_TONES)) for p in every)
        errors = (metrics.expected_calibration_error(truth, p[rows]) for p in every)
        orders = (
            metrics.rank_correlation(examples.dimensions[inside, axis], held_out.alone.dimensions[inside, axis])
            for axis in range(2)
        )
        figures = (round(float(figure), 4) for figure in (*uars, *errors, *orders))
        return HeldOutFigures(corpus, int(rows.sum()), *figures)

    return tuple(of(str(corpus)) for corpus in np.unique(examples.corpora))
