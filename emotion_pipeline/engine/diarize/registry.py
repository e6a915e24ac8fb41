"""Who speaks: the diarizers, and whose words they are (``assign``)."""

from pathlib import Path
from typing import Final

from emotion_pipeline.engine.diarize.base import Diarizer
from emotion_pipeline.engine.models.registry import BackendSpec, Registry


def _sherpa(
    segmentation_model: Path,
    embedding_model: Path,
    speakers: int | None = None,
    threshold: float = 0.5,
    threads: int = 1,
) -> Diarizer:
    from emotion_pipeline.engine.diarize.sherpa import SherpaDiarizer

    return SherpaDiarizer(segmentation_model, embedding_model, speakers, threshold, threads)


DIARIZERS: Final = Registry[Diarizer](
    "diarization",
    [
        BackendSpec(
            "sherpa-onnx",
            "pyannote segmentation and a speaker embedding as ONNX files that need no account: CPU, one download",
            _sherpa,
            requires=("sherpa_onnx",),
            extra="diarization",
        )
    ],
)
