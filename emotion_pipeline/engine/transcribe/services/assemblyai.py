"""AssemblyAI: a service that transcribes a whole recording by itself, over the internet and for money.

Audio leaves this machine; of a recording in which nobody speaks nothing does. Jobs at the service are the business of
``assemblyai_jobs``, reading a transcript that of ``assemblyai_answer``; here stands what is asked for, and what is
done about a recording from the first request to the last.
"""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
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
from emotion_pipeline.engine.transcribe.services.assemblyai_answer import FINGERPRINT as ANSWER
from emotion_pipeline.engine.transcribe.services.assemblyai_answer import transcript_of
from emotion_pipeline.engine.transcribe.services.assemblyai_jobs import AssemblyAIJobs
from emotion_pipeline.engine.transcribe.services.assemblyai_requests import CHECK_KEY, RefusedError
from emotion_pipeline.engine.transcribe.services.words import UnusableAnswerError
from emotion_pipeline.engine.transcribe.transcript_reasons import FailureReason
from emotion_pipeline.engine.transcribe.windows import speech_spans_of

if TYPE_CHECKING:
    from assemblyai.types import TranscriptRequest, TranscriptResponse

# How the service refuses what it offers in other languages only, by the names of request fields.
_NOT_AVAILABLE: Final = re.compile(r"not available (?:in|for) this language: *([\w, ]+)")
# Is in the words by which the service refuses to tell the language of music.
_NO_SPEECH: Final = "no spoken audio"


class AssemblyAITranscriber:
    """A ``Transcriber`` around AssemblyAI's pre-recorded transcription.

    Two-sided calls are transcribed channel by channel; in others the service tells the speakers apart. English gets the
    service's sentiment of each sentence too.

    :param api_key: of an AssemblyAI account
    :param base_url: of the service, such as https://api.eu.assemblyai.com; None is the one in the United States
    :param timeout_s: longest that one recording may take, upload, queue and all
    :param language: ISO 639-1 code of what is spoken; None lets the service find out
    :param model: the service's name of a model, or several separated by commas in order of preference; None leaves the
        choice to the service
    :param redact_kinds: personal data that the service takes out, by its names, such as ``phone_number``
    :param poll_s: between two looks at a job, and before a request is tried again for the first time
    :param attempts: at one request
    :param delete_after: have the service delete transcript and audio when they are no longer needed there
    :raises BackendUnavailableError: there is no usable key, or the base URL or a kind of data is none
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
        self._key = _checked_key(api_key)
        self._base_url = _checked_url(base_url) if base_url else None
        self._redact_kinds = _checked_kinds(redact_kinds)
        self._timeout_s = timeout_s
        self._language = language
        self._models = [name.strip() for name in model.split(",")] if model else None
        self._poll_s = poll_s
        self._attempts = attempts
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
        """Return what was said; see ``Transcriber``. A job that was submitted is a checkpoint: it is not paid twice."""
        speech = speech_spans_of(recording, speakers)
        if not any(speech.values()):
            return self._without_words(speech)
        with self._jobs(recording) as jobs:
            try:
                transcript = self._transcribed(jobs, recording, speech, checkpoints)
            except UnusableAnswerError as error:
                self._forget(jobs)
                what = f"{recording.name}: AssemblyAI's transcript cannot be used: {error}; run it again"
                raise TranscriptionFailedError(FailureReason.MALFORMED_ANSWER, what) from error
            except RefusedError:
                self._forget(jobs)
                raise
            except TranscriptionFailedError:
                if checkpoints is None:  # nobody will ever ask for it again
                    self._forget(jobs)
                raise
            if checkpoints is not None:
                checkpoints.clear()
            self._forget(jobs)
        return transcript

    def _jobs(self, recording: Path) -> AssemblyAIJobs:
        return AssemblyAIJobs(
            self._key,
            recording.name,
            base_url=self._base_url,
            timeout_s=self._timeout_s,
            poll_s=self._poll_s,
            attempts=self._attempts,
        )

    def _forget(self, jobs: AssemblyAIJobs) -> None:
        if self._delete_after:
            jobs.forget()

    def _transcribed(
        self,
        jobs: AssemblyAIJobs,
        recording: Path,
        speech: Mapping[str, Sequence[Span]],
        checkpoints: Checkpoints | None,
    ) -> Transcript:
        try:
            answer = self._resumed(jobs, checkpoints)
            if answer is None:
                answer = self._begun(jobs, jobs.upload(recording), checkpoints, by_channel=len(speech) > 1)
        except RefusedError as refused:
            if _NO_SPEECH not in refused.words:
                raise
            return self._without_words(speech)
        return transcript_of(answer, speech, _kinds() if self._redact_kinds else ())

    def _resumed(self, jobs: AssemblyAIJobs, checkpoints: Checkpoints | None) -> "TranscriptResponse | None":
        """Return what came of the job that an earlier attempt submitted, None where it came to nothing."""
        job = checkpoints.read(self._checkpoint) if checkpoints is not None else None
        if job is None:
            return None
        try:
            return jobs.wait(job)
        except RefusedError:
            return None  # the service asks to submit failed jobs again, and takes no money for them

    def _begun(
        self, jobs: AssemblyAIJobs, audio: str, checkpoints: Checkpoints | None, *, by_channel: bool
    ) -> "TranscriptResponse":
        """Return what comes of a new job, without what the service does not offer in the language of the recording."""
        features = set() if by_channel else {"speaker_labels"}
        if self._language in (None, "en"):
            features.add("sentiment_analysis")
        try:
            return self._finished(jobs, self._request(audio, features, by_channel=by_channel), checkpoints)
        except RefusedError as refused:
            lacking = features & _unavailable(refused.words)
            if not lacking:
                raise
        return self._finished(jobs, self._request(audio, features - lacking, by_channel=by_channel), checkpoints)

    def _finished(
        self, jobs: AssemblyAIJobs, request: "TranscriptRequest", checkpoints: Checkpoints | None
    ) -> "TranscriptResponse":
        job = jobs.submit(request)
        if checkpoints is not None:
            checkpoints.write(self._checkpoint, job)
        answer = jobs.wait(job)
        if answer is None:
            raise jobs.lost(job)
        return answer

    def _request(self, audio: str, features: Collection[str], *, by_channel: bool) -> "TranscriptRequest":
        from assemblyai.types import PIIRedactionPolicy, PIISubstitutionPolicy, TranscriptRequest

        request = TranscriptRequest(
            audio_url=audio,
            language_code=self._language,
            language_detection=None if self._language else True,
            speech_models=self._models,
            multichannel=by_channel or None,
            speaker_labels="speaker_labels" in features or None,
            sentiment_analysis="sentiment_analysis" in features or None,
        )
        if self._redact_kinds:
            request.redact_pii = True
            request.redact_pii_policies = [PIIRedactionPolicy(kind) for kind in self._redact_kinds]
            request.redact_pii_sub = PIISubstitutionPolicy.entity_name
        return request

    def _without_words(self, speech: Mapping[str, Sequence[Span]]) -> Transcript:
        return Transcript(
            words=(),
            speech=tuple(sorted((span for spans in speech.values() for span in spans), key=lambda span: span.start)),
            language=self._language,
            language_probability=None,
            speakers_by="channel" if len(speech) > 1 else "assumed_one",
        )

    @property
    def _checkpoint(self) -> str:
        """Under which name a job is kept: by what it was asked for, so that no other kind of job is taken over."""
        return f"assemblyai-{hashlib.sha256(self.fingerprint.encode()).hexdigest()[:16]}.txt"


def _checked_key(key: str | None) -> SecretStr:
    if key is None or not key.strip():
        raise BackendUnavailableError(f"AssemblyAI needs a key; {CHECK_KEY}")
    if not re.fullmatch(r"[!-~]+", key.strip()):
        raise BackendUnavailableError(f"the key for AssemblyAI has characters that no key has; {CHECK_KEY}")
    return SecretStr(key.strip())


def _checked_url(base_url: str) -> str:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise BackendUnavailableError(
            "the base URL of AssemblyAI must look like https://api.eu.assemblyai.com, without a user name"
        )
    return base_url


def _checked_kinds(kinds: Sequence[str]) -> tuple[str, ...]:
    if not kinds:
        return ()
    for kind in kinds:
        if kind not in _kinds():
            codes = sorted(_kinds())
            raise BackendUnavailableError(
                f"AssemblyAI takes out no personal data called {kind!r}; the kinds that it takes out are "
                f"{', '.join(codes)}{did_you_mean(kind, codes)}"
            )
    return tuple(sorted(set(kinds)))


def _kinds() -> frozenset[str]:
    """Return the names of all kinds of personal data that the service can take out."""
    from assemblyai import PIIRedactionPolicy

    return frozenset(policy.value for policy in PIIRedactionPolicy)


def _unavailable(words: str) -> frozenset[str]:
    found = _NOT_AVAILABLE.search(words)
    return frozenset(name.strip() for name in found[1].split(",")) if found else frozenset()
