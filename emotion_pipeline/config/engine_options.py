"""Turns settings into arguments of the engine, which knows no settings. Reading settings is not done here."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from ipaddress import ip_network
from typing import TYPE_CHECKING

from emotion_pipeline.config.settings import ConfigurationError, Settings, Snowflake, Sources
from emotion_pipeline.engine.backends import BackendChoice, DiarizerChoice
from emotion_pipeline.engine.sentiment.base import SentimentOptions
from emotion_pipeline.engine.snowflake.connection import Login, open_connection
from emotion_pipeline.engine.sources.base import FetchLimits
from emotion_pipeline.engine.tone.base import ToneOptions
from emotion_pipeline.engine.transcribe.registry import TranscriberOptions

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection


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
        emotion_model=settings.emotion.model,
        confidence_threshold=settings.classification.confidence_threshold,
        roles_by_channel=settings.conversation.roles_by_channel,
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


def snowflake_connection(settings: Snowflake) -> "Callable[[], SnowflakeConnection] | None":
    """Return a function that opens a connection, which the caller closes; None where no ``SNOWFLAKE_*`` is set.

    The function raises as ``snowflake_login`` and ``open_connection``. Secrets are in no representation of it.
    """
    return partial(connect_to_snowflake, settings) if settings.arguments() else None


def connect_to_snowflake(settings: Snowflake) -> "SnowflakeConnection":
    """Open a connection, which the caller closes. Raises as ``snowflake_login`` and ``open_connection``."""
    return open_connection(snowflake_login(settings))


def has_login(settings: Snowflake) -> bool:
    """Return whether any way to log in is set."""
    return not {"password", "token", "private_key_file", "authenticator"}.isdisjoint(settings.arguments())


def snowflake_login(settings: Snowflake) -> Login:
    """Return the login for these settings, secrets in the clear.

    Exactly one way to log in must be set: ``SNOWFLAKE_PRIVATE_KEY_FILE`` (with ``…_PWD`` for an encrypted key),
    ``SNOWFLAKE_PASSWORD``, ``SNOWFLAKE_TOKEN`` (OAuth by default), or ``SNOWFLAKE_AUTHENTICATOR=externalbrowser``.

    :raises ConfigurationError: account or user is missing, no way to log in is set, or two are
    """
    arguments = settings.arguments()
    secrets = [name for name in ("private_key_file", "password", "token") if name in arguments]
    required = ("account",) if secrets == ["token"] else ("account", "user")
    missing = [_variable(name) for name in required if name not in arguments]
    if missing:
        raise ConfigurationError(f"Snowflake needs {' and '.join(missing)}")
    if len(secrets) > 1:
        variables = " and ".join(_variable(name) for name in secrets)
        raise ConfigurationError(f"{variables} are set, which are two ways to log in; unset one")
    if not secrets and "authenticator" not in arguments:
        raise ConfigurationError(
            "Snowflake has no way to log in; set SNOWFLAKE_PRIVATE_KEY_FILE, SNOWFLAKE_PASSWORD, SNOWFLAKE_TOKEN or "
            "SNOWFLAKE_AUTHENTICATOR=externalbrowser"
        )
    default = {"authenticator": "oauth"} if "token" in arguments else {}
    return Login(**{**default, **arguments})


def _variable(name: str) -> str:
    return f"SNOWFLAKE_{name.upper()}"


def _transcriber_options(settings: Settings) -> TranscriberOptions:
    transcription, key = settings.transcription, settings.assemblyai_api_key
    return TranscriberOptions(
        model=transcription.model,
        language=transcription.language,
        timeout_s=transcription.timeout,
        threads=transcription.threads,
        device=settings.compute.device,
        precision=settings.compute.precision,
        download_root=transcription.download_root,
        api_key=key.get_secret_value() if key else None,
        base_url=transcription.base_url,
        connect=snowflake_connection(settings.snowflake),
        stage_schema=transcription.stage_schema,
        times=transcription.times,
    )


def _sentiment_options(settings: Settings) -> SentimentOptions:
    return SentimentOptions(
        connect=snowflake_connection(settings.snowflake),
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
    if chosen.method == "none":
        return None
    if chosen.method == "voices":
        return DiarizerChoice(chosen.method, speakers=chosen.speakers)
    return DiarizerChoice(chosen.method, chosen.segmentation_model, chosen.embedding_model, chosen.speakers)
