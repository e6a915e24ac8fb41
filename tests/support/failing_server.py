"""An HTTP server on 127.0.0.1 that fails in every way that servers on the web do, for real: over a socket.

The first part of a path says how it behaves, as in ``/reset_mid_body/call.wav``; what follows is free, so that two
tests never share a counter. What each behaviour does stands in its function's first sentence.
"""

import functools
import gzip
import hashlib
import random
import re
import socket
import socketserver
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import PurePosixPath
from types import TracebackType
from typing import Final
from urllib.parse import parse_qs, urlsplit

# What is served as audio unless a test brings its own.
PAYLOAD: Final = b"OggS" + random.Random(20_261_121).randbytes(300_000)

# What lies there after the file was changed on the server.
OTHER_PAYLOAD: Final = b"OggS" + random.Random(20_261_122).randbytes(250_000)

_STATUS_LINES: Final = {200: "OK", 206: "Partial Content", 302: "Found", 404: "Not Found", 416: "Range Not Satisfiable"}
_TYPES: Final = {".mp4": "video/mp4", ".ogg": "audio/ogg", ".mp3": "audio/mpeg", ".wav": "audio/wav"}


def closed_port() -> int:
    """Return a port of 127.0.0.1 at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in; header names in small letters."""

    method: str
    path: str
    headers: dict[str, str]


class Answer:
    """What a behaviour answers with: the socket, the request, and the how-manieth one for its path it is."""

    def __init__(self, server: "FailingServer", connection: socket.socket, request: Request, number: int) -> None:
        self.server = server
        self.request = request
        self.number = number
        self._connection = connection

    def head(self, status: int, **headers: str | int) -> None:
        """Send status and headers; ``Content_Length`` becomes Content-Length."""
        lines = [f"HTTP/1.1 {status} {_STATUS_LINES.get(status, 'Whatever')}", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send("\r\n".join([*lines, "", ""]).encode())

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)

    def drip(self, data: bytes) -> None:
        """Send a byte every 20 ms until the server is stopped or nobody listens any more."""
        for byte in data:
            if self.server.stopping.wait(0.02):
                return
            self.send(bytes([byte]))

    def stall(self) -> None:
        """Keep silent until the server is stopped."""
        self.server.stopping.wait(60.0)

    def reset(self) -> None:
        """Close with RST instead of FIN, as a crashed server or a firewall does."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()

    @property
    def media_type(self) -> str:
        return _TYPES.get(PurePosixPath(urlsplit(self.request.path).path).suffix, "application/octet-stream")

    def offset(self, etag: str) -> int:
        """Return where the asked range begins, 0 without one or where If-Range names another version."""
        match = re.fullmatch(r"bytes=(\d+)-", self.request.headers.get("range", ""))
        return int(match.group(1)) if match and self.request.headers.get("if-range", etag) == etag else 0

    def serve(self, payload: bytes, *, stop_after: int | None = None, etag: str | None = None, **headers: str) -> None:
        """Serve as a good server does, ranges included, or the first ``stop_after`` bytes of what was asked for."""
        etag = etag or f'"{hashlib.sha256(payload).hexdigest()[:8]}"'
        offset = self.offset(etag)
        common = {"Content_Type": self.media_type, "ETag": etag, "Accept_Ranges": "bytes"} | headers
        if offset >= len(payload):
            self.head(416, Content_Range=f"bytes */{len(payload)}", Content_Length=0)
            return
        body = payload[offset:]
        if offset:
            whole = f"bytes {offset}-{len(payload) - 1}/{len(payload)}"
            self.head(206, Content_Length=len(body), Content_Range=whole, **common)
        else:
            self.head(200, Content_Length=len(body), **common)
        if self.request.method != "HEAD":
            self.send(body[:stop_after])


class FailingServer:
    """Listens from ``with`` to the end of the block; every socket and thread is gone then."""

    def __init__(
        self, payload: bytes = PAYLOAD, host: str = "127.0.0.1", context: ssl.SSLContext | None = None
    ) -> None:
        self.payload = payload
        self.stopping = threading.Event()
        self.requests: list[Request] = []
        self._host, self._context = host, context
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __enter__(self) -> "FailingServer":
        handler = functools.partial(_Handler, self, self._context)
        self._tcp = _TCPServer((self._host, 0), handler)
        self._thread = threading.Thread(target=self._tcp.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._tcp.shutdown()
        self._tcp.server_close()  # waits for the threads that still answer
        self._thread.join()

    @property
    def port(self) -> int:
        return self._tcp.server_address[1]

    def url(self, path: str, credentials: str = "") -> str:
        """Return the address of a path, as in ``url("/serve/a.mp3")``; credentials as in ``"user:password@"``."""
        return f"{'https' if self._context else 'http'}://{credentials}{self._host}:{self.port}{path}"

    def count(self, path: str) -> int:
        """Return how many requests a path has had."""
        return self._counts[path]

    def answer(self, connection: socket.socket, request: Request) -> None:
        with self._lock:
            self.requests.append(request)
            self._counts[request.path] += 1
            number = self._counts[request.path]
        name = urlsplit(request.path).path.split("/")[1]
        BEHAVIOURS.get(name, _not_found)(Answer(self, connection, request, number))


class _TCPServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away in the middle is what many tests are about, and nothing to report."""


class _Handler(socketserver.BaseRequestHandler):
    def __init__(self, owner: FailingServer, context: ssl.SSLContext | None, *args: object) -> None:
        self._owner, self._context = owner, context
        super().__init__(*args)  # type: ignore[arg-type]

    def handle(self) -> None:
        connection: socket.socket = self.request
        connection.settimeout(10.0)
        if self._context is None:
            self._answer(connection)
            return
        with self._context.wrap_socket(connection, server_side=True) as encrypted:
            self._answer(encrypted)

    def _answer(self, connection: socket.socket) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            block = connection.recv(65_536)
            if not block:
                return
            received += block
        first, *lines = received.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self._owner.answer(connection, Request(method, path, headers))


def _serve(answer: Answer) -> None:
    """Serve the payload; the one thing that does not fail."""
    answer.serve(answer.server.payload)


def _serve_without_length(answer: Answer) -> None:
    """Serve the payload and say neither how long it is nor which version."""
    answer.head(200, Content_Type=answer.media_type)
    answer.send(answer.server.payload)


def _serve_chunked(answer: Answer) -> None:
    """Serve the payload in chunks."""
    answer.head(200, Content_Type=answer.media_type, Transfer_Encoding="chunked")
    for start in range(0, len(answer.server.payload), 50_000):
        block = answer.server.payload[start : start + 50_000]
        answer.send(f"{len(block):x}\r\n".encode() + block + b"\r\n")
    answer.send(b"0\r\n\r\n")


def _serve_gzipped(answer: Answer) -> None:
    """Serve the payload compressed although nobody asked for it."""
    body = gzip.compress(answer.server.payload)
    answer.head(200, Content_Type=answer.media_type, Content_Length=len(body), Content_Encoding="gzip")
    answer.send(body)


def _serve_after_early_hints(answer: Answer) -> None:
    """Send an informational answer before the real one, in one piece with it."""
    body = answer.server.payload
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
    answer.send(hints + f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)


def _disposition(answer: Answer) -> None:
    """Serve the payload under the name that the parameter ``as`` holds."""
    name = parse_qs(urlsplit(answer.request.path).query)["as"][0]
    answer.serve(answer.server.payload, Content_Disposition=f'attachment; filename="{name}"')


def _asks_for_login(answer: Answer) -> None:
    """Serve to ada with the password lovelace, and answer 401 to everybody else."""
    if answer.request.headers.get("authorization") == "Basic YWRhOmxvdmVsYWNl":
        answer.serve(answer.server.payload)
    else:
        answer.head(401, WWW_Authenticate='Basic realm="calls"', Content_Length=0)


def _sets_a_cookie(answer: Answer) -> None:
    """Redirect to itself with a cookie, and serve to who brings it."""
    if "seen=yes" in answer.request.headers.get("cookie", ""):
        answer.serve(answer.server.payload)
    else:
        answer.head(302, Location=answer.request.path, Set_Cookie="seen=yes; Path=/", Content_Length=0)


def _stall_before_headers(answer: Answer) -> None:
    """Take the request and say nothing."""
    answer.stall()


def _stall_mid_body(answer: Answer) -> None:
    """Send a third of the body, then nothing."""
    answer.serve(answer.server.payload, stop_after=len(answer.server.payload) // 3)
    answer.stall()


def _stall_once(answer: Answer) -> None:
    """Send a third of the body, then nothing; from the second request on, serve."""
    if answer.number == 1:
        _stall_mid_body(answer)
    else:
        _serve(answer)


def _reset_mid_body(answer: Answer) -> None:
    """Send a third of the body and reset the connection, each time from the beginning."""
    answer.head(200, Content_Type=answer.media_type, Content_Length=len(answer.server.payload))
    answer.send(answer.server.payload[: len(answer.server.payload) // 3])
    answer.reset()


def _drip(answer: Answer) -> None:
    """Send the body a byte at a time, never silent for long and never done."""
    answer.head(200, Content_Type=answer.media_type, Content_Length=len(answer.server.payload))
    answer.drip(answer.server.payload)


def _drip_headers(answer: Answer) -> None:
    """Send headers a byte at a time and without end."""
    answer.send(b"HTTP/1.1 200 OK\r\n")
    answer.drip(b"X-Slow: yes\r\n" * 10_000)


def _status(answer: Answer) -> None:
    """Answer with the status that is the second part of the path."""
    answer.head(int(answer.request.path.split("/")[2]), Content_Type="text/html", Content_Length=4)
    answer.send(b"no!\n")


def _not_found(answer: Answer) -> None:
    """Answer 404."""
    answer.head(404, Content_Length=0)


def _unavailable_twice(answer: Answer) -> None:
    """Answer 503 to the first two requests, then serve."""
    if answer.number <= 2:
        answer.head(503, Content_Length=0)
    else:
        _serve(answer)


def _rate_limited_once(answer: Answer) -> None:
    """Answer 429 with Retry-After of a second to the first request, then serve."""
    if answer.number == 1:
        answer.head(429, Retry_After=1, Content_Length=0)
    else:
        _serve(answer)


def _rate_limited_until_a_date(answer: Answer) -> None:
    """Answer 429 with Retry-After as the date in a second or two to the first request, then serve."""
    if answer.number == 1:
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
        answer.head(429, Retry_After=date, Content_Length=0)
    else:
        _serve(answer)


def _rate_limited_for_an_hour(answer: Answer) -> None:
    """Answer 429 with Retry-After of an hour."""
    answer.head(429, Retry_After=3600, Content_Length=0)


def _rate_limited_for_ever(answer: Answer) -> None:
    """Answer 429 with Retry-After of no time at all, always."""
    answer.head(429, Retry_After=0, Content_Length=0)


def _declares_too_much(answer: Answer) -> None:
    """Declare 1,000 bytes more than are sent."""
    answer.head(200, Content_Type=answer.media_type, Content_Length=len(answer.server.payload) + 1_000)
    answer.send(answer.server.payload)


def _declares_too_little(answer: Answer) -> None:
    """Declare 1,000 bytes fewer than are sent."""
    answer.head(200, Content_Type=answer.media_type, Content_Length=len(answer.server.payload) - 1_000)
    answer.send(answer.server.payload)


def _declares_terabytes(answer: Answer) -> None:
    """Declare a body of 4 TB and send its beginning."""
    answer.head(200, Content_Type=answer.media_type, Content_Length=4_000_000_000_000)
    answer.send(answer.server.payload)
    answer.stall()


def _endless(answer: Answer) -> None:
    """Send without length and without end."""
    answer.head(200, Content_Type=answer.media_type)
    while not answer.server.stopping.is_set():
        answer.send(answer.server.payload)


def _html(answer: Answer) -> None:
    """Answer with a page."""
    answer.head(200, Content_Type="text/html; charset=utf-8")
    answer.send(b"<!DOCTYPE html><html><body>Please log in</body></html>")


def _html_as_audio(answer: Answer) -> None:
    """Answer with a page and call it audio."""
    answer.head(200, Content_Type="audio/mpeg")
    answer.send(b"\xef\xbb\xbf\n <!-- cached -->\n<HTML><body>Please log in</body></HTML>")


def _redirect(answer: Answer) -> None:
    """Redirect to what the parameter ``to`` holds, with a body that nobody should wait for."""
    answer.head(302, Location=parse_qs(urlsplit(answer.request.path).query)["to"][0])
    answer.drip(b"moved" * 1_000)


def _redirect_loop(answer: Answer) -> None:
    """Redirect to itself."""
    answer.head(302, Location=answer.request.path, Content_Length=0)


def _redirects(answer: Answer) -> None:
    """Redirect as often as the second part of the path says, then serve."""
    left = int(answer.request.path.split("/")[2])
    if left:
        answer.head(302, Location=f"/redirects/{left - 1}/a.mp3", Content_Length=0)
    else:
        _serve(answer)


def _break_then_range(answer: Answer) -> None:
    """Break after a third of the body; from then on serve, honouring ranges."""
    answer.serve(answer.server.payload, stop_after=len(answer.server.payload) // 3 if answer.number == 1 else None)


def _break_then_no_range(answer: Answer) -> None:
    """Break after a third of the body; from then on serve, ignoring ranges."""
    body = answer.server.payload
    answer.head(200, Content_Type=answer.media_type, Content_Length=len(body), ETag='"one"')
    answer.send(body[: len(body) // 3] if answer.number == 1 else body)


def _break_without_a_version(answer: Answer) -> None:
    """Break after a third of a body that has no ETag and no date; from then on serve."""
    body = answer.server.payload
    answer.head(200, Content_Type=answer.media_type, Content_Length=len(body))
    answer.send(body[: len(body) // 3] if answer.number == 1 else body)


def _break_then_changed(answer: Answer) -> None:
    """Break after a third of the body; then serve another file under another ETag."""
    if answer.number == 1:
        answer.serve(answer.server.payload, stop_after=len(answer.server.payload) // 3)
    else:
        answer.serve(OTHER_PAYLOAD)


def _break_then_mixed_up(answer: Answer) -> None:
    """Break after a third of the body; then answer the range with part of another file, and serve that when asked."""
    body = OTHER_PAYLOAD
    match = re.fullmatch(r"bytes=(\d+)-", answer.request.headers.get("range", ""))
    if answer.number == 1:
        answer.serve(answer.server.payload, stop_after=len(answer.server.payload) // 3)
    elif match:
        start = int(match.group(1))
        answer.head(206, Content_Length=len(body) - start, ETag='"x"', Content_Range=f"bytes {start}-{len(body) - 1}/*")
        answer.send(body[start:])
    else:
        answer.serve(body)


def _break_then_wrong_range(answer: Answer) -> None:
    """Break after a third of the body; then answer a range with the beginning again, and serve when asked for all."""
    body = answer.server.payload
    match = re.fullmatch(r"bytes=(\d+)-", answer.request.headers.get("range", ""))
    if answer.number == 1:
        answer.serve(body, stop_after=len(body) // 3)
    elif match:
        length = len(body) - int(match.group(1))  # as many bytes as were asked for, so that only their place is wrong
        place = f"bytes 0-{length - 1}/{len(body)}"
        answer.head(206, Content_Length=length, ETag=answer.request.headers["if-range"], Content_Range=place)
        answer.send(body[:length])
    else:
        answer.serve(body)


def _break_then_in_pieces(answer: Answer) -> None:
    """Break after a third of the body; then answer a range with its first 120,000 bytes only."""
    body = answer.server.payload
    match = re.fullmatch(r"bytes=(\d+)-", answer.request.headers.get("range", ""))
    if match is None:
        answer.serve(body, stop_after=len(body) // 3)
    else:
        start = int(match.group(1))
        piece = body[start : start + 120_000]
        place = f"bytes {start}-{start + len(piece) - 1}/{len(body)}"
        answer.head(206, Content_Length=len(piece), ETag=answer.request.headers["if-range"], Content_Range=place)
        answer.send(piece)


def _break_then_shorter(answer: Answer) -> None:
    """Break after a third of the body; then there is less than that, under the same date and without an ETag."""
    date = "Mon, 02 Nov 2026 08:00:00 GMT"
    if answer.number == 1:
        answer.head(200, Content_Length=len(answer.server.payload), Last_Modified=date)
        answer.send(answer.server.payload[:100_000])
    elif "range" in answer.request.headers:
        answer.head(416, Content_Range="bytes */50000", Content_Length=0)
    else:
        answer.head(200, Content_Length=50_000, Last_Modified=date)
        answer.send(answer.server.payload[:50_000])


# Each is reached at ``/<name>/<anything>``.
BEHAVIOURS: Final[dict[str, Callable[[Answer], None]]] = {
    behaviour.__name__.removeprefix("_"): behaviour
    for behaviour in (
        _serve,
        _serve_without_length,
        _serve_chunked,
        _serve_gzipped,
        _serve_after_early_hints,
        _disposition,
        _asks_for_login,
        _sets_a_cookie,
        _stall_before_headers,
        _stall_mid_body,
        _stall_once,
        _reset_mid_body,
        _drip,
        _drip_headers,
        _status,
        _not_found,
        _unavailable_twice,
        _rate_limited_once,
        _rate_limited_until_a_date,
        _rate_limited_for_an_hour,
        _rate_limited_for_ever,
        _declares_too_much,
        _declares_too_little,
        _declares_terabytes,
        _endless,
        _html,
        _html_as_audio,
        _redirect,
        _redirect_loop,
        _redirects,
        _break_then_range,
        _break_then_no_range,
        _break_without_a_version,
        _break_then_changed,
        _break_then_mixed_up,
        _break_then_wrong_range,
        _break_then_in_pieces,
        _break_then_shorter,
    )
}
