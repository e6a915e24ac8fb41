"""Who speaks: the diarizers, and whose words they are (``assign``)."""

from pathlib import Path
from typing import Final

from emotion_pipeline.engine.diarize.base import Diarizer
from emotion_pipeline.engine.models.registry import BackendSpec, Registry
from emotion_pipeline.engine.models.weights import FolderWeights, Weights


def _sherpa(
    segmentation_model: Path,
    embedding_model: Path,
    speakers: int | None = None,
    threshold: float = 0.5,
    threads: int = 1,
) -> Diarizer:
    from emotion_pipeline.engine.diarize.sherpa import SherpaDiarizer

    return SherpaDiarizer(segmentation_model, embedding_model, speakers, threshold, threads)


def _voices(speakers: int | None = None) -> Diarizer:
    from emotion_pipeline.engine.diarize.voices import VoicesDiarizer

    return VoicesDiarizer(speakers)


def _voices_weights(_options: object) -> Weights:
    from emotion_pipeline.engine.diarize.voice_encoder import SHIPPED, check_voices

    return FolderWeights(SHIPPED, check_voices)


DIARIZERS: Final = Registry[Diarizer](
    "diarization",
    [
        BackendSpec(
            "voices",
            "a speaker encoder and groups of voices; comes with the package",
            _voices,
            requires=("torch",),
            carried_by="emotion-pipeline",
            weights=_voices_weights,
        ),
        BackendSpec(
            "sherpa-onnx",
            "pyannote segmentation and a speaker embedding as ONNX files that need no account: CPU, one download",
            _sherpa,
            requires=("sherpa_onnx",),
            extra="diarization",
        ),
    ],
)
