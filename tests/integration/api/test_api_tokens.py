"""Who is let in: nobody without a token that is right in every respect, and nobody at all without a key."""

import base64
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from pydantic import SecretStr
from support.service import SECRET, RunningService, problem, signed, token
from support.site import Site

from emotion_pipeline.api.tokens import KeysUnavailableError, TokenError, TokenSetupError, TokenVerifier
from emotion_pipeline.config.service_settings import ApiSecrets, Tokens, webhook_key

NOW = int(time.time())
GOOD: dict[str, Any] = {
    "iss": "emotion-pipeline",
    "aud": "emotion-pipeline-api",
    "sub": "alice",
    "scope": "predict",
    "iat": NOW,
    "exp": NOW + 3_600,
}


def _without(claim: str) -> dict[str, Any]:
    return {name: value for name, value in GOOD.items() if name != claim}


def _unsigned() -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(GOOD)}."


def _changed() -> str:
    head, _claims, signature = signed(GOOD).split(".")
    claims = base64.urlsafe_b64encode(json.dumps({**GOOD, "sub": "root"}).encode()).rstrip(b"=").decode()
    return f"{head}.{claims}.{signature}"


BAD = {
    "another secret": signed(GOOD, "another secret of enough bytes for HS256, surely"),
    "another algorithm": signed(GOOD, SECRET * 2, "HS512"),
    "no algorithm": _unsigned(),
    "changed claims": _changed(),
    "expired": signed({**GOOD, "exp": NOW - 3_600}),
    "not valid yet": signed({**GOOD, "nbf": NOW + 3_600}),
    "wrong audience": signed({**GOOD, "aud": "another-service"}),
    "wrong issuer": signed({**GOOD, "iss": "another-issuer"}),
    "no expiry": signed(_without("exp")),
    "no audience": signed(_without("aud")),
    "no issuer": signed(_without("iss")),
    "no subject": signed(_without("sub")),
    "blank subject": signed({**GOOD, "sub": " "}),
    "subject with a line end": signed({**GOOD, "sub": "a\nb"}),
    "subject is a number": signed({**GOOD, "sub": 42}),
    "subject too long": signed({**GOOD, "sub": "a" * 201}),
    "unknown critical header": jwt.encode({**GOOD, "sub": "1"}, SECRET, headers={"crit": ["x"]}, algorithm="HS256"),
    "scope is a list": signed({**GOOD, "scope": ["predict"]}),
    "nonsense": "nonsense",
    "empty parts": "..",
}


@pytest.mark.parametrize("name", BAD)
def test_a_token_that_is_wrong_in_one_respect_is_refused(service: RunningService, name: str) -> None:
    answer = httpx.post(
        f"{service.url}/v1/predict", json={"text": "a"}, headers={"Authorization": f"Bearer {BAD[name]}"}
    )
    problem(answer, 401, "token_invalid")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert BAD[name] not in answer.text


def test_a_subject_that_is_a_number_is_refused_in_words(service: RunningService) -> None:
    headers = {"Authorization": f"Bearer {BAD['subject is a number']}"}
    answer = httpx.post(f"{service.url}/v1/predict", json={"text": "a"}, headers=headers)
    assert "the claim sub, is not a text" in problem(answer, 401, "token_invalid")["detail"]


def test_no_token_or_another_scheme_is_refused(service: RunningService) -> None:
    for headers in ({}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer"}):
        answer = httpx.post(f"{service.url}/predict", json={"text": "a"}, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("POST", "/v1/predict", ("jobs", "metrics")),
        ("POST", "/v1/predict/audio", ("jobs", "metrics")),
        ("GET", f"/v1/jobs/{'0' * 32}", ("predict", "metrics")),
        ("DELETE", f"/v1/jobs/{'0' * 32}", ("predict", "metrics")),
        ("GET", "/metrics", ("predict", "jobs")),
    ],
)
def test_each_address_wants_its_scope(service: RunningService, method: str, path: str, scopes: tuple[str, ...]) -> None:
    with service.client("alice", *scopes) as client:
        answer = client.request(method, path, json={"text": "a"} if path.endswith("predict") else None)
    problem(answer, 403, "scope_missing")
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


def test_health_readiness_and_documentation_need_no_token(service: RunningService) -> None:
    assert httpx.get(f"{service.url}/health").json()["status"] == "ok"
    ready = httpx.get(f"{service.url}/ready").json()
    assert ready["status"] == "ready"
    assert set(ready["models"]) == {"emotion", "sentiment", "tone", "transcriber"}
    assert httpx.get(f"{service.url}/docs").status_code == 200
    assert "/v1/predict" in httpx.get(f"{service.url}/openapi.json").json()["paths"]


def _command(folder: Path, repository: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from emotion_pipeline.cli.app import main; main()", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(repository), "PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "EMOTION_JWT_SECRET is not set"),
        ({"EMOTION_JWT_SECRET": "short"}, "shorter than 32 bytes"),
        ({"EMOTION_API__DEVELOPMENT": "true", "EMOTION_API__HOST": "0.0.0.0"}, "api.host must be 127.0.0.1"),
        ({"EMOTION_JWT_SECRET": SECRET, "EMOTION_API__WORKERS": "2"}, "EMOTION_REDIS_URL"),
        ({"EMOTION_API__TOKENS__ALGORITHM": "RS256"}, "RS256 needs exactly one of"),
        ({"EMOTION_JWT_SECRET": SECRET, "EMOTION_DATABASE_URL": "nothing"}, "EMOTION_DATABASE_URL is not the address"),
    ],
)
def test_the_service_does_not_start_where_it_could_not_verify_tokens(
    tmp_path: Path, repository: Path, variables: dict[str, str], message: str
) -> None:
    done = _command(tmp_path, repository, "serve", **variables)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert "short'" not in done.stderr


def test_a_token_of_the_command_line_is_accepted(service: RunningService, tmp_path: Path, repository: Path) -> None:
    arguments = ("token", "create", "--subject", "carol", "--scope", "predict", "--expires", "15m")
    done = _command(tmp_path, repository, *arguments, EMOTION_JWT_SECRET=SECRET)
    assert done.returncode == 0, done.stderr
    headers = {"Authorization": f"Bearer {done.stdout.strip()}"}
    assert httpx.post(f"{service.url}/predict", json={"text": "a"}, headers=headers).status_code == 200
    for wrong in (("--scope", "everything"), ("--expires", "never"), ("--expires", "0h")):
        refused = _command(tmp_path, repository, *arguments[:4], *wrong, EMOTION_JWT_SECRET=SECRET)
        assert refused.returncode == 2


def test_a_webhook_secret_of_the_command_line_is_usable(tmp_path: Path, repository: Path) -> None:
    done = _command(tmp_path, repository, "token", "webhook-secret")
    assert done.returncode == 0, done.stderr
    secret = done.stdout.strip()
    assert len(webhook_key(secret)) == 32
    assert ApiSecrets(webhook_secret=SecretStr(secret)).webhook_secret == SecretStr(secret)


def test_provider_keys_are_fetched_once_and_again_for_a_new_key(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (rsa.generate_private_key(public_exponent=65_537, key_size=2_048) for _ in range(2))

    def published(**keys: rsa.RSAPrivateKey) -> bytes:
        sets = [
            {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": name, "use": "sig"}
            for name, key in keys.items()
        ]
        return json.dumps({"keys": sets}).encode()

    def token_of(key: rsa.RSAPrivateKey, name: str) -> str:
        return jwt.encode(GOOD, key, algorithm="RS256", headers={"kid": name})

    with Site() as site:
        site.answers["/keys"] = published(a=first)
        verifier = TokenVerifier(Tokens(algorithm="RS256", jwks_url=site.address("/keys")), ApiSecrets())
        assert verifier.verify(token_of(first, "a")).subject == "alice"
        for _ in range(3):
            with pytest.raises(TokenError):
                verifier.verify(token_of(second, "b"))  # looked for at most once in a while
        assert len(site.requests) == 1
        site.answers["/keys"] = published(a=first, b=second)
        clock = time.monotonic() + 60
        monkeypatch.setattr("emotion_pipeline.api.tokens.time.monotonic", lambda: clock)
        assert verifier.verify(token_of(second, "b")).subject == "alice"
        with pytest.raises(TokenError):
            verifier.verify(signed(GOOD))  # HS256, whatever the secret
    unreachable = TokenVerifier(Tokens(algorithm="RS256", jwks_url=site.address("/keys")), ApiSecrets())
    with pytest.raises(KeysUnavailableError):
        unreachable.verify(token_of(first, "a"))


def test_a_public_key_in_a_file_judges_and_cannot_be_used_as_a_secret(tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(pem)
    verifier = TokenVerifier(Tokens(algorithm="RS256", public_key=tmp_path / "key.pem"), ApiSecrets())
    assert verifier.verify(jwt.encode(GOOD, key, algorithm="RS256")).scopes == {"predict"}
    forged = f"{signed(GOOD).rsplit('.', 1)[0]}.{'A' * 43}"
    with pytest.raises(TokenError):
        verifier.verify(forged)
    with pytest.raises(TokenSetupError):
        TokenVerifier(Tokens(algorithm="RS256", public_key=tmp_path / "none.pem"), ApiSecrets())


def test_a_secret_never_shows_in_its_settings() -> None:
    assert SECRET not in repr(ApiSecrets(jwt_secret=SecretStr(SECRET)))
    assert token("alice").count(".") == 2
