"""One download over HTTP: what an answer means, going on after a break, and whether the bytes are whole.

How often it is tried, and which machines may be reached, is decided elsewhere. Ranges, validators and status codes:
RFC 9110, sections 13 to 15.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path, PurePosixPath
from ssl import SSLCertVerificationError
from typing import Final

import httpcore
import httpx

from emotion_pipeline.engine.common.retry_after import retry_after_s
from emotion_pipeline.engine.sources.base import FetchError, FetchLimits
from emotion_pipeline.engine.sources.connections import ExcessError
from emotion_pipeline.engine.sources.fetch_reasons import FetchReason
from emotion_pipeline.engine.sources.retries import Deadline, TransientFetchError

# A page shows within its first bytes that it is none of audio and video.
_JUDGED_BYTES: Final = 1_024

_PAGE: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*+(?:<!--.*?-->\s*+)*+(?:<!doctype\s|<html|<head|<body|<script|<\?xml|#EXTM3U)",
    re.IGNORECASE | re.DOTALL,
)
_PAGE_TYPES: Final = frozenset({"text/html", "application/xhtml+xml"})

_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")

_FAILURES: Final = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    ExcessError,
)


class Transfer:
    """The bytes of one address on their way into ``part``, over as many attempts as it takes.

    :param shown: the address as messages may name it
    """

    def __init__(self, url: httpx.URL, shown: str, part: Path, limits: FetchLimits, deadline: Deadline) -> None:
        self._url, self._shown, self._part, self._limits, self._deadline = url, shown, part, limits, deadline
        self._validator: str | None = None
        """What tells this version of the file from others; None where a break means beginning anew."""
        self._has_answer = False
        self.names: list[str] = []
        """What the file may be called, the server's own words first."""

    def attempt(self, client: httpx.Client) -> None:
        """Ask once; after a normal return ``part`` holds all the bytes.

        :raises TransientFetchError: trying again may help, and goes on where this attempt ended if that can be done
        :raises FetchError: trying again is of no use
        """
        self._has_answer = False
        with self._explained():
            offset = self._part.stat().st_size if self._validator and self._part.exists() else 0
            headers = {"Range": f"bytes={offset}-", "If-Range": self._validator or ""} if offset else {}
            with client.stream("GET", self._url, headers=headers) as answer:
                self._has_answer = True
                self._take(answer, offset)

    def _take(self, answer: httpx.Response, offset: int) -> None:
        if answer.status_code == 416 and offset:
            self._validator = None
            raise TransientFetchError(FetchReason.INCOMPLETE, "the file became shorter during the transfer")
        _refuse_status(answer)
        start, total = self._place(answer, offset)
        if total is not None and total > self._limits.max_bytes:
            raise _too_large(f"{total:,} bytes", self._limits)
        if answer.headers.get("content-type", "").partition(";")[0].strip().lower() in _PAGE_TYPES:
            raise _not_media()
        self._validator = _validator_of(answer) or (self._validator if start else None)
        self.names = _names(answer, self._url)
        size = self._receive(answer, start)
        if total is not None and size != total and not _is_encoded(answer):
            # A server may send less of a range than it was asked for; what came is right and is gone on from.
            self._validator = self._validator if size < total else None
            raise TransientFetchError(FetchReason.INCOMPLETE, f"{size:,} bytes arrived instead of {total:,}")

    def _place(self, answer: httpx.Response, offset: int) -> tuple[int, int | None]:
        """Return at which byte of the file the body begins, and how long the file is, where the server tells."""
        if answer.status_code != 206:
            length = None if "transfer-encoding" in answer.headers else answer.headers.get("content-length")
            return 0, None if length is None else int(length)
        match = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
        version = _validator_of(answer)
        if match is None or int(match[1]) != offset or (offset and version not in {None, self._validator}):
            self._validator = None
            raise TransientFetchError(FetchReason.INCOMPLETE, "the server sent another part than it was asked for")
        return offset, int(match[2]) + 1 if match[3] == "*" else int(match[3])

    def _receive(self, answer: httpx.Response, start: int) -> int:
        """Write the body behind the first ``start`` bytes and return the size of the file."""
        size, beginning = start, b""
        with self._part.open("ab" if start else "wb") as file:
            for block in answer.iter_bytes() if _is_encoded(answer) else answer.iter_raw():
                if size < _JUDGED_BYTES:
                    beginning += block[:_JUDGED_BYTES]
                    if _PAGE.match(beginning):
                        raise _not_media()
                size += len(block)
                if size > self._limits.max_bytes:
                    raise _too_large("larger than it may be", self._limits)
                file.write(block)
        return size

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what goes wrong into an error that names the address; what libraries raise never leaves this module."""
        try:
            yield
        except TransientFetchError as error:
            raise TransientFetchError(error.reason, f"{self._shown}: {error}", error.retry_after_s) from error
        except FetchError as error:
            raise FetchError(error.reason, f"{self._shown}: {error}") from error
        except _FAILURES as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> FetchError:
        if isinstance(error, ExcessError):
            self._validator = None  # of what was sent nobody knows which part is the file
            message = f"{self._shown}: the server sent more bytes than it had declared"
            return TransientFetchError(FetchReason.INCOMPLETE, message)
        if self._deadline.has_passed:
            message = (
                f"{self._shown}: not done after {self._limits.timeout_s:g} s; raise sources.timeout if it is large"
            )
            return FetchError(FetchReason.FETCH_TIMEOUT, message)
        if isinstance(error, httpx.TooManyRedirects | httpx.InvalidURL):
            return FetchError(FetchReason.SERVER_ERROR, f"{self._shown}: it redirects in a circle or to no address")
        if isinstance(error.__cause__, SSLCertVerificationError):
            message = f"{self._shown}: the server's certificate is not trusted ({error.__cause__.verify_message})"
            return FetchError(FetchReason.UNREACHABLE, message)
        return TransientFetchError(*_during(error, self._has_answer, self._shown))


def _during(error: Exception, has_answer: bool, shown: str) -> tuple[FetchReason, str]:
    if has_answer:
        return FetchReason.INCOMPLETE, f"{shown}: the transfer broke off ({_said(error)})"
    if isinstance(error, httpx.ProtocolError | httpcore.ProtocolError):
        return FetchReason.SERVER_ERROR, f"{shown}: the answer is no valid HTTP ({_said(error)})"
    return FetchReason.UNREACHABLE, f"{shown}: the server does not answer ({_said(error)}); check the address"


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__


def _refuse_status(answer: httpx.Response) -> None:
    status = answer.status_code
    if status in {200, 203, 206}:
        return
    said = f"the server answered {status}"
    if status in {404, 410}:
        raise FetchError(FetchReason.NOT_FOUND, f"{said}: there is nothing here; check the address")
    if status == 429:
        raise TransientFetchError(FetchReason.RATE_LIMITED, f"{said}: too many requests", retry_after_s(answer.headers))
    if 400 <= status < 500 and status not in {408, 425}:
        raise FetchError(FetchReason.FORBIDDEN, f"{said}: it wants a login or a fresh link, or refuses this machine")
    raise TransientFetchError(FetchReason.SERVER_ERROR, said, retry_after_s(answer.headers))


def _validator_of(answer: httpx.Response) -> str | None:
    """Return a strong ETag, else the date of the last change; None where the answer cannot be continued."""
    if _is_encoded(answer) or answer.headers.get("accept-ranges", "").lower() == "none":
        return None
    etag = answer.headers.get("etag", "")
    return etag if etag.startswith('"') and etag.isascii() else answer.headers.get("last-modified")


def _is_encoded(answer: httpx.Response) -> bool:
    """Whether the body is compressed although it was asked for as it is: its length then says nothing of the file's."""
    return answer.headers.get("content-encoding", "identity").lower() not in {"", "identity"}


def _names(answer: httpx.Response, asked: httpx.URL) -> list[str]:
    """Return what the file may be called, no folder in any of the names."""
    header = Message()
    header["Content-Disposition"] = answer.headers.get("content-disposition", "")
    given = header.get_filename() or ""
    paths = (given.replace("\\", "/"), asked.path, answer.url.path)
    return [name for name in (PurePosixPath(path).name for path in paths) if name not in {"", ".."}]


def _too_large(size: str, limits: FetchLimits) -> FetchError:
    message = f"it has {size}, allowed are {limits.max_bytes:,} bytes; raise sources.max_bytes if it is wanted"
    return FetchError(FetchReason.TOO_LARGE, message)


def _not_media() -> FetchError:
    message = "it is a page, not a recording; a page that holds a video is read with the prefix ytdlp+https://..."
    return FetchError(FetchReason.NOT_MEDIA, message)
