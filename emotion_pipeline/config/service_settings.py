"""Settings of the REST service: the section ``api`` and the secrets beside it.

``settings`` reads them with all others; what they mean to the service is decided in ``emotion_pipeline.api``.
"""

import base64
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

# Of the token secret: as long as the output of SHA-256 (RFC 7518, section 3.2).
SHORTEST_SECRET_BYTES: Final = 32
# The form of webhook secrets, as the Standard Webhooks specification sets it.
WEBHOOK_SECRET_PREFIX: Final = "whsec_"
WEBHOOK_KEY_BYTES: Final = range(24, 65)

SECRET_VARIABLES: Final = frozenset(
    {"EMOTION_JWT_SECRET", "EMOTION_WEBHOOK_SECRET", "EMOTION_DATABASE_URL", "EMOTION_REDIS_URL"}
)

_Count = Annotated[int, Field(ge=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tokens(_Section):
    """Which JSON Web Tokens are believed. ``algorithm``: HS256 with ``EMOTION_JWT_SECRET``, or RS256 with
    ``public_key`` (a PEM file) or ``jwks_url``. ``leeway_seconds``: how far clocks may differ.
    """

    algorithm: Literal["HS256", "RS256"] = "HS256"
    public_key: Path | None = None
    jwks_url: str | None = None
    issuer: str = "emotion-pipeline"
    audience: str = "emotion-pipeline-api"
    leeway_seconds: float = Field(default=10.0, ge=0.0, le=300.0)

    @model_validator(mode="after")
    def _asymmetric_needs_one_key(self) -> Self:
        if (self.algorithm == "RS256") != (bool(self.public_key) != bool(self.jwks_url)):
            raise ValueError("RS256 needs exactly one of public_key and jwks_url, HS256 neither")
        return self


class Limits(_Section):
    """What one client may ask for, and all together.

    ``requests_per_minute``, ``audio_seconds_per_hour``: of each subject, bursts as large.
    ``url_audio_seconds``: what an address counts as, since its length is not known yet.
    ``address_requests_per_minute``: of each client address; 0 for none, as behind a proxy that all clients share.
    ``body_bytes``, ``texts``, ``text_characters``: of one text request.
    ``in_flight``: requests in work at once. ``queued_texts``: that wait for the model.
    """

    requests_per_minute: _Count = 600
    address_requests_per_minute: Annotated[int, Field(ge=0)] = 1_200
    audio_seconds_per_hour: _Count = 36_000
    url_audio_seconds: _Count = 60
    body_bytes: _Count = 1_000_000
    texts: _Count = 256
    text_characters: _Count = 20_000
    in_flight: _Count = 1_000
    queued_texts: _Count = 2_048


class Batching(_Section):
    """How texts of concurrent requests share a forward pass: at most ``most_texts``, waiting ``wait_ms`` for others."""

    most_texts: _Count = 64
    wait_ms: float = Field(default=3.0, ge=0.0, le=1_000.0)


class Uploads(_Section):
    """Recordings that are sent. ``max_bytes`` and ``max_seconds`` of one; up to ``short_seconds`` it is answered at
    once if it is done within ``answer_within`` seconds. ``stall_seconds``: longest silence while it is being sent.
    """

    max_bytes: _Count = 200_000_000
    max_seconds: float = Field(default=4 * 3600.0, gt=0)
    short_seconds: float = Field(default=60.0, ge=0)
    answer_within: float = Field(default=10.0, gt=0)
    stall_seconds: float = Field(default=30.0, gt=0)


class Jobs(_Section):
    """Work that outlives its request. ``workers``: processes; with two or more the first takes short uploads only.
    ``lease_seconds``: after how long a job whose worker died is taken up again; ``attempts``: how often one is begun
    before it has failed. ``timeout``: seconds that one may take. ``most_unfinished``: of one subject.
    ``keep_days``: how long results are kept.
    """

    workers: _Count = 2
    lease_seconds: float = Field(default=30.0, gt=0)
    attempts: _Count = 3
    timeout: float = Field(default=4 * 3600.0, gt=0)
    most_unfinished: _Count = 100
    keep_days: float = Field(default=30.0, gt=0)


class Webhooks(_Section):
    """Telling another server that a job ended. ``attempts``: how often; ``first_pause``: seconds before the second
    one, doubled from then on. ``timeout``: seconds of one.
    """

    attempts: _Count = 16
    first_pause: float = Field(default=5.0, gt=0)
    timeout: float = Field(default=10.0, gt=0)


class Api(_Section):
    """The REST service. ``folder``: uploads, work in progress and, by default, the database. ``development``: without
    a key, on the loopback address only, everybody is let in. ``log_content``: texts enter the log, for debugging.
    ``drain_seconds``: how long requests may take to finish after a signal to stop. ``tracing``: spans by OTLP, set up
    by the ``OTEL_*`` variables.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65_535)
    workers: _Count = 1
    development: bool = False
    folder: Path = Path(".emotion/api")
    log_content: bool = False
    drain_seconds: float = Field(default=12.0, ge=0.0, le=15.0)
    tracing: bool = False
    tokens: Tokens = Tokens()
    limits: Limits = Limits()
    batching: Batching = Batching()
    uploads: Uploads = Uploads()
    jobs: Jobs = Jobs()
    webhooks: Webhooks = Webhooks()


class ApiSecrets(BaseSettings):
    """What the service needs and no file may hold: read from the environment only.

    Addresses of databases hold passwords, so they are secrets, too.
    """

    model_config = SettingsConfigDict(env_prefix="EMOTION_", extra="ignore", frozen=True, hide_input_in_errors=True)

    # Signs and verifies tokens (HS256).
    jwt_secret: SecretStr | None = None
    # Signs webhooks: ``whsec_`` and the key in base64. Webhooks are off without it.
    webhook_secret: SecretStr | None = None
    # Jobs and results; SQLite in ``api.folder`` if unset.
    database_url: SecretStr | None = None
    # Rate limits that several processes share; kept in the process if unset.
    redis_url: SecretStr | None = None

    # Of the model, not of a field: errors about a field would show its value.
    @model_validator(mode="after")
    def _secrets_are_usable(self) -> Self:
        if self.jwt_secret is not None and len(self.jwt_secret.get_secret_value().encode()) < SHORTEST_SECRET_BYTES:
            raise ValueError(
                f"EMOTION_JWT_SECRET is shorter than {SHORTEST_SECRET_BYTES} bytes; make one with: "
                "python -c 'import secrets; print(secrets.token_urlsafe(48))'"
            )
        if self.webhook_secret is not None:
            webhook_key(self.webhook_secret.get_secret_value())
        return self


def webhook_key(secret: str) -> bytes:
    """Return the signing key, 24 to 64 bytes, that a secret of the Standard Webhooks specification encodes.

    :raises ValueError: the secret is not ``whsec_`` followed by the base64 of such a key
    """
    prefix, _, encoded = secret.partition(WEBHOOK_SECRET_PREFIX)
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError:
        key = b""
    if prefix or len(key) not in WEBHOOK_KEY_BYTES:
        raise ValueError(
            "EMOTION_WEBHOOK_SECRET must be whsec_ followed by the base64 of 24 to 64 random bytes; make one with: "
            "emotion-clf token webhook-secret"
        )
    return key
