"""What settings mean to the engine: the one place that turns the former into the latter's arguments.

Reading settings is ``settings``' work; the engine itself never sees them.
"""

from dataclasses import replace
from ipaddress import ip_network
from typing import TYPE_CHECKING

from emotion_pipeline.config.settings import Settings, Sources
from emotion_pipeline.config.snowflake_connection import connector
from emotion_pipeline.engine.backends import BackendChoice, DiarizerChoice
from emotion_pipeline.engine.sentiment.registry import SentimentOptions
from emotion_pipeline.engine.sources.base import FetchLimits
from emotion_pipeline.engine.tone.base import ToneOptions
from emotion_pipeline.engine.transcribe.registry import TranscriberOptions

if TYPE_CHECKING:
    pass


def backend_choice(settings: Settings) -> BackendChoice:
    """Return which back ends these settings ask for, keys of services included."""
    redaction = settings.redaction
    return BackendChoice(
        transcriber=settings.transcription.method,
        transcriber_options=_transcriber_options(settings),
        diarizer=_diarizer(settings),
        redacts=redaction.enabled,
        redacted_kinds=redaction.kinds,
        names_model=redaction.names_model,
        silences_audio=redaction.silence_audio,
        tone=settings.tone.backend,
        tone_options=_tone_options(settings),
        sentiment=settings.sentiment.backend,
        sentiment_options=_sentiment_options(settings),
        confidence_threshold=settings.classification.confidence_threshold,
    )


def fetch_limits(sources: Sources) -> FetchLimits:
    """Return what fetching one recording may cost."""
    return replace(
        FetchLimits(),
        max_bytes=sources.max_bytes,
        max_seconds=sources.max_seconds,
        timeout_s=sources.timeout,
        attempts=sources.attempts,
        allowed_networks=tuple(ip_network(str(network)) for network in sources.allowed_networks),
    )


def _transcriber_options(settings: Settings) -> TranscriberOptions:
    transcription, key = settings.transcription, settings.assemblyai_api_key
    return TranscriberOptions(
        model=transcription.model,
        language=transcription.language,
        timeout_s=transcription.timeout,
        workers=transcription.workers,
        device=settings.compute.device,
        precision=settings.compute.precision,
        download_root=transcription.download_root,
        api_key=key.get_secret_value() if key else None,
        base_url=transcription.base_url,
        connect=connector(settings.snowflake),
        stage_schema=transcription.stage_schema,
        times=transcription.times,
    )


def _sentiment_options(settings: Settings) -> SentimentOptions:
    return SentimentOptions(
        connect=connector(settings.snowflake),
        cache_schema=settings.sentiment.cache_schema,
        max_tokens=settings.sentiment.max_tokens or None,
    )


def _tone_options(settings: Settings) -> ToneOptions:
    tone, compute = settings.tone, settings.compute
    return ToneOptions(
        model=tone.model,
        revision=tone.revision,
        sha256=tone.sha256,
        cache=tone.download_root,
        device=compute.device,
        precision=compute.precision,
    )


def _diarizer(settings: Settings) -> DiarizerChoice | None:
    chosen = settings.diarization
    if chosen.method is None:
        return None
    return DiarizerChoice(chosen.method, chosen.segmentation_model, chosen.embedding_model, chosen.speakers)
