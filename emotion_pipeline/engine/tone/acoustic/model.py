"""The acoustic tone model that ships with the package: functionals, relative to the voice, judged by a committee.

Runs on numpy and scipy alone, far faster than real time on one core. It is trained by ``training``; the weights beside
this module come from the command in their card.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.errors import ArtefactError
from emotion_pipeline.engine.common.types import Channel, ToneScore
from emotion_pipeline.engine.models.artefact import WEIGHTS, Artefact, read_artefact, read_card, write_artefact
from emotion_pipeline.engine.models.weights import check_outputs
from emotion_pipeline.engine.tone.acoustic.committee import Committee
from emotion_pipeline.engine.tone.acoustic.features import feature_names, functionals
from emotion_pipeline.engine.tone.acoustic.normalise import Normaliser
from emotion_pipeline.engine.tone.built_in_clip import excited_clip, subdued_clip
from emotion_pipeline.engine.tone.calibration import Calibration, Judgement
from emotion_pipeline.engine.tone.labels import ACOUSTIC_TONES
from emotion_pipeline.engine.tone.windows import windows

BACKEND: Final = "acoustic"
SHIPPED: Final = Path(__file__).parent / "weights"

# Where no frame is speech nothing is known; the slight lean keeps ties from falling to the first label, angry.
_NOTHING_HEARD: Final = {tone: 0.28 if tone == "neutral" else 0.24 for tone in ACOUSTIC_TONES}

_POPULATION: Final = ("mean", "within", "between")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weights:
    """Everything that training finds."""

    # Mel filterbank, see ``descriptors.mel_filters``.
    filters: NDArray[np.float32]
    normaliser: Normaliser
    committee: Committee
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class Utterance:
    """What is measured of one utterance: for each window in which there is speech a vector and the speech's seconds."""

    # Shape ``(n_windows, n_features)``; no rows where nothing is heard.
    vectors: NDArray[np.float32]
    # Shape ``(n_windows,)``.
    seconds: Floats

    @property
    def vector(self) -> NDArray[np.float32]:
        """The mean of the windows by their speech, shape ``(n_features,)``."""
        return np.average(self.vectors, axis=0, weights=self.seconds).astype(np.float32)


def measure(samples: Channel, filters: NDArray[np.float32]) -> Utterance:
    """Functionals of every window of an utterance that holds speech."""
    measured = [functionals(window, filters) for window in windows(samples)]
    heard = [(vector, seconds) for vector, seconds in measured if seconds > 0]
    vectors = np.array([vector for vector, _ in heard], dtype=np.float32).reshape(len(heard), len(feature_names()))
    return Utterance(vectors, np.array([seconds for _, seconds in heard]))


class AcousticToneModel:
    """See ``model.ToneModel`` for what it does; knows the four tones of ``labels.ACOUSTIC_TONES``."""

    def __init__(self, weights: Weights, fingerprint: str) -> None:
        self._weights = weights
        self._fingerprint = fingerprint

    @classmethod
    def load(cls, folder: Path | None = None, sha256: str | None = None) -> "AcousticToneModel":
        """The model in ``folder``, or the shipped one; with ``sha256`` only where its weights have that hash.

        Raises ``ArtefactError`` for weights that are missing, damaged, of another version or of another hash.
        """
        artefact = read_artefact(folder or SHIPPED, BACKEND)
        actual = artefact.card["sha256"][WEIGHTS]
        if sha256 is not None and actual != sha256.strip().lower():
            raise ArtefactError(
                f"{artefact.folder / WEIGHTS} has the SHA-256 {actual}, not {sha256}: name another folder, or correct "
                f"the expected value."
            )
        if tuple(artefact.terms.get("features", ())) != feature_names():
            raise ArtefactError(
                f"The tone model in {artefact.folder} was trained on other features than this version of the package "
                "measures: train it again with `emotion-clf train tone`, or install the version that made it."
            )
        return cls(_weights(artefact), artefact.fingerprint)

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def labels(self) -> tuple[str, ...]:
        return ACOUSTIC_TONES

    def score(self, utterances: Iterable[Channel], groups: Sequence[str] | None = None) -> list[ToneScore]:
        measured = [measure(samples, self._weights.filters) for samples in utterances]
        names = list(groups) if groups is not None else [str(i) for i in range(len(measured))]
        if len(names) != len(measured):
            raise ValueError(f"{len(measured)} utterances came with {len(names)} groups: give one group for each")
        members: dict[str, list[int]] = {}
        for i, name in enumerate(names):
            members.setdefault(name, []).append(i)
        scores: dict[int, ToneScore] = {}
        for rows in members.values():
            probabilities = self.probabilities([measured[i] for i in rows])
            scores |= {i: _score(row) for i, row in zip(rows, probabilities, strict=True)}
        return [scores[i] for i in range(len(measured))]

    def probabilities(self, voice: Sequence[Utterance]) -> Floats:
        """Calibrated probabilities of one voice's utterances, shape ``(n, 4)``; NaN where nothing is heard."""
        return self._weights.calibration.apply(judge(voice, self._weights.normaliser, self._weights.committee))


def check_acoustic(folder: Path, sha256: str | None = None) -> dict[str, Any]:
    """Load the model in ``folder`` and score two clips with it; return what is known of it.

    Raises ``ArtefactError`` as ``AcousticToneModel.load``, and where the output is flat or the same for both.
    """
    model = AcousticToneModel.load(folder, sha256)
    scores = model.score([excited_clip(), subdued_clip()])
    outputs = np.array([list(score.probabilities.values()) for score in scores])
    spread, difference = check_outputs(folder, outputs, "probabilities", "Train it again.")
    return {
        "fingerprint": model.fingerprint,
        "labels": model.labels,
        "sha256": read_card(folder)["sha256"][WEIGHTS],
        "spread": spread,
        "difference": difference,
    }


def judge(voice: Sequence[Utterance], normaliser: Normaliser, committee: Committee) -> Judgement:
    """What ``committee`` makes of one voice's utterances; their windows are pooled by the seconds of speech in each."""
    result = Judgement(np.full((len(voice), len(ACOUSTIC_TONES)), np.nan), np.full(len(voice), np.nan))
    heard = [i for i, utterance in enumerate(voice) if len(utterance.vectors)]
    if not heard:
        return result
    known = np.stack([voice[i].vector for i in heard])
    for i in heard:
        relative, seconds = normaliser.apply(voice[i].vectors, known), voice[i].seconds
        result.log_probabilities[i] = np.average(committee.log_probabilities(relative), axis=0, weights=seconds)
        result.novelty[i] = np.average(committee.novelty(relative), weights=seconds)
    return result


def save(weights: Weights, card: Mapping[str, Any], folder: Path) -> None:
    """Write the artefact into ``folder``; ``card`` holds name, version and whatever should be known of the model."""
    normaliser = {f"normaliser.{name}": getattr(weights.normaliser, name).astype(np.float32) for name in _POPULATION}
    tensors = {
        "filters": weights.filters,
        "calibration": np.array([weights.calibration.base, weights.calibration.slope], dtype=np.float32),
        **normaliser,
        **{f"committee.{name}": array for name, array in weights.committee.tensors().items()},
    }
    depths = [member.depth for member in weights.committee.members]
    terms = {"labels": ACOUSTIC_TONES, "features": feature_names()}
    write_artefact(folder, {**card, "backend": BACKEND, "depths": depths}, tensors, terms)


def _weights(artefact: Artefact) -> Weights:
    prefix = "committee."
    own = {name.removeprefix(prefix): artefact.tensor(name) for name in artefact.tensors if name.startswith(prefix)}
    parts = (artefact.tensor(f"normaliser.{name}").astype(np.float64) for name in _POPULATION)
    try:
        committee = Committee.from_tensors(own, artefact.card["depths"])
    except KeyError as error:
        raise ArtefactError(f"The tone model in {artefact.folder} lacks {error}: make it again.") from error
    base, slope = artefact.tensor("calibration").tolist()
    return Weights(artefact.tensor("filters"), Normaliser(*parts), committee, Calibration(base, slope))


def _score(probabilities: Floats) -> ToneScore:
    if np.isnan(probabilities).any():
        return ToneScore(_NOTHING_HEARD)
    return ToneScore({tone: float(value) for tone, value in zip(ACOUSTIC_TONES, probabilities, strict=True)})
