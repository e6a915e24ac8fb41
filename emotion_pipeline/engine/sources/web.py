"""Recordings that a web server hands out as files: ``https://example.org/calls/a.mp3``.

Web addresses cannot be listed; lists in dated folders name them. Pages that show a video are ``video_page``'s.
"""

import re
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, NoReturn

from emotion_pipeline.engine.sources.addresses import name_of, scheme_of, shown
from emotion_pipeline.engine.sources.base import (
    UNFINISHED,
    Fetched,
    FetchError,
    FetchLimits,
    FoundRecording,
    SourceError,
    SourceMetadata,
    TextFile,
)
from emotion_pipeline.engine.sources.fetch_reasons import FetchReason
from emotion_pipeline.engine.sources.retries import Deadline, attempts

if TYPE_CHECKING:
    import ssl

    import httpx

    from emotion_pipeline.engine.sources.transfer import Transfer

_SUFFIX: Final = re.compile(r"\.[a-z0-9]{1,8}")
_LONGEST_TITLE: Final = 200


class WebSource:
    """Files behind ``http`` and ``https`` addresses."""

    def __init__(self, limits: FetchLimits) -> None:
        self._limits = limits

    def days(self, root: str) -> list[str]:
        _refuse_listing(root)

    def recordings(self, root: str, day: str) -> list[FoundRecording]:
        _refuse_listing(root)

    def read_text(self, root: str, day: str, name: str) -> TextFile | None:
        _refuse_listing(root)

    def find(self, address: str) -> FoundRecording:
        _parsed(address)
        return FoundRecording(name_of(address), shown(address), address, None, None, None)

    def fetch(self, found: FoundRecording, folder: Path) -> Fetched:
        from emotion_pipeline.engine.sources.connections import guarded_client
        from emotion_pipeline.engine.sources.transfer import Transfer

        url, deadline = _parsed(found.address), Deadline(self._limits.timeout_s)
        part = folder / "recording.part"
        transfer = Transfer(url, shown(found.address), part, self._limits, deadline)
        try:
            with guarded_client(self._limits, deadline, self._tls) as client:
                for attempt in attempts(self._limits, deadline):
                    with attempt:
                        transfer.attempt(client)
            return Fetched(part.rename(folder / f"recording{_suffix(transfer)}"), _metadata(transfer))
        finally:
            part.unlink(missing_ok=True)

    @cached_property
    def _tls(self) -> "ssl.SSLContext":
        """Certificates of certifi, or of SSL_CERT_FILE and SSL_CERT_DIR where the environment names them."""
        import httpx

        return httpx.create_ssl_context()


def _refuse_listing(root: str) -> NoReturn:
    raise SourceError(
        f"{shown(root)} cannot be listed, since web servers have no folders; "
        "name the addresses in a urls.txt of a dated folder"
    )


def _parsed(address: str) -> "httpx.URL":
    """Return a web address in its parts. Raises FetchError where it is none."""
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


def _suffix(transfer: "Transfer") -> str:
    """Return the suffix under which decoders may know the file, empty where no name has one."""
    suffixes = [PurePosixPath(name).suffix.lower() for name in transfer.names]
    return next((suffix for suffix in suffixes if _SUFFIX.fullmatch(suffix) and suffix not in UNFINISHED), "")


def _metadata(transfer: "Transfer") -> SourceMetadata:
    title = PurePosixPath(transfer.names[0]).stem if transfer.names else ""
    printable = "".join(letter for letter in title if letter.isprintable())[:_LONGEST_TITLE].strip()
    return SourceMetadata(title=printable or None)
