"""An HTTP client that connects to checked addresses only and stops at a deadline.

httpx makes the requests and follows redirects; this module decides where a connection may lead and how long it may
last. Every connection, also after a redirect, is made to the IP address that was checked, while certificates are
verified by the name. What a response means is not known here. Proxies of the environment are not used: a proxy
resolves names itself, so that nothing could be checked.
"""

import contextlib
import logging
import re
import ssl
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Final

import httpcore
import httpx

from emotion_pipeline.engine.common.retries import Deadline
from emotion_pipeline.engine.sources.addresses import checked_addresses, shown
from emotion_pipeline.engine.sources.base import FetchLimits
from emotion_pipeline.engine.sources.fetch_errors import FetchError, FetchReason

_MOST_REDIRECTS: Final = 10
# All up to the empty line after the first head whose status is not 1xx; lines may end without a carriage return.
_HEAD: Final = re.compile(rb"(?:HTTP/1\.1 1.*?\n\r?\n)*+.*?\n\r?\n", re.DOTALL)
# How long to wait for bytes after the declared end from a server that does not close the connection.
_LAST_LOOK_S: Final = 0.25


class ExcessError(Exception):
    """The server sent more bytes than it had declared."""


@contextlib.contextmanager
def guarded_client(limits: FetchLimits, deadline: Deadline, context: ssl.SSLContext) -> Iterator[httpx.Client]:
    """Yield a client that reaches public addresses and ``limits.allowed_networks`` and gives up at the deadline.

    Its requests raise httpx's errors, among them time-outs after a silence of ``limits.stall_s`` and at the deadline;
    ``ExcessError`` for a body longer than declared; ``FetchError`` for an address that may not be reached.
    """
    _keep_secrets_out_of_logs()
    with httpx.Client(
        transport=_GuardedTransport(limits, deadline, context),
        timeout=limits.stall_s,
        follow_redirects=True,
        max_redirects=_MOST_REDIRECTS,
        trust_env=False,
        headers={
            "User-Agent": "emotion-pipeline",
            "Accept": "audio/*, video/*, */*;q=0.5",
            "Accept-Encoding": "identity",  # lengths and ranges then count the bytes of the file itself
            "Connection": "close",
        },
    ) as client:
        yield client


def validator_of(response: httpx.Response) -> str | None:
    """Return the strong ETag, else the date of the last change, by which a range is requested (RFC 9110, 13.1.5)."""
    etag = response.headers.get("etag", "")
    return etag if etag.startswith('"') and etag.isascii() else response.headers.get("last-modified")


def certificate_error(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """Return the error about the server's certificate that caused an error of a request, None for another cause."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__
    return cause


class _GuardedTransport(httpx.HTTPTransport):
    def __init__(self, limits: FetchLimits, deadline: Deadline, context: ssl.SSLContext) -> None:
        # The constructor of httpx takes no network backend, so its pool of connections is replaced. Closing the first
        # one fails with a release of httpx that has no such pool, which would otherwise connect unguarded.
        super().__init__(verify=context, trust_env=False)
        self._pool.close()
        self._pool = httpcore.ConnectionPool(
            ssl_context=context, max_keepalive_connections=0, network_backend=_GuardedBackend(limits, deadline)
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.scheme not in {"http", "https"}:
            raise FetchError(
                FetchReason.UNSUPPORTED_ADDRESS,
                f"it redirects to an address with the scheme {request.url.scheme}; only http and https are followed",
            )
        response = super().handle_request(request)
        headers, network = response.headers, response.extensions.get("network_stream")
        if 300 <= response.status_code < 400 and "location" in headers:
            response.close()  # its body, however long, is not needed
            kept = [(name, value) for name, value in headers.multi_items() if name in {"location", "set-cookie"}]
            return httpx.Response(response.status_code, headers=kept)
        declares_length = "content-length" in headers and "transfer-encoding" not in headers
        if isinstance(network, _TimedStream) and isinstance(response.stream, httpx.SyncByteStream):
            network.end_head()
            if declares_length:
                response.stream = _CheckedBody(response.stream, network)
        return response


class _CheckedBody(httpx.SyncByteStream):
    """A body of declared length; raises ``ExcessError`` at its end where the server sent more."""

    def __init__(self, stream: httpx.SyncByteStream, network: "_TimedStream") -> None:
        self._stream, self._network = stream, network

    def __iter__(self) -> Iterator[bytes]:
        length = 0
        for block in self._stream:
            length += len(block)
            yield block
        if self._network.has_more_than(length):
            raise ExcessError

    def close(self) -> None:
        self._stream.close()


class _GuardedBackend(httpcore.NetworkBackend):
    """Resolves a name once, checks its addresses, and connects to one of these."""

    def __init__(self, limits: FetchLimits, deadline: Deadline) -> None:
        self._limits, self._deadline = limits, deadline
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectTimeout()
        for address in checked_addresses(host, port, self._limits.allowed_networks):
            wait_s = _at_most(timeout, self._deadline, httpcore.ConnectTimeout)
            try:
                stream = self._inner.connect_tcp(address, port, wait_s, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream, self._deadline)
        raise failure


class _TimedStream(httpcore.NetworkStream):
    """A connection for one request whose every wait ends at the deadline, and which counts the bytes of the body."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner, self._deadline = inner, deadline
        # Bytes that arrived before ``end_head``, and the number of those of the body.
        self._head = bytearray()
        self._body_bytes: int | None = None

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        block = self._inner.read(max_bytes, _at_most(timeout, self._deadline, httpcore.ReadTimeout))
        if self._body_bytes is None:
            self._head += block
        else:
            self._body_bytes += len(block)
        return block

    def end_head(self) -> None:
        """Begin to count the bytes of the body: the head, informational ones before it included, has arrived."""
        end = _HEAD.match(self._head)
        self._body_bytes = len(self._head) - (end.end() if end else 0)
        self._head.clear()

    def has_more_than(self, length: int) -> bool:
        """Return whether the server sent more than ``length`` bytes of body, also if they arrive only now."""
        if (self._body_bytes or 0) > length:
            return True
        try:
            return bool(self._inner.read(1, min(_LAST_LOOK_S, self._deadline.remaining_s or _LAST_LOOK_S)))
        except (httpcore.TimeoutException, httpcore.NetworkError):
            return False

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _at_most(timeout, self._deadline, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        wait_s = _at_most(timeout, self._deadline, httpcore.ConnectTimeout)
        return _TimedStream(self._inner.start_tls(ssl_context, server_hostname, wait_s), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _at_most(timeout: float | None, deadline: Deadline, error: type[httpcore.TimeoutException]) -> float:
    """Return how long one operation may wait. Raises ``error`` where no time is left."""
    if deadline.has_passed:
        raise error
    return deadline.remaining_s if timeout is None else min(timeout, deadline.remaining_s)


class _ShownAddresses(logging.Filter):
    """Hides secrets in the addresses that httpx logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(shown(str(arg)) if isinstance(arg, httpx.URL) else arg for arg in record.args)
        return True


class _NoHeaders(logging.Filter):
    """Drops the headers of responses, which httpcore logs at debug level: redirects with signatures, cookies."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "receive_response_headers.complete" not in record.getMessage()


@cache
def _keep_secrets_out_of_logs() -> None:
    """Add the two filters, once per process."""
    logging.getLogger("httpx").addFilter(_ShownAddresses())
    logging.getLogger("httpcore.http11").addFilter(_NoHeaders())
