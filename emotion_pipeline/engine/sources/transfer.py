"""One download over HTTP: what responses mean, continuing after a break, and whether the bytes are complete.

Retries and the guard on addresses are elsewhere (``web``, ``connections``). Ranges, validators and status codes:
RFC 9110, sections 13 to 15.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path, PurePosixPath
from typing import Final

import httpx

from emotion_pipeline.engine.common.retries import Deadline, retry_after_s
from emotion_pipeline.engine.sources.base import FetchLimits
from emotion_pipeline.engine.sources.connections import ExcessError, certificate_error, validator_of
from emotion_pipeline.engine.sources.fetch_errors import FetchError, FetchReason, TransientFetchError

# A page is recognised by its first bytes.
_PAGE_BYTES: Final = 1_024

_PAGE: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*+(?:<!--.*?-->\s*+)*+(?:<!doctype\s|<html|<head|<body|<script|<\?xml|#EXTM3U)",
    re.IGNORECASE | re.DOTALL,
)
_PAGE_TYPES: Final = frozenset({"text/html", "application/xhtml+xml"})

_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class Transfer:
    """The download of one address into ``part``, over as many attempts as it takes.

    :param shown: the address as messages may name it
    """

    def __init__(self, url: httpx.URL, shown: str, part: Path, limits: FetchLimits, deadline: Deadline) -> None:
        self._url, self._shown, self._part, self._limits, self._deadline = url, shown, part, limits, deadline
        # Identifies this version of the file; None where a break means starting again from the first byte.
        self._validator: str | None = None
        self._has_response = False
        # Possible names of the file, the server's own first.
        self.names: list[str] = []

    def attempt(self, client: httpx.Client) -> None:
        """Request the file once; after a normal return ``part`` holds all its bytes.

        :raises TransientFetchError: another attempt may succeed, and continues where this one ended if possible
        :raises FetchError: another attempt is of no use
        """
        self._has_response = False
        with self._explained():
            offset = self._part.stat().st_size if self._validator and self._part.exists() else 0
            headers = {"Range": f"bytes={offset}-", "If-Range": self._validator or ""} if offset else {}
            with client.stream("GET", self._url, headers=headers) as response:
                self._has_response = True
                self._receive(response, offset)

    def _receive(self, response: httpx.Response, offset: int) -> None:
        if response.status_code == 416 and offset:
            self._validator = None
            raise TransientFetchError(FetchReason.INCOMPLETE, "the file became shorter during the transfer")
        _check_status(response)
        start, total = self._place(response, offset)
        self._limits.check_size(total or 0)
        if response.headers.get("content-type", "").partition(";")[0].strip().lower() in _PAGE_TYPES:
            raise _not_media()
        self._validator = _continuable(response) or (self._validator if start else None)
        self.names = _names(response, self._url)
        size = self._write(response, start)
        if total is not None and size != total and not _is_encoded(response):
            # A server may send less of a range than requested; what arrived is right and is continued.
            self._validator = self._validator if size < total else None
            raise TransientFetchError(FetchReason.INCOMPLETE, f"{size:,} bytes arrived instead of {total:,}")

    def _place(self, response: httpx.Response, offset: int) -> tuple[int, int | None]:
        """Return at which byte of the file the body begins, and the file's length where the server states it."""
        if response.status_code != 206:
            length = None if "transfer-encoding" in response.headers else response.headers.get("content-length")
            return 0, None if length is None else int(length)
        match = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
        is_same_version = not offset or _continuable(response) in {None, self._validator}
        if match is None or int(match[1]) != offset or not is_same_version:
            self._validator = None
            raise TransientFetchError(FetchReason.INCOMPLETE, "the server sent another part than was requested")
        return offset, int(match[2]) + 1 if match[3] == "*" else int(match[3])

    def _write(self, response: httpx.Response, start: int) -> int:
        """Write the body behind the first ``start`` bytes and return the size of the file."""
        size, beginning = start, b""
        with self._part.open("ab" if start else "wb") as file:
            for block in response.iter_bytes() if _is_encoded(response) else response.iter_raw():
                if size < _PAGE_BYTES:
                    beginning += block[:_PAGE_BYTES]
                    if _PAGE.match(beginning):
                        raise _not_media()
                size += len(block)
                self._limits.check_size(size)
                file.write(block)
        return size

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn every failure into a FetchError that names the address."""
        try:
            yield
        except FetchError as error:
            raise error.at(self._shown) from error
        except ExcessError as error:
            self._validator = None  # it is unknown which of the bytes are the file
            message = f"{self._shown}: the server sent more bytes than it had declared"
            raise TransientFetchError(FetchReason.INCOMPLETE, message) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._failure(error).at(self._shown) from error

    def _failure(self, error: Exception) -> FetchError:
        if self._deadline.has_passed:
            return self._limits.out_of_time()
        if isinstance(error, httpx.TooManyRedirects | httpx.InvalidURL):
            return FetchError(FetchReason.SERVER_ERROR, "it redirects in a circle or to no address")
        if (untrusted := certificate_error(error)) is not None:
            message = f"the server's certificate is not trusted ({untrusted.verify_message})"
            return FetchError(FetchReason.UNREACHABLE, message)
        text = str(error) or type(error).__name__
        if self._has_response:
            return TransientFetchError(FetchReason.INCOMPLETE, f"the transfer broke off ({text})")
        if isinstance(error, httpx.ProtocolError):
            return TransientFetchError(FetchReason.SERVER_ERROR, f"the response is no valid HTTP ({text})")
        return TransientFetchError(FetchReason.UNREACHABLE, f"the server does not answer ({text}); check the address")


def _check_status(response: httpx.Response) -> None:
    status, wait_s = response.status_code, retry_after_s(response.headers)
    if status in {200, 203, 206}:
        return
    text = f"the server answered {status}"
    if status in {404, 410}:
        raise FetchError(FetchReason.NOT_FOUND, f"{text}: there is nothing here; check the address")
    if status == 429:
        raise TransientFetchError(FetchReason.RATE_LIMITED, f"{text}: too many requests", wait_s)
    if 400 <= status < 500 and status not in {408, 425}:
        raise FetchError(FetchReason.FORBIDDEN, f"{text}: it wants a login or a fresh link, or refuses this machine")
    raise TransientFetchError(FetchReason.SERVER_ERROR, text, wait_s)


def _continuable(response: httpx.Response) -> str | None:
    """Return the validator for continuing this transfer; None where that is impossible."""
    if _is_encoded(response) or response.headers.get("accept-ranges", "").lower() == "none":
        return None
    return validator_of(response)


def _is_encoded(response: httpx.Response) -> bool:
    """Return whether the body is compressed, although not requested: its length then is not the file's."""
    return response.headers.get("content-encoding", "identity").lower() not in {"", "identity"}


def _names(response: httpx.Response, url: httpx.URL) -> list[str]:
    """Return the possible names of the file, without folders."""
    header = Message()
    header["Content-Disposition"] = response.headers.get("content-disposition", "")
    paths = ((header.get_filename() or "").replace("\\", "/"), url.path, response.url.path)
    return [name for name in (PurePosixPath(path).name for path in paths) if name not in {"", ".."}]


def _not_media() -> FetchError:
    message = "it is a page, not a recording; a page that holds a video is read with the prefix ytdlp+https://..."
    return FetchError(FetchReason.NOT_MEDIA, message)
