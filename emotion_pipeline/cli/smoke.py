"""``emotion-clf smoke``: whether a running service does what it is there for, asked from outside over HTTP.

It is for a release line and for operators. Nothing of a failure is guessed: its line names the address, what came and
what should have.
"""

import io
import time
import wave
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from emotion_pipeline.cli.console import OUT
from emotion_pipeline.engine.common.errors import EmotionPipelineError

if TYPE_CHECKING:
    import httpx

TOKEN_VARIABLE: Final = "SMOKE_TOKEN"
LOGIN_VARIABLE: Final = "SMOKE_DASHBOARD_LOGIN"
_ASK_EVERY_S: Final = 0.5
# Refused, or sent to the page of an identity provider.
_ASKS_FOR_A_LOGIN: Final = frozenset({401, 302, 303, 307})

app = typer.Typer()


class CheckError(EmotionPipelineError):
    """The service answers, but not as it should."""


@app.command()
def smoke(
    url: Annotated[str, typer.Option(help="Address of the service, as in https://emotion.example.org.")],
    token: Annotated[str, typer.Option(envvar=TOKEN_VARIABLE, help="With the scopes predict, jobs and metrics.")] = "",
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for /ready, as after a deployment.")] = 0.0,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that one request, or one job, may take.")] = 60.0,
    dashboard: Annotated[
        str, typer.Option(help="Address of the dashboard, as in https://…/dashboard; asked, too.")
    ] = "",
    login: Annotated[str, typer.Option(envvar=LOGIN_VARIABLE, help="name:password that lets into the dashboard.")] = "",
) -> None:
    """Ask a running service for all that it does; exit with 1 where an answer is missing or wrong.

    Example: SMOKE_TOKEN=eyJ… emotion-clf smoke --url http://127.0.0.1:8000
    """
    import httpx

    headers = {"Authorization": f"Bearer {token}"} if token else {}
    checks = dict(_CHECKS) | ({"dashboard": partial(_dashboard, dashboard.rstrip("/"), login)} if dashboard else {})
    failures = 0
    with httpx.Client(base_url=url, headers=headers, timeout=timeout) as client:
        _wait_until_ready(client, wait)
        for name, check in checks.items():
            try:
                OUT.print(f"ok      {name}: {check(client)}")
            except (CheckError, httpx.HTTPError, httpx.InvalidURL) as error:
                failures += 1
                OUT.print(f"FAILED  {name}: {error or type(error).__name__}", style="red")
    if failures:
        raise CheckError(f"{failures} of {len(checks)} checks of {url} failed")


def _wait_until_ready(client: "httpx.Client", seconds: float) -> None:
    import httpx

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if client.get("/ready").status_code == 200:
                return
        except httpx.HTTPError:
            pass  # it is not up yet
        time.sleep(_ASK_EVERY_S)


def _health(client: "httpx.Client") -> str:
    body = _expect(client.get("/health"), 200)
    return f"version {body['version']}"


def _ready(client: "httpx.Client") -> str:
    answer = client.get("/ready")
    body = _json(answer)
    not_ok = [f"{part} is {state}" for part, state in body.get("checks", {}).items() if state != "ok"]
    if not_ok:
        raise CheckError(f"/ready: {', '.join(not_ok)}")
    return ", ".join(f"{task} {model}" for task, model in _expect(answer, 200)["models"].items())


def _access(client: "httpx.Client") -> str:
    answer = client.post("/v1/predict", json={"text": "a"}, headers={"Authorization": "Bearer none"})
    return f"a token that is none gets {_expect(answer, 401)['code']}"


def _text(client: "httpx.Client") -> str:
    body = _expect(client.post("/v1/predict", json={"text": "Exciting news!"}), 200)
    if not body["base"] or not -1.0 <= body["sentiment_score"] <= 1.0:
        raise CheckError(f"a text has the emotion {body['base']!r} and the sentiment {body['sentiment_score']!r}")
    return f"{body['base']}, sentiment {body['sentiment_score']:.2f}"


def _recording(client: "httpx.Client") -> str:
    headers = {"Prefer": "respond-async"}
    answer = client.post("/v1/predict/audio", files={"file": ("smoke.wav", _clip())}, headers=headers)
    job = _expect(answer, 202)
    limit_s = client.timeout.read or 0.0
    end = time.monotonic() + limit_s
    while job["status"] in {"queued", "running"}:
        if time.monotonic() > end:
            raise CheckError(f"the job of a recording of two seconds is {job['status']} after {limit_s:g} s")
        time.sleep(_ASK_EVERY_S)
        job = _expect(client.get(f"/v1/jobs/{job['id']}"), 200)
    client.delete(f"/v1/jobs/{job['id']}")
    if job["status"] != "succeeded":
        raise CheckError(f"the job of a recording failed with {job['failure']['code']}: {job['failure']['detail']}")
    return f"{job['audio_seconds']:.1f} s, {job['result']['emotion'] or 'no emotion'}, by a job"


def _error(client: "httpx.Client") -> str:
    answer = client.post("/v1/predict/audio", files={"file": ("broken.wav", b"RIFF")})
    return f"a broken recording gets {_expect(answer, 422)['code']}"


def _limit(client: "httpx.Client") -> str:
    answer = client.post("/v1/predict", json={"text": "a"})
    _expect(answer, 200)
    policy, standing = answer.headers.get("ratelimit-policy"), answer.headers.get("ratelimit")
    if not policy or not standing:
        raise CheckError("/v1/predict: the answer has no RateLimit fields, so requests are not limited")
    return f"{policy}, left {standing}"


def _metrics(client: "httpx.Client") -> str:
    answer = client.get("/metrics")
    if answer.status_code != 200:
        _expect(answer, 200)
    figures = [line for line in answer.text.splitlines() if line.startswith("emotion_api_requests_total{")]
    if not figures:
        raise CheckError("/metrics: there is no emotion_api_requests_total")
    return f"{len(figures)} series of requests"


def _dashboard(address: str, login: str, client: "httpx.Client") -> str:
    """Let it run its first page once. Who comes without a login must not get in."""
    import httpx

    name, _, password = login.partition(":")
    with httpx.Client(base_url=address, timeout=client.timeout) as stranger:
        code = stranger.get("/").status_code
        if code not in _ASKS_FOR_A_LOGIN:
            raise CheckError(f"{address}/ answered {code} to somebody without a login, not 401 or a way to one")
        page = stranger.get("/_stcore/script-health-check", auth=(name, password))
    if (page.status_code, page.text) != (200, "ok"):
        raise CheckError(f"{page.request.url} answered {page.status_code}: {page.text[:200]}")
    return "asks for a login, and draws its first page"


_CHECKS: Final[Mapping[str, Callable[["httpx.Client"], str]]] = {
    "health": _health,
    "ready": _ready,
    "access": _access,
    "text": _text,
    "recording": _recording,
    "error": _error,
    "limit": _limit,
    "metrics": _metrics,
}


def _expect(answer: "httpx.Response", status: int) -> dict[str, Any]:
    """Return the body of an answer that has the status; otherwise fail with the problem that came."""
    body = _json(answer)
    if answer.status_code != status:
        what = f"{body.get('code', '')}: {body.get('detail', '')}" if body.get("code") else answer.text[:200]
        raise CheckError(f"{answer.request.url.path} answered {answer.status_code}, not {status}: {what}")
    return body


def _json(answer: "httpx.Response") -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        body = None
    return body if isinstance(body, dict) else {}


def _clip() -> bytes:
    """Return a synthetic voice as a WAV file."""
    from emotion_pipeline.engine.common.types import SAMPLE_RATE
    from emotion_pipeline.engine.tone.built_in_clip import excited_clip

    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(SAMPLE_RATE)
        writer.writeframes((excited_clip() * 32_767).astype("<i2").tobytes())
    return file.getvalue()
