"""Recordings that a web server provides as files: ``https://example.org/calls/a.mp3``.

Web addresses cannot be listed; lists in dated folders name them. Pages that show a video belong to ``video_page``.
"""

import re
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, NoReturn

from emotion_pipeline.engine.common.retries import Deadline
from emotion_pipeline.engine.sources.addresses import recording_at, scheme_of, shown
from emotion_pipeline.engine.sources.base import Fetched, FetchLimits, FoundRecording, SourceMetadata
from emotion_pipeline.engine.sources.fetch_errors import FetchError, FetchReason, SourceError
from emotion_pipeline.engine.sources.files import fetched_name
from emotion_pipeline.engine.sources.retries import fetch_attempts

if TYPE_CHECKING:
    import ssl

    import httpx

_LONGEST_TITLE: Final = 200


class UnlistedSource:
    """Base of the sources behind ``http`` and ``https`` addresses, which have no folders to list."""

    # What has no folders, in messages.
    _KIND = "web servers"

    def __init__(self, limits: FetchLimits) -> None:
        self._limits = limits

    def days(self, root: str) -> NoReturn:
        raise SourceError(
            f"{shown(root)} cannot be listed, since {self._KIND} have no folders; "
            "name the addresses in a urls.txt of a dated folder"
        )

    def recordings(self, root: str, day: str) -> NoReturn:
        self.days(root)

    def read_text(self, root: str, day: str, name: str) -> NoReturn:
        self.days(root)

    @cached_property
    def _tls(self) -> "ssl.SSLContext":
        """Certificates of certifi, or of SSL_CERT_FILE and SSL_CERT_DIR where the environment names them."""
        import httpx

        return httpx.create_ssl_context()


class WebSource(UnlistedSource):
    """Files behind ``http`` and ``https`` addresses."""

    def find(self, address: str) -> FoundRecording:
        _parsed(address)
        return recording_at(address)

    def fetch(self, recording: FoundRecording, folder: Path) -> Fetched:
        from emotion_pipeline.engine.sources.connections import guarded_client
        from emotion_pipeline.engine.sources.transfer import Transfer

        url, deadline = _parsed(recording.address), Deadline(self._limits.timeout_s)
        part = folder / "recording.part"
        transfer = Transfer(url, shown(recording.address), part, self._limits, deadline)
        try:
            with guarded_client(self._limits, deadline, self._tls) as client:
                for attempt in fetch_attempts(self._limits, deadline):
                    with attempt:
                        transfer.attempt(client)
            return Fetched(part.rename(folder / fetched_name(transfer.names)), _metadata(transfer.names))
        finally:
            part.unlink(missing_ok=True)


def _parsed(address: str) -> "httpx.URL":
    """Return a web address in its parts. Raises FetchError for any other address."""
    import httpx

    try:
        url = httpx.URL(address)
    except httpx.InvalidURL as error:
        message = f"{shown(address)} is no valid web address; check it for blanks and stray characters"
        raise FetchError(FetchReason.UNSUPPORTED_ADDRESS, message) from error
    if scheme_of(address) not in {"http", "https"} or not url.host or re.search(r"[\s%]", url.host):
        message = f"{shown(address)} is no web address; it looks like https://example.org/call.mp3"
        raise FetchError(FetchReason.UNSUPPORTED_ADDRESS, message)
    return url


def _metadata(names: list[str]) -> SourceMetadata:
    title = PurePosixPath(names[0]).stem if names else ""
    printable = "".join(letter for letter in title if letter.isprintable())[:_LONGEST_TITLE].strip()
    return SourceMetadata(title=printable or None)
