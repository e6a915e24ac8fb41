"""JSON Web Tokens (RFC 7519): making and verifying them.

The algorithm is the configured one, whatever a token's header claims. Which scope a request needs is decided in
``access``.
"""

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt
from jwt.exceptions import InvalidSubjectError

from emotion_pipeline.config.service_settings import Api, ApiSecrets, Tokens
from emotion_pipeline.engine.common.errors import EmotionPipelineError

# What a token may allow.
SCOPES: Final = {
    "predict": "analyse texts and recordings, at once or as jobs",
    "jobs": "read and delete the subject's jobs",
    "metrics": "read the service's figures",
}

_REQUIRED: Final = ["exp", "iss", "aud", "sub"]
_LONGEST_SUBJECT: Final = 200
# How far the clocks of issuer and service may differ.
_LEEWAY_S: Final = 10.0
# Shortest time between two requests to a key server, however many unknown keys tokens name.
_REFRESH_S: Final = 30.0

_REASONS: Final = {
    jwt.ExpiredSignatureError: "it has expired; get a new one",
    jwt.InvalidAudienceError: "it was made for another audience",
    jwt.InvalidIssuerError: "it comes from another issuer",
    jwt.ImmatureSignatureError: "it is not valid yet",
    InvalidSubjectError: "its subject, the claim sub, is not a text; issue it in quotes, also where it is a number",
}


class TokenError(EmotionPipelineError):
    """A token that is not accepted; the message says why and quotes nothing of the token."""


class TokenSetupError(EmotionPipelineError):
    """Tokens cannot be made or verified with these settings."""


class KeysUnavailableError(EmotionPipelineError):
    """The key server does not answer, so no token can be verified now."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The client behind a request, and what it may do."""

    subject: str
    scopes: frozenset[str]


class TokenVerifier:
    """Verifies tokens.

    :raises TokenSetupError: there is no key, or none of the configured kind
    """

    def __init__(self, settings: Tokens, secrets: ApiSecrets) -> None:
        self._settings = settings
        self._key_of = _keys(settings, secrets)

    def verify(self, token: str) -> Principal:
        """Return the subject and scopes of a token; may ask the key server.

        :raises TokenError: it is malformed, of another signer, issuer or audience, expired, or lacks a claim
        :raises KeysUnavailableError: the key server does not answer
        """
        settings = self._settings
        try:
            claims = jwt.decode(
                token,
                self._key_of(token),
                algorithms=[settings.algorithm],
                audience=settings.audience,
                issuer=settings.issuer,
                leeway=_LEEWAY_S,
                options={"require": _REQUIRED},
            )
        except jwt.InvalidTokenError as error:
            raise TokenError(_reason(error)) from error
        subject, scope = claims["sub"], claims.get("scope", "")
        if not subject.strip() or len(subject) > _LONGEST_SUBJECT or not subject.isprintable():
            raise TokenError("its subject is empty, too long or not printable")
        if not isinstance(scope, str):
            raise TokenError("its scope is not a text of names separated by blanks (RFC 8693, section 4.2)")
        return Principal(subject, frozenset(scope.split()))


def make_token(api: Api, secrets: ApiSecrets, subject: str, scopes: Collection[str], lifetime: timedelta) -> str:
    """Return a token signed with the service's own secret.

    :raises TokenSetupError: there is no secret, or tokens are signed elsewhere (RS256)
    """
    if api.tokens.algorithm != "HS256":
        raise TokenSetupError("tokens are signed with RS256, whose private key only your identity provider has")
    now = datetime.now(UTC)
    claims: dict[str, Any] = {
        "iss": api.tokens.issuer,
        "aud": api.tokens.audience,
        "sub": subject,
        "scope": " ".join(sorted(scopes)),
        "iat": now,
        "exp": now + lifetime,
    }
    return jwt.encode(claims, _secret(secrets), algorithm="HS256")


def _keys(settings: Tokens, secrets: ApiSecrets) -> Callable[[str], Any]:
    if settings.algorithm == "HS256":
        secret = _secret(secrets)
        return lambda _token: secret
    if settings.public_key is not None:
        try:
            pem = settings.public_key.read_bytes()
            key = jwt.get_algorithm_by_name("RS256").prepare_key(pem)
        except (OSError, ValueError, jwt.InvalidKeyError) as error:
            raise TokenSetupError("api.tokens.public_key is not a readable public RSA key in PEM form") from error
        return lambda _token: key
    return _KeyServer(settings.jwks_url or "")


def _secret(secrets: ApiSecrets) -> str:
    if secrets.jwt_secret is None:
        raise TokenSetupError(
            "EMOTION_JWT_SECRET is not set, and there is no default; make one with: "
            "python -c 'import secrets; print(secrets.token_urlsafe(48))'; "
            "to try the service on this machine without tokens set EMOTION_API__DEVELOPMENT=true"
        )
    return secrets.jwt_secret.get_secret_value()


class _KeyServer:
    """The public keys of an identity provider (RFC 7517), fetched again when a token names a new one."""

    def __init__(self, url: str) -> None:
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=5)
        self._keys: dict[str | None, Any] = {}
        self._fetched_at = -_REFRESH_S
        self._lock = threading.Lock()

    def __call__(self, token: str) -> Any:
        name = jwt.get_unverified_header(token).get("kid")
        if name not in self._keys:
            self._fetch()
        if name not in self._keys:
            raise jwt.InvalidTokenError("unknown key")
        return self._keys[name]

    def _fetch(self) -> None:
        with self._lock:
            if time.monotonic() - self._fetched_at < _REFRESH_S:
                return
            try:
                self._keys = {key.key_id: key.key for key in self._client.get_signing_keys()}
            except (jwt.PyJWKClientError, jwt.PyJWKSetError) as error:
                raise KeysUnavailableError("the server of public keys does not answer") from error
            self._fetched_at = time.monotonic()


def _reason(error: jwt.InvalidTokenError) -> str:
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"it lacks the claim {error.claim}"
    reasons = (reason for kind, reason in _REASONS.items() if isinstance(error, kind))
    return next(reasons, "it is malformed or its signature is not right")
