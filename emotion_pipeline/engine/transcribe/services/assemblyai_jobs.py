"""AssemblyAI's jobs: upload a recording, submit a job, wait for it, have it deleted.

How a request is made and what becomes of one that fails is the business of ``assemblyai_requests``; what a transcript
says, that of ``assemblyai_answer``. Source of the protocol: https://www.assemblyai.com/docs/api-reference
"""

import logging
import re
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import httpx
from pydantic import SecretStr

from emotion_pipeline.engine.common.errors import EmotionPipelineError
from emotion_pipeline.engine.transcribe.base import TranscriptionFailedError
from emotion_pipeline.engine.transcribe.services.assemblyai_requests import AssemblyAIRequests, RefusedError
from emotion_pipeline.engine.transcribe.transcript_reasons import FailureReason

if TYPE_CHECKING:
    from assemblyai.types import TranscriptRequest, TranscriptResponse

# What deleting may take in all, also when the time for transcribing is over.
_DELETING_S: Final = 30.0
# Takes the place of the address of the audio when a job is deleted, which stays known and completed.
_DELETED: Final = "deleted_by_user"
_JOB: Final = re.compile(r"[\w-]{1,100}")

_LOG: Final = logging.getLogger(__name__)


class AssemblyAIJobs:
    """The jobs of one recording; a context manager that closes the connections to the service.

    For the parameters see ``AssemblyAIRequests``; ``poll_s`` is also the time between two looks at a job. What its
    methods raise is described at ``AssemblyAIRequests.ask``.
    """

    def __init__(
        self, key: SecretStr, name: str, *, base_url: str | None, timeout_s: float, poll_s: float, attempts: int
    ) -> None:
        self._requests = AssemblyAIRequests(
            key, name, base_url=base_url, timeout_s=timeout_s, pause_s=poll_s, attempts=attempts
        )
        self._poll_s = poll_s
        self._known: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._requests.close()

    def upload(self, recording: Path) -> str:
        """Return the address under which the service, and nobody else, finds the bytes of ``recording``."""
        from assemblyai import api

        def send(http: httpx.Client) -> str:
            with self._requests.bounded_file(recording) as file:
                return api.upload_file(http, file)

        return self._requests.ask("uploading", send)

    def submit(self, request: "TranscriptRequest") -> str:
        """Return the identifier of the job that was made."""
        from assemblyai import api

        job = self._requests.ask("submitting", lambda http: api.create_transcript(http, request)).id
        if job is None or not _JOB.fullmatch(job):
            raise self._requests.malformed("the job has no usable id")
        return job

    def wait(self, job: str) -> "TranscriptResponse | None":
        """Return the transcript once it is there, or None where the service does not know the job or has deleted it."""
        from assemblyai import TranscriptStatus

        if not _JOB.fullmatch(job):
            return None
        self._known.append(job)
        while (answer := self._look_at(job)) is not None:
            if isinstance(answer, RefusedError):
                raise answer
            if answer.status == TranscriptStatus.completed:
                return answer
            if self._requests.left_s() <= 0:
                raise self._requests.out_of_time("waiting for the transcript")
            time.sleep(max(0.0, min(self._poll_s, self._requests.left_s())))
        self._known.remove(job)
        return None

    def lost(self, job: str) -> TranscriptionFailedError:
        """The error for a job that was submitted and of which the service knows nothing."""
        return self._requests.failure(FailureReason.SERVICE_ERROR, f"does not know its job {job}; run it again")

    def forget(self) -> None:
        """Have the service delete the jobs that were waited for, the audio with them; a failure is only logged."""
        from assemblyai import api

        self._requests.extend_to(_DELETING_S)
        for job in self._known:
            try:
                self._requests.ask("deleting", lambda http, job=job: api.delete_transcript(http, job))
            except EmotionPipelineError as error:
                _LOG.warning("AssemblyAI may still hold the transcript %s, delete it there: %s", job, error)

    def _look_at(self, job: str) -> "TranscriptResponse | RefusedError | None":
        """Return how far a job is, what it failed with, or None where it is unknown or deleted."""
        from assemblyai import TranscriptStatus, api

        def look(http: httpx.Client) -> "TranscriptResponse | RefusedError | None":
            answer = api.get_transcript(http, job)
            if answer.status == TranscriptStatus.error:
                return self._requests.refused(answer.error or "it gave no reason")
            return None if _DELETED in answer.audio_url else answer

        try:
            return self._requests.ask("waiting for the transcript", look)
        except RefusedError:  # a request that holds nothing but the identifier is refused with 400 or 404 for that
            return None
