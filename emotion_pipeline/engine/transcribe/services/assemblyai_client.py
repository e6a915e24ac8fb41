"""AssemblyAI's API for one recording: upload, submit, poll and delete, within a time limit and with retries.

The requests are those of the official SDK, which retries nothing and whose time-outs bound single reads only. What is
asked for is decided in ``assemblyai``. Source: https://www.assemblyai.com/docs/api-reference

The key must not show up anywhere. A service may echo it, the SDK quotes answers, and exceptions of HTTP clients hold
the request: so every failure is a new exception, raised outside of the handler of the original, whose message has the
service's text without the key.
"""

import logging
import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote

import httpx
from pydantic import SecretStr, ValidationError

from emotion_pipeline.engine.common.errors import BackendUnavailableError, EmotionPipelineError
from emotion_pipeline.engine.common.retries import (
    Deadline,
    OutOfTimeError,
    TransientError,
    attempts,
    retry_after_s,
    within,
)
from emotion_pipeline.engine.transcribe.base import TranscriptionFailedError
from emotion_pipeline.engine.transcribe.transcript_reasons import FailureReason

if TYPE_CHECKING:
    from assemblyai.types import TranscriptRequest, TranscriptResponse

T = TypeVar("T")
E = TypeVar("E", bound=TranscriptionFailedError)

CHECK_KEY: Final = (
    "check ASSEMBLYAI_API_KEY: it holds the key of an AssemblyAI account, which is shown under API Keys on "
    "https://www.assemblyai.com/dashboard"
)

_BASE_URL: Final = "https://api.assemblyai.com"
# Longest silence of the service before a request counts as failed.
_SILENCE_S: Final = 30.0
_LONGEST_PAUSE_S: Final = 60.0
# For all deletions together, also when the time for transcribing is over.
_DELETION_S: Final = 30.0
_LONGEST_QUOTE: Final = 300
_JOB_ID: Final = re.compile(r"[\w-]{1,100}")
# Part of the audio's address once a job is deleted; its status stays completed.
_DELETED: Final = "deleted_by_user"

_LOG: Final = logging.getLogger(__name__)


class RefusedError(TranscriptionFailedError):
    """The service does not transcribe this recording; ``service_text`` is its own text, without the key."""

    def __init__(self, reason: FailureReason, message: str, service_text: str) -> None:
        super().__init__(reason, message)
        self.service_text = service_text


class UnknownJobError(TranscriptionFailedError):
    """The service does not know the job, or has deleted it."""


class TransientServiceError(TranscriptionFailedError, TransientError):
    """The service or the connection failed in a way that may pass."""

    def __init__(self, reason: FailureReason, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason, message)
        self.retry_after_s = retry_after_s


class AssemblyAIClient(AbstractContextManager["AssemblyAIClient"]):
    """The jobs of one recording; leaving the context closes the connections.

    Beside what their docstrings say, all methods raise ``RefusedError`` for a request that the service rejects,
    ``TranscriptionFailedError`` where service or connection fail, the answer is malformed or time is over, and
    ``BackendUnavailableError`` where the key is not accepted.

    :param name: the recording in messages
    :param base_url: of the service; None is the one in the United States
    :param timeout_s: for all requests together
    :param poll_s: between two polls, and before a request is repeated for the first time
    :param request_attempts: at each request
    """

    def __init__(
        self, key: SecretStr, name: str, *, base_url: str | None, timeout_s: float, poll_s: float, request_attempts: int
    ) -> None:
        from assemblyai import Client, Settings

        self._name, self._timeout_s, self._poll_s, self._attempts = name, timeout_s, poll_s, request_attempts
        self._deadline = Deadline(timeout_s)
        self._jobs: list[str] = []
        forms = (re.escape(form(key.get_secret_value())) for form in (str, quote))
        self._key_pattern = re.compile("|".join(forms), re.IGNORECASE)
        # Neither the environment nor the SDK's global settings, which all its users share, are read.
        settings = Settings.model_construct(base_url=base_url or _BASE_URL, http_timeout=_SILENCE_S)
        self._sdk = Client(settings=settings, api_key=key.get_secret_value())

    def __exit__(self, *_: object) -> None:
        self._sdk.http_client.close()

    def upload(self, recording: Path) -> str:
        """Return the address under which the service, and nobody else, finds the bytes of ``recording``."""
        from assemblyai import api

        def send(http: httpx.Client) -> str:
            with recording.open("rb") as file:
                return api.upload_file(http, file)

        return self._request("uploading", send)

    def submit(self, request: "TranscriptRequest") -> str:
        """Return the identifier of a new job."""
        from assemblyai import api

        job = self._request("submitting", lambda http: api.create_transcript(http, request)).id
        if job is None or not _JOB_ID.fullmatch(job):
            raise self._malformed("the job has no usable id")
        return job

    def wait(self, job: str) -> "TranscriptResponse":
        """Poll until a job is done and return its transcript. Raises UnknownJobError, RefusedError for a failed job."""
        from assemblyai import TranscriptStatus

        if not _JOB_ID.fullmatch(job):
            raise self._unknown(job)
        self._jobs.append(job)
        while True:
            outcome = self._poll(job)
            if isinstance(outcome, TranscriptionFailedError):
                raise outcome
            if outcome.status == TranscriptStatus.completed:
                return outcome
            time.sleep(min(self._poll_s, self._deadline.remaining_s))

    def delete_jobs(self) -> None:
        """Delete at the service the jobs that were waited for, their audio included; failures are only logged."""
        from assemblyai import api

        self._deadline = Deadline(_DELETION_S)
        while self._jobs:
            job = self._jobs.pop()
            try:
                self._request("deleting", lambda http, job=job: api.delete_transcript(http, job))
            except EmotionPipelineError as error:
                _LOG.warning("AssemblyAI may still hold the transcript %s, delete it there: %s", job, error)

    def _poll(self, job: str) -> "TranscriptResponse | TranscriptionFailedError":
        """Return a job's state, or the error that it ended in: raised here, it would carry the answer along."""
        from assemblyai import TranscriptStatus, api

        try:
            answer = self._request("waiting for the transcript", lambda http: api.get_transcript(http, job))
        except RefusedError:  # the request holds nothing but the identifier
            answer = None
        if answer is not None and answer.status == TranscriptStatus.error:
            return self._refused(answer.error or "it gave no reason")
        if answer is None or _DELETED in answer.audio_url:
            self._jobs.remove(job)
            return self._unknown(job)
        return answer

    def _request(self, action: str, send: Callable[[httpx.Client], T]) -> T:
        """Return what ``send`` returns, repeated after transient failures; ``action`` names it, as in "uploading"."""
        pauses = {"first_pause_s": self._poll_s, "longest_pause_s": _LONGEST_PAUSE_S, "jitter_s": self._poll_s}
        for attempt in attempts(self._deadline, self._attempts, **pauses):
            with attempt:
                return self._send(action, send)
        raise AssertionError("the last attempt returns or raises")

    def _send(self, action: str, send: Callable[[httpx.Client], T]) -> T:
        from assemblyai import AssemblyAIError

        http = self._sdk.http_client
        try:
            return within(self._deadline, lambda: send(http))
        except AssemblyAIError:
            error = self._status_error()
        except OutOfTimeError:
            what = f"was not done after {self._timeout_s:g} s ({action}); raise transcription.timeout, or run it again"
            error = self._error(TranscriptionFailedError, FailureReason.TIMEOUT, what)
        except httpx.HTTPError as cause:
            what = f"could not be reached at {http.base_url.host} while {action} ({type(cause).__name__})"
            advice = "check the connection and run it again"
            error = self._error(TransientServiceError, FailureReason.SERVICE_ERROR, f"{what}; {advice}")
        except OSError as cause:
            message = f"{self._name}: cannot be read while {action}: {cause.strerror}"
            error = TranscriptionFailedError(FailureReason.AUDIO_LOST, message)
        except (ValueError, TypeError, KeyError, AttributeError) as cause:
            error = self._malformed(_difference(cause))
        raise error  # outside of the handlers, so that it carries no other exception along

    def _status_error(self) -> EmotionPipelineError:
        """Return what the status of the last response means."""
        response = self._sdk.last_response
        assert response is not None
        status, text, wait_s = response.status_code, self._text_of(response), retry_after_s(response.headers)
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return BackendUnavailableError(f"AssemblyAI does not accept the key ({status}: {text}); {CHECK_KEY}")
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            what = f"takes no more requests ({text}); run it again later"
            return self._error(TransientServiceError, FailureReason.RATE_LIMITED, what, wait_s)
        if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            what = f"failed ({status}: {text}); run it again later"
            return self._error(TransientServiceError, FailureReason.SERVICE_ERROR, what, wait_s)
        if status >= HTTPStatus.BAD_REQUEST:
            return self._refused(text)
        what = f"answered with {status} ({text}), which is not expected; check the base URL of the service"
        return self._error(TranscriptionFailedError, FailureReason.SERVICE_ERROR, what)

    def _refused(self, text: str) -> RefusedError:
        text = self._without_key(text)
        return self._error(RefusedError, FailureReason.REFUSED, f"did not transcribe it: {text}", text)

    def _malformed(self, what: str) -> TranscriptionFailedError:
        what = f"gave an answer that cannot be used: {what}"
        return self._error(TranscriptionFailedError, FailureReason.MALFORMED_ANSWER, what)

    def _unknown(self, job: str) -> UnknownJobError:
        return self._error(UnknownJobError, FailureReason.SERVICE_ERROR, f"does not know its job {job}; run it again")

    def _error(self, kind: Callable[..., E], reason: FailureReason, what: str, *details: object) -> E:
        return kind(reason, f"{self._name}: AssemblyAI {what}", *details)

    def _text_of(self, response: httpx.Response) -> str:
        """Return the service's own text about a failure, or the name of the status: pages of proxies are not quoted."""
        try:
            text = response.json()["error"]
        except (ValueError, TypeError, KeyError):
            text = response.reason_phrase
        return self._without_key(str(text))

    def _without_key(self, text: str) -> str:
        return " ".join(self._key_pattern.sub("[key]", text).split())[:_LONGEST_QUOTE]


def _difference(error: Exception) -> str:
    """Return what is wrong with an answer, without quoting it: it holds what people said."""
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        return f"{'.'.join(map(str, first['loc']))} ({first['type']})"
    return f"it has no field {error}" if isinstance(error, KeyError) else "it is not the expected JSON"
