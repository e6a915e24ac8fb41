"""The acoustic tone model that ships with the package: Whisper's lower layers and functionals, compared with examples.

Runs far faster than real time. It is trained by ``training``; the weights beside this module come from the
command in their card, those of the encoder from a package.
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
from emotion_pipeline.engine.tone.acoustic.measure import Utterance, encoder_identity, measure_all, vector_names
from emotion_pipeline.engine.tone.acoustic.normalise import Normaliser
from emotion_pipeline.engine.tone.built_in_clip import excited_clip, subdued_clip
from emotion_pipeline.engine.tone.calibration import RawScores, probabilities_of
from emotion_pipeline.engine.tone.labels import ACOUSTIC_TONES

BACKEND: Final = "acoustic"
SHIPPED: Final = Path(__file__).parent / "weights"

# Where no frame is speech nothing is known; the slight lean keeps ties from falling to the first label, angry.
# Of probabilities: how libraries share work between cores moves the digits behind them.
_DIGITS: Final = 9
_NOTHING_HEARD: Final = {tone: 0.28 if tone == "neutral" else 0.24 for tone in ACOUSTIC_TONES}

# Of the score of an utterance whose voice is known, how much comes from the committee that knows no voice. It costs
# nothing where the tones of a voice vary, and helps where they do not: there a voice's own mean hides its tone.
_SHARE_ALONE: Final = 0.3

_POPULATION: Final = ("mean", "within", "between")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weights:
    """Everything that training finds."""

    # Mel filterbank, see ``descriptors.mel_filters``.
    filters: NDArray[np.float32]
    normaliser: Normaliser
    # For utterances that are all that is known of their voice.
    alone: Committee
    temperature_alone: float
    # For utterances relative to their voice.
    relative: Committee
    temperature_relative: float


class AcousticToneModel:
    """See ``base.ToneModel`` for what it does; knows the four tones of ``labels.ACOUSTIC_TONES``."""

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
        terms = tuple(artefact.terms.get("features", ())), tuple(artefact.terms.get("encoder", ()))
        if terms != (vector_names(), (encoder_identity(),)):
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
        measured = measure_all(utterances, self._weights.filters)
        names = list(groups) if groups is not None else [str(i) for i in range(len(measured))]
        if len(names) != len(measured):
            raise ValueError(f"{len(measured)} utterances came with {len(names)} groups: give one group for each")
        members: dict[str, list[int]] = {}
        for i, name in enumerate(names):
            members.setdefault(name, []).append(i)
        scores: dict[int, ToneScore] = {}
        for rows in members.values():
            scores |= dict(zip(rows, self._scores([measured[i] for i in rows]), strict=True))
        return [scores[i] for i in range(len(measured))]

    def _scores(self, voice: Sequence[Utterance]) -> list[ToneScore]:
        """Return the scores of one voice's utterances."""
        weights = self._weights
        raw = score_voice(voice, weights.normaliser, weights.alone, weights.relative)
        is_alone = sum(len(utterance.vectors) > 0 for utterance in voice) < 2
        temperature = weights.temperature_alone if is_alone else weights.temperature_relative
        probabilities = probabilities_of(raw.logits, temperature)
        return [_score(*row) for row in zip(probabilities, raw.dimensions, strict=True)]


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


def score_voice(voice: Sequence[Utterance], normaliser: Normaliser, alone: Committee, relative: Committee) -> RawScores:
    """Scores of one voice's utterances; an utterance's windows are pooled by the seconds of speech in each."""
    tones = len(ACOUSTIC_TONES)
    logits, dimensions = (np.full((len(voice), width), np.nan) for width in (tones, 2))
    result = RawScores(logits, dimensions)
    voiced = [i for i, utterance in enumerate(voice) if len(utterance.vectors)]
    if not voiced:
        return result
    vectors = np.concatenate([voice[i].vectors for i in voiced])
    scores = alone.scores(normaliser.alone(vectors))
    if len(voiced) > 1:
        utterances = np.stack([voice[i].vector for i in voiced])
        scores = _mixed(scores, relative.scores(normaliser.apply(vectors, utterances)))
    start = 0
    for i in voiced:
        windows, seconds = slice(start, start + len(voice[i].vectors)), voice[i].seconds
        result.logits[i] = np.average(scores.logits[windows], axis=0, weights=seconds)
        result.dimensions[i] = np.average(scores.dimensions[windows], axis=0, weights=seconds)
        start = windows.stop
    return result


def _mixed(alone: RawScores, relative: RawScores) -> RawScores:
    def mixed(mine: Floats, theirs: Floats) -> Floats:
        return _SHARE_ALONE * mine + (1 - _SHARE_ALONE) * theirs

    return RawScores(mixed(alone.logits, relative.logits), mixed(alone.dimensions, relative.dimensions))


def save(weights: Weights, card: Mapping[str, Any], folder: Path) -> None:
    """Write the artefact into ``folder``; ``card`` holds name, version and whatever should be known of the model."""
    committees = {"alone": weights.alone, "relative": weights.relative}
    tensors = {
        "filters": weights.filters,
        "temperatures": np.array([weights.temperature_alone, weights.temperature_relative], dtype=np.float32),
        **{f"normaliser.{name}": getattr(weights.normaliser, name).astype(np.float32) for name in _POPULATION},
        **{f"{name}.{key}": array for name, part in committees.items() for key, array in part.tensors().items()},
    }
    described = {name: committee.description() for name, committee in committees.items()}
    terms = {"labels": ACOUSTIC_TONES, "features": vector_names(), "encoder": (encoder_identity(),)}
    write_artefact(folder, {**card, "backend": BACKEND, "machines": described}, tensors, terms)


def _weights(artefact: Artefact) -> Weights:
    parts = (artefact.tensor(f"normaliser.{name}").astype(np.float64) for name in _POPULATION)
    try:
        alone, relative = (_committee(artefact, name) for name in ("alone", "relative"))
    except KeyError as error:
        raise ArtefactError(f"The tone model in {artefact.folder} lacks {error}: make it again.") from error
    of_alone, of_relative = artefact.tensor("temperatures").tolist()
    return Weights(artefact.tensor("filters"), Normaliser(*parts), alone, of_alone, relative, of_relative)


def _committee(artefact: Artefact, name: str) -> Committee:
    prefix = f"{name}."
    tensors = {key.removeprefix(prefix): artefact.tensor(key) for key in artefact.tensors if key.startswith(prefix)}
    return Committee.from_tensors(tensors, artefact.card["machines"][name])


def _score(probabilities: Floats, dimensions: Floats) -> ToneScore:
    if np.isnan(probabilities).any():
        return ToneScore(_NOTHING_HEARD)
    valence, arousal = dimensions.round(_DIGITS).tolist()
    return ToneScore(dict(zip(ACOUSTIC_TONES, probabilities.round(_DIGITS).tolist(), strict=True)), valence, arousal)
