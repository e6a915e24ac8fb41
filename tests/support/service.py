"""The real REST service in a process of its own, as ``emotion-clf serve`` starts it, on a free port."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import httpx
import jwt
import psutil

from emotion_pipeline.api.tokens import make_token
from emotion_pipeline.config.service_settings import Api, ApiSecrets

SECRET: Final = "a secret that only tests may know, of enough bytes"
WEBHOOK_SECRET: Final = f"whsec_{base64.b64encode(b'another secret that only tests may know').decode()}"
_SERVE: Final = "from emotion_pipeline.cli.app import main; main()"
_REPOSITORY: Final = Path(__file__).resolve().parents[2]
_START_S: Final = 270.0

T = TypeVar("T")


def token(subject: str = "alice", *scopes: str) -> str:
    """A token as ``emotion-clf token create`` makes it, by default with all scopes."""
    secrets = ApiSecrets(jwt_secret=SECRET)  # pyright: ignore[reportArgumentType]
    return make_token(Api(), secrets, subject, scopes or ("predict", "jobs", "metrics"), timedelta(hours=1))


def signed(claims: Mapping[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    """A token with claims of the test's choice."""
    return jwt.encode(dict(claims), secret, algorithm=algorithm)


def eventually(look: Callable[[], T | None], within_s: float = 60.0) -> T:
    """What ``look`` returns when it is not None or False any more; fails after the time."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        seen = look()
        if seen:
            return seen
        time.sleep(0.05)
    raise AssertionError(f"not seen within {within_s} s")


class RunningService:
    """Serves from ``with`` to the end of the block.

    :param folder: where it keeps its files; another service with the same folder finds the jobs of this one
    :param variables: of its environment, besides the keys that tests use and one worker, as each takes seconds to start
    """

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self._variables = {
            "PYTHONPATH": os.pathsep.join([str(_REPOSITORY), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
            "EMOTION_JWT_SECRET": SECRET,
            "EMOTION_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "EMOTION_API__FOLDER": str(folder / "api"),
            "EMOTION_API__PORT": "0",
            "EMOTION_API__JOBS__WORKERS": "1",
            # A busy machine may take longer than the default for a short recording, whose answer would be a job.
            "EMOTION_API__UPLOADS__ANSWER_WITHIN": "100",
            "EMOTION_API__LIMITS__REQUESTS_PER_MINUTE": "1000000",
            "EMOTION_API__LIMITS__ADDRESS_REQUESTS_PER_MINUTE": "0",
            "EMOTION_API__LIMITS__AUDIO_SECONDS_PER_HOUR": "10000000",
            **variables,
        }
        self.log: list[str] = []
        self.url = ""

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, "serve"],
            cwd=self.folder,
            env={**_without_settings(), **self._variables},
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.url = eventually(self._address, _START_S)
        except AssertionError:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self._reader.join(10)

    def wait_until_ready(self) -> Self:
        with httpx.Client(base_url=self.url, timeout=60, trust_env=False) as client:
            eventually(lambda: client.get("/ready").status_code == 200, _START_S)
        return self

    def client(self, subject: str = "alice", *scopes: str, timeout: float = 120.0) -> httpx.Client:
        """A client with that subject's token."""
        headers = {"Authorization": f"Bearer {token(subject, *scopes)}"}
        many = httpx.Limits(max_connections=500, max_keepalive_connections=100)
        return httpx.Client(base_url=self.url, headers=headers, timeout=timeout, limits=many, trust_env=False)

    def kill(self) -> None:
        """End the server and its workers at once, as a loss of power does."""
        if self.process.poll() is not None:
            return
        family = [*psutil.Process(self.process.pid).children(recursive=True), psutil.Process(self.process.pid)]
        for process in family:
            process.suspend()  # or a worker would notice that its server has ended and release its job
        for process in family:
            process.kill()
        self.process.wait(10)
        psutil.wait_procs(family, timeout=10)

    def events(self, name: str) -> list[dict[str, Any]]:
        """The lines of the log that tell of ``name``."""
        lines = [json.loads(line) for line in self.log if line.startswith("{")]
        return [line for line in lines if line.get("event") == name]

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line.rstrip("\n"))

    def _address(self) -> str | None:
        assert self.process.poll() is None, "\n".join(self.log)
        matches = (re.search(r"running on (http://[0-9.:]+)", line) for line in list(self.log))
        return next((match[1] for match in matches if match), None)


def ended(client: httpx.Client, job_id: str, within_s: float = 90.0) -> dict[str, Any]:
    """A job when it has ended."""

    def look() -> dict[str, Any] | None:
        job = client.get(f"/v1/jobs/{job_id}").json()
        return job if job["status"] in {"succeeded", "failed"} else None

    return eventually(look, within_s)


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem details of an answer, which must be of this status and code."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["code"]) == (status, code), body
    assert body["instance"] == f"urn:request:{answer.headers['x-request-id']}"
    return body


def _without_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("EMOTION_")}
