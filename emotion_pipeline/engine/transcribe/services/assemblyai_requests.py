"""One request to AssemblyAI: within a time limit, tried again where that helps, ending in an answer or a named error.

Which requests there are is the business of ``assemblyai_jobs``. They are made with the HTTP client of the official
SDK; when to ask again is decided here, because the SDK tries nothing twice and its time-outs bound one read only.

The key stays inside. A service may echo what it is sent, the SDK quotes what a service says, and exceptions of HTTP
clients keep the request: so every failure is a new exception, raised after the handler of the old one was left, with
the service's own words and without the key.
"""

import io
import re
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

import httpx
import stamina
from pydantic import SecretStr, ValidationError

from emotion_pipeline.engine.common.errors import BackendUnavailableError, EmotionPipelineError
from emotion_pipeline.engine.common.retry_after import retry_after_s
from emotion_pipeline.engine.transcribe.base import TranscriptionFailedError
from emotion_pipeline.engine.transcribe.transcript_reasons import FailureReason

T = TypeVar("T")

CHECK_KEY: Final = (
    "check ASSEMBLYAI_API_KEY: it holds the key of an AssemblyAI account, which is shown under API Keys on "
    "https://www.assemblyai.com/dashboard"
)

_SERVICE: Final = "https://api.assemblyai.com"
# Longest silence of the service before a request counts as failed.
_SILENCE_S: Final = 30.0
# Between two tries, where the service does not name one.
_LONGEST_PAUSE_S: Final = 60.0
_LONGEST_QUOTE: Final = 300
_KEY_REFUSED: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class RefusedError(TranscriptionFailedError):
    """The service will not do this with this recording; ``words`` are its own, without the key."""

    def __init__(self, message: str, words: str) -> None:
        super().__init__(FailureReason.REFUSED, message)
        self.words = words


class AssemblyAIRequests:
    """All requests that concern one recording; ``close`` ends its connections.

    :param name: the recording, as messages call it
    :param base_url: of the service; None is the usual one, in the United States
    :param timeout_s: for all of them together; one under way may outlast it by half a minute of silence
    :param pause_s: before a request is tried again for the first time; doubled each time
    :param attempts: at one request
    """

    def __init__(
        self, key: SecretStr, name: str, *, base_url: str | None, timeout_s: float, pause_s: float, attempts: int
    ) -> None:
        from assemblyai import Client, Settings

        self._name = name
        self._timeout_s = timeout_s
        self._deadline = time.monotonic() + timeout_s
        self._pause_s = pause_s
        self._attempts = attempts
        forms = (re.escape(form(key.get_secret_value())) for form in (str, quote))
        self._in_key = re.compile("|".join(forms), re.IGNORECASE)
        # Made without a look at the environment, and not the SDK's global settings, which all its users share.
        settings = Settings.model_construct(base_url=base_url or _SERVICE, http_timeout=_SILENCE_S)
        self._http = Client(settings=settings, api_key=key.get_secret_value()).http_client
        self._http.event_hooks = {"request": [self._bound_request], "response": [self._bound_answer]}
        self._answer: httpx.Response | None = None

    def close(self) -> None:
        self._http.close()

    def left_s(self) -> float:
        """Seconds until the time limit; negative afterwards."""
        return self._deadline - time.monotonic()

    def extend_to(self, seconds: float) -> None:
        """Set the time limit to so many seconds from now."""
        self._deadline = time.monotonic() + seconds

    def ask(self, doing: str, request: Callable[[httpx.Client], T]) -> T:
        """Return what the service answers, asked again while that helps and there is time.

        :param doing: what the request is for, as in "uploading"
        :param request: makes it with a function of the SDK
        :raises RefusedError: the service does not want this request
        :raises TranscriptionFailedError: the service or the connection failed, the answer is malformed, or time is over
        :raises BackendUnavailableError: the service does not accept the key
        """
        try:
            return self._ask_repeatedly(doing, request)
        except _FailedError as caught:
            failed = caught
        raise failed.error  # outside of the handler, so that it carries no other exception along

    def refused(self, said: str) -> RefusedError:
        """The error for a recording that the service will not transcribe."""
        words = self._clean(said)
        return RefusedError(f"{self._name}: AssemblyAI did not transcribe it: {words}", words)

    def malformed(self, what: str) -> TranscriptionFailedError:
        """The error for an answer that is no transcript."""
        return self.failure(FailureReason.MALFORMED_ANSWER, f"gave an answer that cannot be used: {what}")

    def out_of_time(self, doing: str) -> TranscriptionFailedError:
        """The error for a recording that took too long."""
        return self.failure(
            FailureReason.TIMEOUT,
            f"was not done after {self._timeout_s:g} s ({doing}); raise transcription.timeout, or run it again",
        )

    def failure(self, reason: FailureReason, what: str) -> TranscriptionFailedError:
        return TranscriptionFailedError(reason, f"{self._name}: AssemblyAI {what}")

    def bounded_file(self, path: Path) -> io.FileIO:
        """Open a file that can be read as long as there is time, for an upload that is in no single step too slow."""
        return _BoundedFile(path, self.left_s)

    def _ask_repeatedly(self, doing: str, request: Callable[[httpx.Client], T]) -> T:
        for attempt in stamina.retry_context(
            on=self._pause,
            attempts=self._attempts,
            timeout=None,
            wait_initial=self._pause_s,
            wait_jitter=self._pause_s,
            wait_max=_LONGEST_PAUSE_S,
        ):
            with attempt:
                outcome = self._ask_once(doing, request)
                if isinstance(outcome, _FailedError):
                    outcome.longest_pause_s = min(attempt.next_wait + self._pause_s, _LONGEST_PAUSE_S)
                    raise outcome
                return outcome
        raise AssertionError("stamina ends in an answer or in the last error")

    def _pause(self, failed: Exception) -> bool | float:
        """Tell stamina whether to try again: not at all, after so many seconds, or after its own pause."""
        if not isinstance(failed, _FailedError) or not failed.may_pass:
            return False
        pause = failed.longest_pause_s if failed.retry_after_s is None else failed.retry_after_s
        if pause >= self.left_s():
            return False
        return True if failed.retry_after_s is None else pause

    def _ask_once(self, doing: str, request: Callable[[httpx.Client], T]) -> "T | _FailedError":
        from assemblyai import AssemblyAIError

        self._answer = None
        try:
            return request(self._http)
        except AssemblyAIError:
            return self._failed_by_status(self._answer)
        except (httpx.HTTPError, _OutOfTimeError) as error:
            return self._failed_on_the_way(doing, error)
        except OSError as error:
            lost = f"{self._name}: cannot be read while {doing}: {error.strerror}"
            return _FailedError(TranscriptionFailedError(FailureReason.AUDIO_LOST, lost))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return _FailedError(self.malformed(_shape_of(error)))

    def _failed_on_the_way(self, doing: str, error: Exception) -> "_FailedError":
        if self.left_s() <= 0:
            return _FailedError(self.out_of_time(doing))
        what = f"could not be reached at {self._http.base_url.host} while {doing} ({type(error).__name__})"
        unreachable = self.failure(FailureReason.SERVICE_ERROR, f"{what}; check the connection and run it again")
        return _FailedError(unreachable, may_pass=True)

    def _failed_by_status(self, answer: httpx.Response | None) -> "_FailedError":
        if answer is None:
            return _FailedError(self.malformed("there is none"))
        status, said = answer.status_code, self._said(answer)
        if status in _KEY_REFUSED:
            error = BackendUnavailableError(f"AssemblyAI does not accept the key ({status}: {said}); {CHECK_KEY}")
            return _FailedError(error)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            error = self.failure(FailureReason.RATE_LIMITED, f"takes no more requests ({said}); run it again later")
            return _FailedError(error, may_pass=True, retry_after_s=retry_after_s(answer.headers))
        if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            error = self.failure(FailureReason.SERVICE_ERROR, f"failed ({status}: {said}); run it again later")
            return _FailedError(error, may_pass=True, retry_after_s=retry_after_s(answer.headers))
        if status >= HTTPStatus.BAD_REQUEST:
            return _FailedError(self.refused(said))
        what = f"answered with {status} ({said}), as it never should; check the base URL of the service"
        return _FailedError(self.failure(FailureReason.SERVICE_ERROR, what))

    def _said(self, answer: httpx.Response) -> str:
        """The service's own words about a failure, or what its status means: pages of proxies are not quoted."""
        try:
            said = answer.json()["error"]
        except (ValueError, TypeError, KeyError):
            said = answer.reason_phrase
        return self._clean(str(said))

    def _clean(self, said: str) -> str:
        return " ".join(self._in_key.sub("[key]", said).split())[:_LONGEST_QUOTE]

    def _bound_request(self, request: httpx.Request) -> None:
        left_s = _some_of(self.left_s)
        steps = ("connect", "write", "read", "pool")
        request.extensions = {**request.extensions, "timeout": dict.fromkeys(steps, min(_SILENCE_S, left_s))}

    def _bound_answer(self, answer: httpx.Response) -> None:
        self._answer = answer
        if isinstance(answer.stream, httpx.SyncByteStream):
            answer.stream = _BoundedStream(answer.stream, self.left_s)


class _FailedError(Exception):
    """One try that failed: the error that it ends in if it was the last, and whether another one may go better."""

    def __init__(
        self, error: EmotionPipelineError, *, may_pass: bool = False, retry_after_s: float | None = None
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.may_pass = may_pass
        self.retry_after_s = retry_after_s
        self.longest_pause_s = 0.0


class _OutOfTimeError(Exception):
    """The time for the recording was over before a request was, or in the middle of it."""


class _BoundedFile(io.FileIO):
    def __init__(self, path: Path, left_s: Callable[[], float]) -> None:
        super().__init__(path)
        self._left_s = left_s

    def read(self, size: int | None = -1, /) -> bytes:
        _some_of(self._left_s)
        return super().read(size)


class _BoundedStream(httpx.SyncByteStream):
    """An answer's body, read as long as there is time."""

    def __init__(self, stream: httpx.SyncByteStream, left_s: Callable[[], float]) -> None:
        self._stream = stream
        self._left_s = left_s

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._stream:
            _some_of(self._left_s)
            yield piece

    def close(self) -> None:
        self._stream.close()


def _some_of(left_s: Callable[[], float]) -> float:
    seconds = left_s()
    if seconds <= 0:
        raise _OutOfTimeError
    return seconds


def _shape_of(error: Exception) -> str:
    """What is wrong with an answer, without quoting it: it holds what people said."""
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        return f"{'.'.join(map(str, first['loc']))} ({first['type']})"
    return f"it has no field {error}" if isinstance(error, KeyError) else "it is not the JSON that it should be"
