"""What a source is: a kind of place that lists recordings by day and provides their bytes as local files.

Which source reads which address is decided in ``router``. Decoding the bytes belongs to ``engine.audio``.
"""

import ipaddress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Protocol, TypeAlias

from emotion_pipeline.engine.sources.fetch_errors import FetchError, FetchReason

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class SourceMetadata:
    """What a source states about a recording beside its bytes; None where it states nothing."""

    title: str | None = None
    # Who published it: a video channel, an author.
    channel_name: str | None = None
    uploaded_on: date | None = None
    # What read the page, with its version, as in ``yt-dlp 2026.10.26 youtube``.
    extractor: str | None = None
    # Whatever else a manifest tells of it, name and value: its agent, its queue. Neither is empty.
    attributes: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True, slots=True)
class FoundRecording:
    """One recording that a source lists; none of its bytes have been read."""

    # Its name inside the day's folder, forward slashes; its address without secrets where it lies elsewhere.
    file: str
    # Where it lies, without user names, passwords, signatures and tokens: this form may be stored and shown.
    uri: str
    # Where it lies in the form that its source reads, secrets included: never stored, logged or shown.
    address: str = field(repr=False)
    size_bytes: int | None = None
    # Changes when the bytes may have changed; None where only fetching would tell, as for a video page.
    version: str | None = None
    # When it was last changed, nanoseconds since 1970; of one that a list names, the list's. None where unknown.
    modified_ns: int | None = None
    metadata: SourceMetadata = SourceMetadata()
    # Whether its name, a list or a person says that it is a recording. Any other file of a folder may turn out to be
    # none, which is no fault.
    claims_audio: bool = True


@dataclass(frozen=True, slots=True)
class TextFile:
    """A small text file beside recordings, and when it was last changed (nanoseconds since 1970, None unknown)."""

    text: str
    modified_ns: int | None


@dataclass(frozen=True, slots=True)
class Fetched:
    """The bytes of a recording as a complete local file, and what its source states about it."""

    path: Path
    metadata: SourceMetadata


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What one fetch may cost; checked before the transfer where the source states it, and always during it."""

    max_bytes: int = 2_000_000_000
    # Length of the recording.
    max_seconds: float = 12 * 3600.0
    # From the first attempt to the last byte, pauses and retries included.
    timeout_s: float = 600.0
    # Longest silence of a server before an attempt counts as failed.
    stall_s: float = 30.0
    attempts: int = 5
    # Private, loopback or link-local networks that may be reached; public addresses always may.
    allowed_networks: tuple[Network, ...] = ()

    def check_size(self, size_bytes: float) -> None:
        """Raise a FetchError, TOO_LARGE, for more than ``max_bytes``."""
        if size_bytes > self.max_bytes:
            message = (
                f"it has at least {size_bytes:,.0f} bytes, allowed are {self.max_bytes:,}; raise sources.max_bytes"
            )
            raise FetchError(FetchReason.TOO_LARGE, message)

    def out_of_time(self) -> FetchError:
        """Return the error for a fetch that outlasted ``timeout_s``."""
        message = f"not done after {self.timeout_s:g} s; raise sources.timeout if the recording is large"
        return FetchError(FetchReason.FETCH_TIMEOUT, message)


class Source(Protocol):
    """One kind of place."""

    def days(self, root: str) -> list[str]:
        """Return the days below ``root`` that have a dated folder, ISO dates in order.

        :raises SourceError: the root cannot be listed
        """
        ...

    def recordings(self, root: str, day: str) -> list[FoundRecording]:
        """Return a day's recordings in order of name; a day without a folder has none.

        Files named ``urls.txt`` and ``manifest.csv`` are not recordings; ``lists`` adds what they name.

        :raises SourceError: the folder cannot be listed
        """
        ...

    def read_text(self, root: str, day: str, name: str) -> TextFile | None:
        """Return a small text file directly inside the day's folder, or None where it does not exist.

        :raises SourceError: it cannot be read or is not UTF-8
        """
        ...

    def find(self, address: str) -> FoundRecording:
        """Return the one recording at an address, without reading it.

        :raises FetchError: the address is malformed, or cannot be read as its form already shows
        """
        ...

    def fetch(self, recording: FoundRecording, folder: Path) -> Fetched:
        """Return the bytes as a local file: inside ``folder``, which the caller removes, or where they already lie.

        Transient failures are retried with growing, random pauses, within the limits. In any case, nothing incomplete
        is left in ``folder`` under a name that does not end in one of ``files.UNFINISHED``.

        :raises FetchError: the bytes cannot be fetched
        """
        ...
