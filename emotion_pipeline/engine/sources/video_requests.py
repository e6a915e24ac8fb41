"""yt-dlp's requests, made by the guarded client: yt-dlp has no other way to the network.

yt-dlp's request handlers can be replaced (``yt_dlp.networking``), and ``GuardedYoutubeDL`` has only the one below: all
requests of extractors and downloaders, also after a redirect, go to checked addresses and end at the deadline; proxies,
web sockets and FTP are refused. ``video_errors`` explains the failures. Importing this module loads yt-dlp.
"""

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import httpx
from yt_dlp import YoutubeDL
from yt_dlp.networking import Request, RequestDirector, RequestHandler, Response
from yt_dlp.networking.exceptions import (
    CertificateVerifyError,
    HTTPError,
    IncompleteRead,
    RequestError,
    TransportError,
)

from emotion_pipeline.engine.sources.connections import ExcessError, certificate_error, validator_of
from emotion_pipeline.engine.sources.fetch_errors import FetchError, FetchReason

# Largest page, manifest or other response that is read at once; recordings are read in blocks and limited elsewhere.
MOST_PAGE_BYTES: Final = 64_000_000

_BLOCK_BYTES: Final = 1 << 16
_CONTINUES: Final = re.compile(r"bytes=[1-9]\d*-")
_CONNECTION_ERRORS: Final = (httpx.TransportError, httpx.DecodingError, ExcessError)

# The type stubs that pyright brings for yt-dlp lack the base classes of its request handlers.
_YoutubeDL: Any = YoutubeDL
_RequestHandler: Any = RequestHandler


@dataclass
class Requests:
    """What the requests of one fetch share, over all its attempts."""

    client: httpx.Client
    # By address, the validator of the file that was sent last.
    versions: dict[str, str] = field(default_factory=dict)
    # The last request that failed: yt-dlp's own errors about downloads only quote it.
    last_failure: RequestError | None = None


class GuardedYoutubeDL(_YoutubeDL):
    """yt-dlp with ``requests.client`` as its only way to the network."""

    def __init__(self, params: Mapping[str, Any], requests: Requests) -> None:
        self._requests = requests
        super().__init__(dict(params))

    def build_request_director(self, handlers: object, preferences: object = None) -> RequestDirector:
        """Return a director with the guarded handler in place of ``handlers``."""
        return super().build_request_director([partial(GuardedRH, requests=self._requests)])


class GuardedRH(_RequestHandler):
    """Sends requests with the guarded client. yt-dlp requires a name that ends in RH."""

    _SUPPORTED_URL_SCHEMES = ("http", "https")
    _SUPPORTED_PROXY_SCHEMES = ()
    _SUPPORTED_FEATURES = ()

    def __init__(self, *, requests: Requests, **options: Any) -> None:
        super().__init__(**options)
        self._requests = requests

    def _check_extensions(self, extensions: dict[str, Any]) -> None:
        super()._check_extensions(extensions)
        for name in ("cookiejar", "timeout", "legacy_ssl", "keep_header_casing"):
            extensions.pop(name, None)

    def _send(self, request: Request) -> Response:
        try:
            answer = self._respond(request)
        except FetchError as error:
            failure = RequestError(cause=error)  # no TransportError: after those, extractors go on
        except (httpx.InvalidURL, httpx.TooManyRedirects, httpx.UnsupportedProtocol) as error:
            failure = RequestError(cause=error)
        except _CONNECTION_ERRORS as error:
            failure = (CertificateVerifyError if certificate_error(error) else TransportError)(cause=error)
        else:
            response = _Response(answer, self._requests)
            if answer.is_success:
                return response
            failure = HTTPError(response)
        self._requests.last_failure = failure
        raise failure

    def _respond(self, request: Request) -> httpx.Response:
        """Send a request; continue a broken transfer only in the version of the file in which it broke off.

        yt-dlp itself would join the parts of two versions; it starts again when it gets the whole file instead of the
        rest.
        """
        headers = httpx.Headers(self._get_headers(request))
        continues = _CONTINUES.fullmatch(headers.get("range", "")) is not None
        versions = self._requests.versions
        version = versions.get(request.url)
        if continues and version is not None:
            headers["If-Range"] = version
        elif continues:
            del headers["range"]
        answer = self._request(request, headers)
        is_part = "if-range" in headers and answer.status_code == httpx.codes.PARTIAL_CONTENT
        if is_part and validator_of(answer) != version:
            answer.close()
            del headers["range"], headers["if-range"]
            answer = self._request(request, headers)
        if validator := validator_of(answer):
            versions[request.url] = validator
        else:
            versions.pop(request.url, None)
        return answer

    def _request(self, request: Request, headers: httpx.Headers) -> httpx.Response:
        client, timeout_s = self._requests.client, self._calculate_timeout(request)
        client.cookies.jar = self._get_cookiejar(request)
        guarded = client.build_request(
            request.method, request.url, headers=headers, content=request.data, timeout=timeout_s
        )
        return client.send(guarded, stream=True)


class _Response(Response):
    def __init__(self, answer: httpx.Response, requests: Requests) -> None:
        super().__init__(_Body(answer), str(answer.url), {}, answer.status_code, answer.reason_phrase)
        for name, value in answer.headers.multi_items():
            self.headers.add_header(name, value)
        self._requests = requests

    def read(self, amt: int | None = None) -> bytes:
        try:
            return self.fp.read(-1 if amt is None else amt)
        except _CONNECTION_ERRORS as error:
            failure = IncompleteRead(self.fp.tell(), cause=error)
        except FetchError as error:
            failure = RequestError(cause=error)
        self._requests.last_failure = failure
        raise failure


class _Body(io.RawIOBase):
    """The decoded body of a response as a file.

    It reads one block ahead, since yt-dlp stops at the last byte: only then the connection is released, and a body that
    is longer than declared is noticed.
    """

    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer
        self._blocks = answer.iter_bytes()
        self._rest = b""
        self._ahead: bytes | None = None
        self._n_read = 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._n_read

    def readinto(self, buffer: Any, /) -> int:
        if not self._rest:
            self._rest = next(self._blocks, b"") if self._ahead is None else self._ahead
            self._ahead = next(self._blocks, b"")
        block = self._rest[: len(buffer)]
        self._rest = self._rest[len(block) :]
        buffer[: len(block)] = block
        self._n_read += len(block)
        return len(block)

    def readall(self) -> bytes:
        content = bytearray()
        while block := self.read(_BLOCK_BYTES):
            content += block
            if len(content) > MOST_PAGE_BYTES:
                message = f"a page of more than {MOST_PAGE_BYTES / 1e6:g} MB; name the address of the recording itself"
                raise FetchError(FetchReason.TOO_LARGE, message)
        return bytes(content)

    def close(self) -> None:
        self._answer.close()
        super().close()
