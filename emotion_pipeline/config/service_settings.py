"""Settings of the REST service: the section ``api``, and its secrets. ``settings`` reads them with all others."""

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


class Section(BaseModel):
    """A section of the settings: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Tokens(Section):
    """Which JSON Web Tokens are accepted."""

    # HS256 with EMOTION_JWT_SECRET, or RS256 with exactly one of public_key and jwks_url.
    algorithm: Literal["HS256", "RS256"] = "HS256"
    # A public RSA key in a PEM file.
    public_key: Path | None = None
    # The address of an identity provider's public keys (RFC 7517).
    jwks_url: str | None = None
    # The claims ``iss`` and ``aud`` that a token must have.
    issuer: str = "emotion-pipeline"
    audience: str = "emotion-pipeline-api"

    @model_validator(mode="after")
    def _asymmetric_needs_one_key(self) -> Self:
        if (self.algorithm == "RS256") != (bool(self.public_key) != bool(self.jwks_url)):
            raise ValueError("RS256 needs exactly one of public_key and jwks_url, HS256 neither")
        return self


class Limits(Section):
    """How much clients may ask for."""

    # Requests of one subject; a burst may be as large.
    requests_per_minute: _Count = 600
    # Requests of one client address; 0 for no limit, as behind a proxy that all clients share.
    address_requests_per_minute: Annotated[int, Field(ge=0)] = 1_200
    # Seconds of audio of one subject.
    audio_seconds_per_hour: _Count = 36_000
    # Size of a text request: bytes of the body, texts, characters of one text.
    body_bytes: _Count = 1_000_000
    texts: _Count = 256
    text_characters: _Count = 20_000


class Uploads(Section):
    """Recordings that clients send."""

    # Largest size and length of one recording.
    max_bytes: _Count = 200_000_000
    max_seconds: float = Field(default=4 * 3600.0, gt=0)
    # A recording up to this length is answered at once if it is done within answer_within seconds; others become jobs.
    short_seconds: float = Field(default=60.0, ge=0)
    answer_within: float = Field(default=10.0, gt=0)


class Jobs(Section):
    """Recordings that are analysed after their request was answered."""

    # Worker processes; of two or more the first takes short recordings only.
    workers: _Count = 2
    # Seconds after which the job of a dead worker is taken up again.
    lease_seconds: float = Field(default=30.0, gt=0)
    # How often a job is begun, if its worker dies each time, before it has failed.
    attempts: _Count = 3
    # Seconds that one job may take.
    timeout: float = Field(default=4 * 3600.0, gt=0)
    # Unfinished jobs of one subject.
    most_unfinished: _Count = 100
    # Days for which results are kept.
    keep_days: float = Field(default=30.0, gt=0)


class Webhooks(Section):
    """Messages to other servers when a job has ended; they need EMOTION_WEBHOOK_SECRET."""

    # Attempts at one webhook: with the pauses below, over almost two days.
    attempts: _Count = 16
    # Seconds before the second attempt; doubled for each further one.
    first_pause: float = Field(default=5.0, gt=0)
    # Seconds that one attempt may take.
    timeout: float = Field(default=10.0, gt=0)


class Api(Section):
    """The REST service."""

    host: str = "127.0.0.1"
    # 0 takes a free port.
    port: int = Field(default=8000, ge=0, le=65_535)
    # Server processes; more than one needs EMOTION_REDIS_URL.
    workers: _Count = 1
    # Names under which the service may be addressed, as in api.example.org or *.example.org; any if unset.
    allowed_hosts: tuple[str, ...] = ()
    # Web sites whose scripts may ask, as in https://app.example.org (CORS); none if unset.
    cors_origins: tuple[str, ...] = ()
    # Accept requests without tokens, on the loopback address only.
    development: bool = False
    # Uploads, work in progress and, unless EMOTION_DATABASE_URL is set, the database.
    folder: Path = Path(".emotion/api")
    # Seconds after a signal to stop in which /ready fails and requests are still taken, so that a load balancer turns
    # to other servers before this one refuses.
    leave_seconds: float = Field(default=0.0, ge=0, le=60)
    # Send spans by OTLP, as the OTEL_* variables say.
    tracing: bool = False
    tokens: Tokens = Tokens()
    limits: Limits = Limits()
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
