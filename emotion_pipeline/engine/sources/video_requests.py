"""What yt-dlp asks the network for, asked by the guarded client: the only way on which it reaches anything.

yt-dlp lets its request handlers be exchanged (``yt_dlp.networking``), and ``GuardedYoutubeDL`` has the one below and no
other: whatever an extractor or a downloader asks for, after a redirect too, goes to checked addresses only and ends at
the deadline, and what no guarded request can do (a proxy, a web socket, FTP) is refused. What is asked for is yt-dlp's
business, what a failure means is told by ``video_errors``. Importing this module loads yt-dlp.
"""

import io
import re
import ssl
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import httpcore
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

from emotion_pipeline.engine.sources.base import FetchError
from emotion_pipeline.engine.sources.connections import ExcessError
from emotion_pipeline.engine.sources.fetch_reasons import FetchReason

# Of a page, a manifest or anything else that is read at once; recordings are read in blocks and have their own.
MOST_PAGE_BYTES: Final = 64_000_000

_BLOCK_BYTES: Final = 1 << 16
_ON_FROM: Final = re.compile(r"bytes=[1-9]\d*-")
_BROKEN: Final = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpx.TransportError,
    httpx.DecodingError,
    ExcessError,
)

# The type stubs that pyright brings for yt-dlp leave out what its request handlers are built from.
_YoutubeDL: Any = YoutubeDL
_RequestHandler: Any = RequestHandler


class GuardedYoutubeDL(_YoutubeDL):
    """yt-dlp with ``client`` as its only way to the network.

    :param versions: by address, which version of a file answered; kept from one attempt to the next
    """

    def __init__(self, params: Mapping[str, Any], client: httpx.Client, versions: dict[str, str]) -> None:
        self._client, self._versions = client, versions
        self.last_failure: RequestError | None = None
        """The last request that failed: yt-dlp's own errors about downloads name it in words only."""
        super().__init__(dict(params))

    def build_request_director(self, handlers: object, preferences: object = None) -> RequestDirector:
        """Return a director with the guarded handler, whichever ``handlers`` yt-dlp would have it."""
        guarded = partial(GuardedRH, client=self._client, versions=self._versions, noted=self._note)
        return super().build_request_director([guarded])

    def _note(self, failure: RequestError) -> None:
        self.last_failure = failure


class GuardedRH(_RequestHandler):
    """Sends requests with the guarded client. yt-dlp wants the last two letters of the name."""

    _SUPPORTED_URL_SCHEMES = ("http", "https")
    _SUPPORTED_PROXY_SCHEMES = ()
    _SUPPORTED_FEATURES = ()

    def __init__(
        self,
        *,
        client: httpx.Client,
        versions: dict[str, str],
        noted: Callable[[RequestError], None],
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._client, self._versions, self._noted = client, versions, noted

    def _check_extensions(self, extensions: dict[str, Any]) -> None:
        super()._check_extensions(extensions)
        for name in ("cookiejar", "timeout", "legacy_ssl", "keep_header_casing"):
            extensions.pop(name, None)

    def _send(self, request: Request) -> Response:
        try:
            answer = self._answer(request)
        except FetchError as error:
            failure = RequestError(cause=error)  # no TransportError: after those, extractors go on
        except (httpx.InvalidURL, httpx.TooManyRedirects, httpx.UnsupportedProtocol) as error:
            failure = RequestError(cause=error)
        except _BROKEN as error:
            is_untrusted = isinstance(error.__cause__, ssl.SSLCertVerificationError)
            failure = (CertificateVerifyError if is_untrusted else TransportError)(cause=error)
        else:
            response = _Answer(answer, self._noted)
            if answer.is_success:
                return response
            failure = HTTPError(response)
        self._noted(failure)
        raise failure

    def _answer(self, request: Request) -> httpx.Response:
        """Send a request, and one that goes on where a transfer broke off only for the version that it broke off in.

        yt-dlp itself would join the parts of two versions; it begins anew when it gets the whole where it asked for
        the rest.
        """
        headers = httpx.Headers(self._get_headers(request))
        goes_on = _ON_FROM.fullmatch(headers.get("range", "")) is not None
        version = self._versions.get(request.url)
        if goes_on and version is not None:
            headers["If-Range"] = version
        elif goes_on:
            del headers["range"]
        answer = self._sent(request, headers)
        if "if-range" in headers and answer.status_code == httpx.codes.PARTIAL_CONTENT and _version(answer) != version:
            answer.close()
            del headers["range"], headers["if-range"]
            answer = self._sent(request, headers)
        if answered := _version(answer):
            self._versions[request.url] = answered
        else:
            self._versions.pop(request.url, None)
        return answer

    def _sent(self, request: Request, headers: httpx.Headers) -> httpx.Response:
        self._client.cookies.jar = self._get_cookiejar(request)
        timeout_s = self._calculate_timeout(request)
        asked = self._client.build_request(
            request.method, request.url, headers=headers, content=request.data, timeout=timeout_s
        )
        return self._client.send(asked, stream=True)


def _version(answer: httpx.Response) -> str | None:
    """Return the strong ETag, else the date of the last change (RFC 9110, section 13.1.5)."""
    etag = answer.headers.get("etag", "")
    return etag if etag.startswith('"') else answer.headers.get("last-modified")


class _Answer(Response):
    def __init__(self, answer: httpx.Response, noted: Callable[[RequestError], None]) -> None:
        super().__init__(_Body(answer), str(answer.url), {}, answer.status_code, answer.reason_phrase)
        for name, value in answer.headers.multi_items():
            self.headers.add_header(name, value)
        self._noted = noted

    def read(self, amt: int | None = None) -> bytes:
        try:
            return self.fp.read(-1 if amt is None else amt)
        except _BROKEN as error:
            failure = IncompleteRead(self.fp.tell(), cause=error)
        except FetchError as error:
            failure = RequestError(cause=error)
        self._noted(failure)
        raise failure


class _Body(io.RawIOBase):
    """The body of an answer as a file, its content encoding undone.

    It is one block ahead of its reader, since yt-dlp does not read on after the last byte: only then the connection is
    given back, and a body that is longer than declared is noticed.
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
        taken = self._rest[: len(buffer)]
        self._rest = self._rest[len(taken) :]
        buffer[: len(taken)] = taken
        self._n_read += len(taken)
        return len(taken)

    def readall(self) -> bytes:
        whole = bytearray()
        while block := self.read(_BLOCK_BYTES):
            whole += block
            if len(whole) > MOST_PAGE_BYTES:
                message = f"a page of more than {MOST_PAGE_BYTES / 1e6:g} MB; name the address of the recording itself"
                raise FetchError(FetchReason.TOO_LARGE, message)
        return bytes(whole)

    def close(self) -> None:
        self._answer.close()
        super().close()
