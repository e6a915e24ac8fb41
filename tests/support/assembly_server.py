"""AssemblyAI's pre-recorded API on 127.0.0.1: upload, submit, poll, delete, as the service does it, failures included.

Source of fields, status codes and words: https://www.assemblyai.com/docs/api-reference. What is said in a recording is
given by the test; how it comes back depends on what the client asks for. A test can have any request fail first.
"""

import json
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

KEY: Final = "0123456789abcdef0123456789abcdef"

SUBMIT: Final = "POST /v2/transcript"
UPLOAD: Final = "POST /v2/upload"
POLL: Final = "GET /v2/transcript/{id}"
DELETE: Final = "DELETE /v2/transcript/{id}"

_FIELDS: Final = {
    "audio_url": str,
    "language_code": str,
    "language_detection": bool,
    "speech_models": list,
    "multichannel": bool,
    "speaker_labels": bool,
    "sentiment_analysis": bool,
    "redact_pii": bool,
    "redact_pii_policies": list,
    "redact_pii_sub": str,
}


@dataclass(frozen=True)
class SpokenWord:
    """A word as somebody said it: times in milliseconds, the voice by number, which personal data it is."""

    text: str
    start: int
    end: int
    confidence: float = 0.95
    voice: int = 0
    personal: str | None = None


@dataclass
class Speech:
    """What the service hears in the recordings of a test."""

    words: Sequence[SpokenWord] = ()
    language: str = "en_us"
    language_confidence: float = 0.98
    # First word, word after the last, sentiment.
    sentences: Sequence[tuple[int, int, str]] = ()
    english_only: Sequence[str] = ("sentiment_analysis",)
    # With which every job ends, if it does.
    error: str | None = None


@dataclass
class Fault:
    """What is sent instead of the right answer, so many times; ``stall_s`` before it."""

    status: int = 500
    # ``{authorization}`` in it becomes the header that the client sent; None is the service's own words.
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int = 1
    stall_s: float = 0.0
    hang_up: bool = False
    # Pause between the bytes of the body.
    trickle_s: float = 0.0


_WORDS_OF: Final = {
    400: "format_text must be a Boolean",
    401: "Authentication error, API token missing/invalid",
    429: "Too many requests, please try again later",
    500: "Server error, developers have been alerted.",
}


class AssemblyServer(ThreadingHTTPServer):
    """The service. ``seen`` lists what it was asked; ``jobs`` is what it keeps."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.speech = Speech()
        self.faults: dict[str, list[Fault]] = {}
        self.overrides: dict[str, Any] = {}
        """Fields of completed transcripts that are other than they should be; ``...`` leaves a field out."""
        self.polls_needed = 2
        """Until a job is done: queued, processing, completed."""
        self.seen: list[str] = []
        self.submitted: list[dict[str, Any]] = []
        self.user_agents: set[str] = set()
        self.uploads: dict[str, bytes] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.polls: dict[str, int] = {}
        self.closing = threading.Event()
        self.lock = threading.Lock()

    def fail(self, route: str, *faults: Fault) -> None:
        self.faults.setdefault(route, []).extend(faults)

    def count(self, route: str) -> int:
        return self.seen.count(route)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients of these tests hang up; that is no news."""


@contextmanager
def assembly_server() -> Iterator[AssemblyServer]:
    """Run the service in a thread for as long as the block lasts."""
    server = AssemblyServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def service(self) -> AssemblyServer:
        assert isinstance(self.server, AssemblyServer)
        return self.server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        route = f"POST {self.path}"
        if self._goes_on(route):
            if route == UPLOAD:
                self._upload(body)
            elif route == SUBMIT:
                self._submit(body)
            else:
                self._refuse(404, "Not found")

    def do_GET(self) -> None:
        if self._goes_on(POLL):
            job = self._job()
            if job is not None:
                self._send(200, self._progress(job))

    def do_DELETE(self) -> None:
        if self._goes_on(DELETE):
            job = self._job()
            if job is not None:
                self.service.uploads.pop(job["audio_url"], None)
                emptied = {name: None for name in job if name not in ("id", "status")}
                job.update(emptied, audio_url="http://deleted_by_user", text="Deleted by user.", is_deleted=True)
                self._send(200, job)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Tests show nothing."""

    def _goes_on(self, route: str) -> bool:
        """Note the request; send what was arranged instead of an answer, if anything was, or check the key."""
        with self.service.lock:
            self.service.seen.append(route)
            self.service.user_agents.add(self.headers.get("User-Agent", ""))
            faults = self.service.faults.get(route, [])
            fault = faults[0] if faults else None
            if fault is not None:
                fault.times -= 1
                if fault.times == 0:
                    faults.pop(0)
        if fault is not None:
            self._fail(fault)
        elif self.headers.get("Authorization") != KEY:
            self._refuse(401)
        else:
            return True
        return False

    def _fail(self, fault: Fault) -> None:
        if fault.stall_s:
            self.service.closing.wait(fault.stall_s)
        if fault.hang_up:
            self.close_connection = True
            self.connection.close()
            return
        body = fault.body if fault.body is not None else json.dumps({"error": _WORDS_OF.get(fault.status, "Failed")})
        data = body.replace("{authorization}", self.headers.get("Authorization", "")).encode()
        self._begin(fault.status, len(data), fault.headers)
        for at in range(len(data)):
            if fault.trickle_s and self.service.closing.wait(fault.trickle_s):
                break
            self.wfile.write(data[at : at + 1])

    def _upload(self, body: bytes) -> None:
        url = f"https://cdn.assemblyai.com/upload/{uuid.uuid4()}"
        self.service.uploads[url] = body
        self._send(200, {"upload_url": url})

    def _submit(self, body: bytes) -> None:
        request = json.loads(body)
        self.service.submitted.append(request)
        for name, value in request.items():
            if name not in _FIELDS:
                return self._refuse(400, f"Invalid endpoint schema, {name} is unknown")
            if not isinstance(value, _FIELDS[name]):
                return self._refuse(400, f"{name} must be a {_FIELDS[name].__name__}")
        if request.get("audio_url") not in self.service.uploads:
            return self._refuse(400, "audio_url should start with http")
        if request.get("redact_pii") and not request.get("redact_pii_policies"):
            return self._refuse(400, "redact_pii_policies must be set")
        lacking = _lacking(request, request.get("language_code", "en"), self.service.speech)
        if lacking:
            return self._refuse(400, lacking)
        job = {"id": str(uuid.uuid4()), "status": "queued", **_NOTHING_YET, **request}
        self.service.jobs[job["id"]] = job
        return self._send(200, job)

    def _job(self) -> dict[str, Any] | None:
        job = self.service.jobs.get(self.path.rpartition("/")[2])
        if job is None:
            self._refuse(400, "Transcript lookup error, transcript id not found")
        return job

    def _progress(self, job: dict[str, Any]) -> dict[str, Any]:
        polls = self.service.polls[job["id"]] = self.service.polls.get(job["id"], -1) + 1
        if job["status"] in ("queued", "processing"):
            job["status"] = "processing" if polls else "queued"
            if polls >= self.service.polls_needed:
                job.update(_completed(job, self.service.speech))
                job.update(self.service.overrides)
        return {name: value for name, value in job.items() if value is not ...}

    def _refuse(self, status: int, words: str | None = None) -> None:
        self._send(status, {"error": words or _WORDS_OF[status]})

    def _send(self, status: int, answer: Mapping[str, Any]) -> None:
        data = json.dumps(answer).encode()
        self._begin(status, len(data))
        self.wfile.write(data)

    def _begin(self, status: int, length: int, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status, HTTPStatus(status).phrase)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length))
        self.end_headers()


_NOTHING_YET: Final = {
    "language_code": None,
    "language_confidence": None,
    "language_detection": False,
    "speech_models": None,
    "speech_model_used": None,
    "multichannel": None,
    "speaker_labels": False,
    "sentiment_analysis": False,
    "redact_pii": False,
    "redact_pii_policies": None,
    "redact_pii_sub": None,
    "text": None,
    "words": None,
    "utterances": None,
    "sentiment_analysis_results": None,
    "confidence": None,
    "audio_duration": None,
    "audio_channels": None,
    "error": None,
    "punctuate": True,
    "format_text": True,
    "webhook_auth": False,
    "auto_highlights": False,
    "iab_categories": False,
    "iab_categories_result": {},
    "content_safety": False,
    "content_safety_labels": {},
    "entities": None,
    "is_deleted": None,
}


def _completed(job: Mapping[str, Any], speech: Speech) -> dict[str, Any]:
    """The fields that change when a job is done."""
    if speech.error is not None:
        return {"status": "error", "error": speech.error}
    lacking = _lacking(job, speech.language, speech) if job["language_detection"] else None
    if lacking:
        return {"status": "error", "error": lacking}
    words = [_word(word, job) for word in speech.words]
    return {
        "status": "completed",
        "text": " ".join(word["text"] for word in words),
        "words": words,
        "utterances": _utterances(words) if job["speaker_labels"] or job["multichannel"] else None,
        "sentiment_analysis_results": _sentiments(words, speech) if job["sentiment_analysis"] else None,
        "language_code": speech.language if job["language_detection"] else job["language_code"] or "en_us",
        "language_confidence": speech.language_confidence if job["language_detection"] else None,
        "speech_model_used": (job["speech_models"] or ["universal-2"])[0],
        "confidence": 0.95,
        "audio_duration": 30,
        "audio_channels": 2 if job["multichannel"] else None,
    }


def _lacking(request: Mapping[str, Any], language: str, speech: Speech) -> str | None:
    lacking = [name for name in speech.english_only if request.get(name) and not language.startswith("en")]
    return f"The following models are not available in this language: {', '.join(lacking)}" if lacking else None


def _word(spoken: SpokenWord, job: Mapping[str, Any]) -> dict[str, Any]:
    text = spoken.text
    if spoken.personal is not None and spoken.personal in (job["redact_pii_policies"] or ()):
        by_name = job["redact_pii_sub"] == "entity_name"
        text = f"[{spoken.personal.upper()}]" if by_name else "#" * len(spoken.text)
    word: dict[str, Any] = {
        "text": text,
        "start": spoken.start,
        "end": spoken.end,
        "confidence": spoken.confidence,
        "speaker": None,
    }
    if job["multichannel"]:
        word["channel"] = word["speaker"] = str(spoken.voice + 1)
    elif job["speaker_labels"]:
        word["speaker"] = "ABCDEFGH"[spoken.voice]
    return word


def _utterances(words: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    turns: list[list[dict[str, Any]]] = []
    for word in words:
        if not turns or turns[-1][-1]["speaker"] != word["speaker"]:
            turns.append([])
        turns[-1].append(word)
    return [{**_sentence(turn), "words": turn} for turn in turns]


def _sentiments(words: Sequence[dict[str, Any]], speech: Speech) -> list[dict[str, Any]]:
    return [{**_sentence(words[first:end]), "sentiment": label} for first, end, label in speech.sentences]


def _sentence(words: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        **words[0],
        "text": " ".join(word["text"] for word in words),
        "end": words[-1]["end"],
        "confidence": sum(word["confidence"] for word in words) / len(words),
    }
