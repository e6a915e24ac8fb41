"""AssemblyAI: a paid service on the internet that transcribes whole recordings.

A recording with speech in it leaves this machine; one without is not sent. This module decides what the service is
asked for and when its jobs are resumed and deleted; ``assemblyai_client`` makes the requests, ``assemblyai_answer``
reads the transcripts.
"""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
from pydantic import SecretStr

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.suggestions import did_you_mean
from emotion_pipeline.engine.common.types import Span, Transcript
from emotion_pipeline.engine.transcribe.base import TranscriptionFailedError
from emotion_pipeline.engine.transcribe.checkpoints import Checkpoints
from emotion_pipeline.engine.transcribe.guard import FINGERPRINT as GUARD
from emotion_pipeline.engine.transcribe.services.accepted_words import UnusableAnswerError, accepted_transcript
from emotion_pipeline.engine.transcribe.services.assemblyai_answer import FINGERPRINT as ANSWER
from emotion_pipeline.engine.transcribe.services.assemblyai_answer import transcript_of
from emotion_pipeline.engine.transcribe.services.assemblyai_client import (
    CHECK_KEY,
    AssemblyAIClient,
    RefusedError,
    UnknownJobError,
)
from emotion_pipeline.engine.transcribe.transcript_reasons import FailureReason
from emotion_pipeline.engine.transcribe.windows import speech_spans_of

if TYPE_CHECKING:
    from assemblyai.types import TranscriptRequest, TranscriptResponse

# How the service refuses features that it has in other languages only, by the names of request fields.
_NOT_AVAILABLE: Final = re.compile(r"not available (?:in|for) this language: *([\w, ]+)")
# Part of the message with which the service refuses to detect the language of music.
_NO_SPEECH: Final = "no spoken audio"


class AssemblyAITranscriber:
    """A ``Transcriber`` around AssemblyAI's pre-recorded transcription.

    Two-sided calls are transcribed channel by channel; in others the service tells the speakers apart. English gets the
    service's sentiment of each sentence, too.

    :param api_key: of an AssemblyAI account
    :param base_url: of the service, such as https://api.eu.assemblyai.com; None is the one in the United States
    :param timeout_s: longest that one recording may take, upload and queue included
    :param language: ISO 639-1 code of what is spoken; None lets the service detect it
    :param model: the service's name of a model, or several separated by commas in order of preference; None leaves the
        choice to the service
    :param redact_kinds: personal data that the service removes, by its names, such as ``phone_number``
    :param poll_s: between two polls of a job, and before a request is repeated for the first time
    :param attempts: at each request
    :param delete_after: have the service delete transcript and audio when they are no longer needed there
    :raises BackendUnavailableError: the key, the base URL or a kind of personal data is missing or invalid
    """

    def __init__(
        self,
        api_key: str | None,
        *,
        base_url: str | None = None,
        timeout_s: float = 3600.0,
        language: str | None = None,
        model: str | None = None,
        redact_kinds: Sequence[str] = (),
        poll_s: float = 3.0,
        attempts: int = 5,
        delete_after: bool = True,
    ) -> None:
        if base_url:
            _check_url(base_url)
        options = {"base_url": base_url, "timeout_s": timeout_s, "poll_s": poll_s, "request_attempts": attempts}
        self._new_client = partial(AssemblyAIClient, _valid_key(api_key), **options)
        self._redact_kinds = _valid_kinds(redact_kinds)
        self._language = language
        self._models = [name.strip() for name in model.split(",")] if model else None
        self._delete_after = delete_after

    @property
    def fingerprint(self) -> str:
        models = ",".join(self._models or ["default"])
        redacted = "+".join(self._redact_kinds) or "none"
        rules = f"language={self._language or 'any'},redacted={redacted},{ANSWER},{GUARD.replace(':', '=')}"
        return f"assemblyai:{models}:{version('assemblyai')}:{rules}"

    def transcribe(
        self, recording: Path, checkpoints: Checkpoints | None = None, speakers: tuple[str, ...] | None = None
    ) -> Transcript:
        """Return what was said; see ``Transcriber``. A submitted job is a checkpoint, so that it is paid only once."""
        speech = speech_spans_of(recording, speakers)
        if not any(speech.values()):
            return self._without_words(speech)
        with self._new_client(recording.name) as client:
            try:
                transcript = self._transcript(client, recording, speech, checkpoints)
            except UnusableAnswerError as error:
                self._delete(client)
                message = f"{recording.name}: AssemblyAI's transcript cannot be used: {error}; run it again"
                raise TranscriptionFailedError(FailureReason.MALFORMED_ANSWER, message) from error
            except TranscriptionFailedError as error:
                if checkpoints is None or isinstance(error, RefusedError):  # nobody will resume the job
                    self._delete(client)
                raise
            if checkpoints is not None:
                checkpoints.clear()
            self._delete(client)
        return transcript

    def _delete(self, client: AssemblyAIClient) -> None:
        if self._delete_after:
            client.delete_jobs()

    def _transcript(
        self,
        client: AssemblyAIClient,
        recording: Path,
        speech: Mapping[str, Sequence[Span]],
        checkpoints: Checkpoints | None,
    ) -> Transcript:
        try:
            answer = self._resume(client, checkpoints)
            if answer is None:
                answer = self._start(client, client.upload(recording), checkpoints, by_channel=len(speech) > 1)
        except RefusedError as error:
            if _NO_SPEECH not in error.service_text:
                raise
            return self._without_words(speech)
        return transcript_of(answer, speech, _all_kinds() if self._redact_kinds else ())

    def _resume(self, client: AssemblyAIClient, checkpoints: Checkpoints | None) -> "TranscriptResponse | None":
        """Return the answer to the job that an earlier attempt submitted, None where there is none."""
        job = checkpoints.read(self._checkpoint) if checkpoints is not None else None
        try:
            return None if job is None else client.wait(job)
        except (RefusedError, UnknownJobError):
            return None  # failed jobs cost nothing and may be submitted again

    def _start(
        self, client: AssemblyAIClient, audio_url: str, checkpoints: Checkpoints | None, *, by_channel: bool
    ) -> "TranscriptResponse":
        """Return the answer to a new job, without the features that the service lacks in the recording's language."""
        features: set[str] = set() if by_channel else {"speaker_labels"}
        if self._language in (None, "en"):
            features.add("sentiment_analysis")
        while True:
            try:
                job = client.submit(self._request(audio_url, features, by_channel))
                if checkpoints is not None:
                    checkpoints.write(self._checkpoint, job)
                return client.wait(job)
            except RefusedError as error:
                match = _NOT_AVAILABLE.search(error.service_text)
                unavailable = features.intersection(name.strip() for name in match[1].split(",")) if match else None
                if not unavailable:
                    raise
                features -= unavailable

    def _request(self, audio_url: str, features: Collection[str], by_channel: bool) -> "TranscriptRequest":
        from assemblyai.types import TranscriptRequest

        redaction = {"redact_pii": True, "redact_pii_policies": self._redact_kinds, "redact_pii_sub": "entity_name"}
        fields = {
            "audio_url": audio_url,
            "language_code": self._language,
            "language_detection": None if self._language else True,
            "speech_models": self._models,
            "multichannel": by_channel or None,
            **dict.fromkeys(features, True),
            **(redaction if self._redact_kinds else {}),
        }
        return TranscriptRequest.model_validate(fields)

    def _without_words(self, speech: Mapping[str, Sequence[Span]]) -> Transcript:
        return accepted_transcript((), speech, language=self._language)

    @property
    def _checkpoint(self) -> str:
        """The name of the checkpoint: it depends on what is asked for, so that no other kind of job is resumed."""
        return f"assemblyai-{hashlib.sha256(self.fingerprint.encode()).hexdigest()[:16]}.txt"


def _valid_key(key: str | None) -> SecretStr:
    stripped = (key or "").strip()
    if not re.fullmatch(r"[!-~]+", stripped):
        raise BackendUnavailableError(f"the key for AssemblyAI is missing or has invalid characters; {CHECK_KEY}")
    return SecretStr(stripped)


def _check_url(base_url: str) -> None:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise BackendUnavailableError(
            "the base URL of AssemblyAI must look like https://api.eu.assemblyai.com, without a user name"
        )


def _valid_kinds(kinds: Sequence[str]) -> tuple[str, ...]:
    for kind in kinds:
        if kind not in (names := _all_kinds()):
            advice = f"the kinds that it removes are {', '.join(names)}{did_you_mean(kind, names)}"
            raise BackendUnavailableError(f"AssemblyAI removes no personal data called {kind!r}; {advice}")
    return tuple(sorted(set(kinds)))


def _all_kinds() -> list[str]:
    """Return the names of all kinds of personal data that the service can remove, in order."""
    from assemblyai import PIIRedactionPolicy

    return sorted(policy.value for policy in PIIRedactionPolicy)
