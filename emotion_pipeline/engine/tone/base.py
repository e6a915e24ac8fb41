"""What a tone model is, how one is had by name, and how its scores of parts become that of a whole.

Each back end is a module of its own, loaded only when asked for.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.types import Channel, ToneScore
from emotion_pipeline.engine.models.artefact import CARD
from emotion_pipeline.engine.models.registry import BackendSpec, Registry
from emotion_pipeline.engine.models.weights import FolderWeights, Weights

# A probability counts as at least this much where its logarithm is taken.
SMALLEST: Final = 1e-9


class ToneModel(Protocol):
    """Anything that hears how utterances sound."""

    @property
    def fingerprint(self) -> str:
        """``backend:name:version:hash12`` of the weights."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """The tones that it knows, a subset of ``labels.TONES``."""
        ...

    def score(self, utterances: Iterable[Channel], groups: Sequence[str] | None = None) -> list[ToneScore]:
        """One score an utterance, in order; utterances may have any length, also none.

        utterances: each ``float32``, shape ``(n_samples,)``, 16 kHz mono; taken one at a time, so that they may be cut
            out of a stream.
        groups: for each utterance the voice that speaks (recording and speaker); what is known of a voice from its
            other utterances helps to judge it. None: each utterance stands alone. No result depends on another group.
        """
        ...


@dataclass(frozen=True, slots=True)
class ToneOptions:
    """What tone models may be told; each takes what concerns it."""

    # Which weights: a folder, for wav2vec2 also ``owner/name`` on a hub; None is the back end's own choice.
    model: str | None = None
    # Branch, tag or commit of a hub; None is its main branch.
    revision: str | None = None
    # What the file of the weights must hash to; None takes any.
    sha256: str | None = None
    # Where what comes from a hub is kept; None is where all packages of Hugging Face keep it.
    cache: Path | None = None
    device: str = "auto"
    # Where a back end has a choice.
    precision: str = "auto"


def load_tone_model(name: str = "acoustic", options: ToneOptions | None = None) -> ToneModel:
    """The tone model called ``name``.

    Raises ``UnknownBackendError`` for a name that no back end has, ``BackendUnavailableError`` for weights that are not
    here and cannot be fetched, ``ArtefactError`` for weights that are damaged or not the ones that are wanted.
    """
    return TONE_MODELS.load(name, options=options or ToneOptions())


def tone_weights(source: str, revision: str | None = None, sha256: str | None = None) -> Weights:
    """The weights at ``source``: a folder that ``emotion-clf train tone`` wrote, else a wav2vec2 checkpoint."""
    is_artefact = (Path(source).expanduser() / CARD).is_file()
    options = ToneOptions(source, revision, sha256)
    return _acoustic_weights(options) if is_artefact else _wav2vec2_weights(options)


def pool_scores(scores: Sequence[ToneScore], weights: Sequence[float]) -> ToneScore:
    """The score of a whole: its parts' mean log-probabilities by ``weights`` (not negative), made to sum to 1.

    Where all weights are 0, the parts count the same. Raises ``ValueError`` for no parts, for a count of weights that
    is not that of the parts, and for parts that do not know the same tones.
    """
    tones = {frozenset(score.probabilities) for score in scores}
    if len(tones) != 1 or len(scores) != len(weights):
        raise ValueError(f"cannot pool {len(scores)} scores by {len(weights)} weights over {len(tones)} sets of tones")
    shares = weights if sum(weights) > 0 else [1.0] * len(scores)
    raised = {
        tone: _geometric_mean([s.probabilities[tone] for s in scores], shares) for tone in scores[0].probabilities
    }
    return ToneScore({tone: value / sum(raised.values()) for tone, value in raised.items()})


def _geometric_mean(values: Sequence[float], weights: Sequence[float]) -> float:
    logarithms = (weight * math.log(max(value, SMALLEST)) for value, weight in zip(values, weights, strict=True))
    return math.exp(sum(logarithms) / sum(weights))


def _acoustic(options: ToneOptions) -> ToneModel:
    from emotion_pipeline.engine.tone.acoustic.model import AcousticToneModel

    if options.revision is not None:
        raise BackendUnavailableError(
            f"the tone back end 'acoustic' reads a folder, which has no revision {options.revision!r}: unset "
            f"tone.revision, or choose tone.backend wav2vec2"
        )
    return AcousticToneModel.load(Path(options.model).expanduser() if options.model else None, options.sha256)


def _wav2vec2(options: ToneOptions) -> ToneModel:
    from emotion_pipeline.engine.tone.wav2vec2.model import load_wav2vec2

    return load_wav2vec2(
        options.model,
        revision=options.revision,
        sha256=options.sha256,
        device=options.device,
        precision=options.precision,
        cache=options.cache,
    )


def _acoustic_weights(options: ToneOptions) -> Weights:
    from emotion_pipeline.engine.tone.acoustic.model import SHIPPED, check_acoustic

    folder = Path(options.model).expanduser() if options.model else SHIPPED
    return FolderWeights(folder, lambda wanted: check_acoustic(wanted, options.sha256))


def _wav2vec2_weights(options: ToneOptions) -> Weights:
    from emotion_pipeline.engine.tone.wav2vec2.weights import CheckpointWeights

    return CheckpointWeights(options.model, options.revision, options.sha256, options.cache)


TONE_MODELS: Final = Registry[ToneModel](
    "tone",
    [
        BackendSpec(
            "acoustic",
            "functionals and kernel machines, shipped with the package",
            _acoustic,
            carried_by="emotion-pipeline",
            weights=_acoustic_weights,
        ),
        BackendSpec(
            "wav2vec2",
            "eight tones from a wav2vec2 checkpoint: a GPU or patience, one download",
            _wav2vec2,
            requires=("torch", "transformers", "huggingface_hub", "safetensors"),
            weights=_wav2vec2_weights,
        ),
    ],
)
