"""Making of the weights by which voices are told apart: a published speaker encoder and a projection fitted here.

The encoder is taken as it is. The projection is linear discriminant analysis over clips of people who act emotions, as
they are and once more over a telephone, under noise or through an equaliser: what changes within a person counts as
noise. Figures are of every third speaker, whom the projection that they are measured with never heard.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.signal import lfilter

from emotion_pipeline.engine.common.errors import TrainingDataError
from emotion_pipeline.engine.common.hashing import hash_file
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel, Span
from emotion_pipeline.engine.diarize.voice_encoder import BACKEND, SpeakerNetwork, load_voice_encoder, raw_vectors
from emotion_pipeline.engine.diarize.voices import WINDOW_S
from emotion_pipeline.engine.models.artefact import check_writable, fingerprint_of, read_card, write_artefact
from emotion_pipeline.engine.tone.acoustic.measure import speech_of
from emotion_pipeline.training.tone.channels import over_telephone
from emotion_pipeline.training.tone.corpus import Clip, read_clip, read_manifest

NAME: Final = "ge2e-discriminant"
VERSION: Final = "1"
# Of the file ``resemblyzer/pretrained.pt`` in the package Resemblyzer 0.1.4 (Apache-2.0).
SOURCE_SHA256: Final = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"
DIMENSIONS: Final = 32
CLIPS_A_SPEAKER: Final = 40
HELD_OUT: Final = 3
# Share of the mean variance within a person that is added in every direction, so that none is trusted for nothing.
_SHRINKAGE: Final = 0.1
_NOISE_DB: Final = (8.0, 25.0)
_TILT: Final = 0.6
_HOP_S: Final = 0.8
_COMMAND: Final = "emotion-clf train voices --source resemblyzer/pretrained.pt {manifests} --output weights"

Vectors = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class VoicesTrainingReport:
    """What was learnt from whom, and the equal error rate on speakers held out: of telling two of them apart."""

    fingerprint: str
    speakers: int
    clips: int
    # One clip against another, with the projection and without it (the encoder's own vectors and the cosine).
    equal_error_rate: float
    equal_error_rate_alone: float
    # Four clips of mixed emotions against four others.
    equal_error_rate_of_four: float
    equal_error_rate_of_four_alone: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Clips:
    """The mean vector of each clip, with who speaks and from which corpus it is."""

    vectors: Vectors
    speakers: NDArray[np.str_]
    corpora: NDArray[np.str_]

    def of(self, chosen: NDArray[np.bool_]) -> "_Clips":
        return _Clips(self.vectors[chosen], self.speakers[chosen], self.corpora[chosen])


@dataclass(frozen=True, slots=True)
class _Projection:
    mean: Vectors
    matrix: Vectors
    # Between people, where that within a person is 1.
    variances: Vectors


def train_voices(source: Path, manifests: Sequence[Path], output: Path, seed: int = 0) -> VoicesTrainingReport:
    """Write encoder and projection as an artefact; the same files and seed give the same one on the same machine.

    :param source: ``resemblyzer/pretrained.pt``
    :param manifests: of corpora, see ``tone.corpus``; each needs at least three speakers with several clips
    :raises TrainingDataError: the source is another file, or data do not fit, naming file and row
    :raises ArtefactError: ``output`` is a folder of something else
    """
    check_writable(output)
    network = _network(source)
    clips = _clips(network, manifests, np.random.default_rng(seed))
    names = np.unique(clips.speakers)
    is_held = np.isin(clips.speakers, [name for corpus in _by_corpus(clips) for name in corpus[::HELD_OUT]])
    measured = {}
    if is_held.all():
        raise TrainingDataError("the corpora have too few speakers to hold some out; give one with at least three")
    for label, projection in (("", _fit(clips.of(~is_held))), ("_alone", None)):
        heard = _compared(clips.of(is_held), projection)
        measured[f"equal_error_rate{label}"] = _equal_error_rate(heard, 1, seed)
        measured[f"equal_error_rate_of_four{label}"] = _equal_error_rate(heard, 4, seed)
    figures = {"speakers": len(names), "clips": len(clips.vectors) // 2, **measured}
    final = _fit(clips)
    tensors = {f"network.{name}": value.numpy().astype(np.float16) for name, value in network.state_dict().items()}
    tensors |= {name: np.float32(value) for name, value in (
        ("mean", final.mean), ("projection", final.matrix), ("variances", final.variances))}  # fmt: skip
    made_with = _COMMAND.format(manifests=" ".join(f"--manifest {path.parent.name}/manifest.csv" for path in manifests))
    card = {"backend": BACKEND, "name": NAME, "version": VERSION, "made_with": made_with, "metrics": figures,
            "source": {"package": "Resemblyzer==0.1.4", "licence": "Apache-2.0", "sha256": SOURCE_SHA256}}  # fmt: skip
    write_artefact(output, card, tensors, {"corpora": sorted(set(clips.corpora.tolist()))})
    load_voice_encoder(output)
    return VoicesTrainingReport(fingerprint=fingerprint_of(read_card(output)), **figures)


def _network(source: Path) -> SpeakerNetwork:
    """Return the encoder in a file that is known by its hash, as it will be read from the artefact."""
    if not source.is_file() or hash_file(source) != SOURCE_SHA256:
        raise TrainingDataError(
            f"{source} is not resemblyzer/pretrained.pt of Resemblyzer 0.1.4 (SHA-256 {SOURCE_SHA256}); run: "
            f"pip download --no-deps Resemblyzer==0.1.4, and unpack it"
        )
    state = torch.load(source, map_location="cpu", weights_only=True)["model_state"]
    network = SpeakerNetwork()
    network.load_state_dict({name: state[name].half().float() for name in network.state_dict()})
    return network


def _clips(network: SpeakerNetwork, manifests: Sequence[Path], rng: np.random.Generator) -> _Clips:
    vectors, speakers, corpora = [], [], []
    for clip in _chosen(manifests, rng):
        samples = speech_of(read_clip(clip))
        for heard in (samples, _elsewhere(samples, rng)):
            seconds = len(heard) / SAMPLE_RATE
            starts = np.linspace(0, max(0.0, seconds - WINDOW_S), max(1, round((seconds - WINDOW_S) / _HOP_S) + 1))
            windows = [Span(float(start), min(seconds, float(start) + WINDOW_S)) for start in starts]
            vectors.append(raw_vectors(network, heard, windows).mean(axis=0))
            speakers.append(f"{clip.corpus}/{clip.speaker}")
            corpora.append(clip.corpus)
    return _Clips(np.array(vectors, dtype=np.float64), np.array(speakers), np.array(corpora))


def _chosen(manifests: Sequence[Path], rng: np.random.Generator) -> Iterator[Clip]:
    for manifest in manifests:
        by_speaker: dict[str, list[Clip]] = {}
        for clip in read_manifest(manifest, every_label=True):
            by_speaker.setdefault(clip.speaker, []).append(clip)
        for _, clips in sorted(by_speaker.items()):
            yield from (clips[i] for i in rng.permutation(len(clips))[:CLIPS_A_SPEAKER])


def _elsewhere(samples: Channel, rng: np.random.Generator) -> Channel:
    """Return a clip over a telephone, under noise, with both, or with other highs."""
    kind = rng.integers(4)
    if kind in (0, 2):
        samples = over_telephone(samples)
    if kind in (1, 2):
        spectrum = np.fft.rfft(rng.standard_normal(len(samples)))
        noise = np.fft.irfft(spectrum / np.maximum(np.arange(len(spectrum)), 1) ** rng.uniform(0, 0.5), len(samples))
        samples = samples + noise / noise.std() * samples.std() * 10 ** (-rng.uniform(*_NOISE_DB) / 20)
    if kind == 3:
        samples = np.asarray(lfilter([1.0, rng.uniform(-_TILT, _TILT)], [1.0], samples))
    return samples.astype(np.float32)


def _by_corpus(clips: _Clips) -> list[list[str]]:
    return [sorted(set(clips.speakers[clips.corpora == name].tolist())) for name in sorted(set(clips.corpora.tolist()))]


def _fit(clips: _Clips) -> _Projection:
    """Return the directions in which people differ most for what varies within them (Fisher 1936), within a corpus."""
    people, person = np.unique(clips.speakers, return_inverse=True)
    means = np.array([clips.vectors[person == i].mean(axis=0) for i in range(len(people))])
    within = clips.vectors - means[person]
    inside = within.T @ within / (len(within) - len(people))
    inside += _SHRINKAGE * np.trace(inside) / len(inside) * np.eye(len(inside))
    centred = [group - group.mean(axis=0) for names in _by_corpus(clips) for group in [means[np.isin(people, names)]]]
    apart = np.concatenate(centred)
    values, directions = eigh(apart.T @ apart / (len(apart) - len(centred)), inside)
    order = np.argsort(-values)[:DIMENSIONS]
    centre = np.mean([means[np.isin(people, names)].mean(axis=0) for names in _by_corpus(clips)], axis=0)
    return _Projection(centre, directions[:, order], values[order])


def _compared(clips: _Clips, projection: _Projection | None) -> _Clips:
    """Return clips by the projection, or as the encoder's authors compare them: without negative values."""
    if projection is None:
        return _Clips(np.maximum(clips.vectors, 0.0), clips.speakers, clips.corpora)
    return _Clips((clips.vectors - projection.mean) @ projection.matrix, clips.speakers, clips.corpora)


def _equal_error_rate(clips: _Clips, together: int, seed: int) -> float:
    """Return the rate at which as many pairs of one person are refused as pairs of two people are accepted."""
    rng = np.random.default_rng(seed)
    vectors, speakers = [], []
    for name in np.unique(clips.speakers):
        rows = rng.permutation(np.flatnonzero(clips.speakers == name))
        for part in rows[: len(rows) // together * together].reshape(-1, together):
            vectors.append(clips.vectors[part].mean(axis=0))
            speakers.append(name)
    unit = np.array(vectors) / np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = np.triu_indices(len(unit), 1)
    order = np.argsort(-(unit @ unit.T)[pairs])
    same = (np.array(speakers)[pairs[0]] == np.array(speakers)[pairs[1]])[order]
    accepted, refused = np.cumsum(~same) / (~same).sum(), 1 - np.cumsum(same) / same.sum()
    crossing = np.abs(accepted - refused).argmin()
    return round(float(accepted[crossing] + refused[crossing]) / 2, 4)
