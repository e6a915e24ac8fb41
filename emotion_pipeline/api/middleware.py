"""What every request passes through: its id, limits by address, figures and its line in the log.

Also: HEAD is answered like GET, and a slash at the end of an address does not count. Written against ASGI itself, so
that no body is read here and little time is added.
"""

import re
import time
import uuid
from fnmatch import fnmatchcase
from typing import Any, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from emotion_pipeline.api.drain import Drain
from emotion_pipeline.api.logs import logger
from emotion_pipeline.api.problems import Problem, overloaded, unexpected
from emotion_pipeline.api.service import Service

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
# Addresses without a limit, and those that are answered while the service stops.
_UNLIMITED: Final = frozenset({"/health", "/ready"})
_ANSWERED_WHILE_STOPPING: Final = _UNLIMITED | {"/metrics"}
# The route of requests that match none.
_UNMATCHED: Final = "unmatched"
_SAFE: Final = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
_RETRY_ELSEWHERE_S: Final = 5
# Requests of one process that are in work at once; more are refused with 503.
_MOST_IN_FLIGHT: Final = 1_000
_UPLOADS: Final = "/predict/audio"
# What a multipart body may hold beside the recording.
_FORM_OVERHEAD_BYTES: Final = 64_000


class RequestMiddleware:
    """Gives each request an id, refuses those beyond the limits or while the service stops, measures and logs."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._service, self._metrics, self._drain = app, service, service.metrics, service.drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, method = time.perf_counter(), scope["method"]
        state = scope.setdefault("state", {})
        # The server keeps its own scope, and leaves out the content of an answer to HEAD.
        path = scope["path"].rstrip("/") or "/"
        scope = {**scope, "method": "GET" if method == "HEAD" else method, "path": path}
        state["request_id"] = _request_id(Headers(scope=scope))
        answer = _Answer(send, state["request_id"], closing=self._drain)
        self._drain.in_flight += 1
        self._metrics.in_flight.inc()
        try:
            await self._admit(scope)
            await self._app(scope, _bounded(scope, receive, self._most_bytes(scope["path"])), answer.send)
        except Problem as problem:
            await problem.response(state["request_id"])(scope, receive, answer.send)
        except Exception as error:  # noqa: BLE001 - the client always gets problem details, and the log no trace
            problem = unexpected(error)
            if answer.status is None:
                await problem.response(state["request_id"])(scope, receive, answer.send)
        finally:
            self._drain.in_flight -= 1
            self._metrics.in_flight.dec()
            self._record(scope, method, answer.status or 499, time.perf_counter() - started)

    def _most_bytes(self, path: str) -> int:
        api = self._service.settings.api
        return api.uploads.max_bytes + _FORM_OVERHEAD_BYTES if path.endswith(_UPLOADS) else api.limits.body_bytes

    async def _admit(self, scope: Scope) -> None:
        path = scope["path"].removeprefix("/v1")
        if path in _UNLIMITED:
            return
        if self._drain.refuses and path not in _ANSWERED_WHILE_STOPPING:
            raise overloaded("stopping", "The service stops; ask another instance.", _RETRY_ELSEWHERE_S)
        if self._drain.in_flight > _MOST_IN_FLIGHT:
            raise overloaded("too_many_in_flight", "Too many requests are in work; come back in a moment.")
        headers = Headers(scope=scope)
        hosts, host = self._service.settings.api.allowed_hosts, _host(headers)
        if hosts and not any(fnmatchcase(host, allowed.lower()) for allowed in hosts):
            raise Problem(400, "host_not_allowed", "This service does not answer under the name in the Host header.")
        coding = headers.get("content-encoding", "identity").strip().lower()
        if coding not in {"", "identity"}:
            detail = f"The body is encoded ({coding[:40]}); send it as it is, without Content-Encoding."
            raise Problem(415, "encoding_not_taken", detail, headers={"Accept-Encoding": "identity"})
        client = scope.get("client")
        await self._service.limits.take_address(client[0] if client else "local")

    def _record(self, scope: Scope, method: str, status: int, seconds: float) -> None:
        route = _route(scope)
        self._metrics.request_seconds.labels(method, route).observe(seconds)
        self._metrics.requests.labels(method, route, status).inc()
        if status >= 400:
            self._metrics.errors.labels(route, status).inc()
        state: dict[str, Any] = scope["state"]
        logger().info(
            "request",
            request_id=state["request_id"],
            method=method,
            route=route,
            status=status,
            subject=state.get("subject"),
            latency_ms=round(1_000 * seconds, 2),
        )


class _Answer:
    """Sends the response with the headers that every response has, and keeps its status."""

    def __init__(self, send: Send, request_id: str, closing: Drain) -> None:
        self._send, self._request_id, self._drain = send, request_id, closing
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self._request_id
            for name, value in _SAFE.items():
                headers.setdefault(name, value)
            if self._drain.has_begun:
                headers["Connection"] = "close"
        await self._send(message)


def _bounded(scope: Scope, receive: Receive, most_bytes: int) -> Receive:
    """Return a ``receive`` that refuses a body of more bytes; one that declares more is refused at the first read.

    Starlette's own limit would answer before the token is verified, and without problem details.
    """
    declared = Headers(scope=scope).get("content-length", "")
    size = int(declared) if declared.isdigit() else 0
    received = 0

    async def receive_bounded() -> Message:
        nonlocal received
        if size > most_bytes:
            raise HTTPException(413)
        message = await receive()
        received += len(message.get("body", b""))
        if received > most_bytes:
            raise HTTPException(413)
        return message

    return receive_bounded


def _request_id(headers: Headers) -> str:
    sent = headers.get("x-request-id", "")
    return sent if _REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex


def _host(headers: Headers) -> str:
    """Return the host that a request names, in small letters, without its port."""
    return re.sub(r":\d+$", "", headers.get("host", "")).lower()


def _route(scope: Scope) -> str:
    """Return the pattern that matched, so that neither figures nor log hold what a client put into a path."""
    route = scope.get("route")
    return getattr(route, "path", None) or _UNMATCHED
