"""Speech to words: the transcribers, and what is the same for all of them (``recording``, ``evaluation``)."""

from typing import Final

from emotion_pipeline.engine.registry import BackendSpec, Registry
from emotion_pipeline.engine.transcribe.base import Transcriber


def _pocketsphinx(workers: int | None = None) -> Transcriber:
    from emotion_pipeline.engine.transcribe.pocketsphinx import PocketsphinxTranscriber

    return PocketsphinxTranscriber(workers)


TRANSCRIBERS: Final = Registry[Transcriber](
    "transcription",
    [
        BackendSpec(
            "pocketsphinx",
            "CMU PocketSphinx with the US English model that its wheel carries: CPU, no download",
            _pocketsphinx,
            requires=("pocketsphinx",),
        )
    ],
)
