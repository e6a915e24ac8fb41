"""What a source is: a kind of place that lists recordings by day and hands out their bytes as local files.

Which source reads which address is decided in ``router``. Decoding the bytes belongs to ``engine.audio``.
"""

import ipaddress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from emotion_pipeline.engine.common.errors import EmotionPipelineError
from emotion_pipeline.engine.sources.fetch_reasons import FetchReason

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

# Suffixes under which programs write a file that is not complete yet.
UNFINISHED: Final = frozenset({".part", ".tmp", ".crdownload", ".partial", ".download", ".ytdl"})

# Suffixes of what lies beside recordings and is none: a recording never has them.
COMPANIONS: Final = frozenset({".md", ".txt", ".csv", ".tsv", ".json", ".yaml", ".yml", ".srt", ".vtt"})


class SourceError(EmotionPipelineError):
    """A place that cannot be listed; what was known of it before stays true."""


class FetchError(EmotionPipelineError):
    """A recording whose bytes could not be had; ``reason`` says why, the message names the address without secrets."""

    def __init__(self, reason: FetchReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class SourceMetadata:
    """What a source knows of a recording beside its bytes; None where it does not."""

    title: str | None = None
    # Who published it: a video channel, an author.
    channel_name: str | None = None
    uploaded_on: date | None = None
    # What read the page, with its version, as in ``yt-dlp 2026.10.26 youtube``.
    extractor: str | None = None


@dataclass(frozen=True, slots=True)
class FoundRecording:
    """One recording that a source lists; no byte of it has been read."""

    # Its name inside the day's folder, forward slashes; of one that lies elsewhere, its address without secrets.
    file: str
    # Where it lies, without user names, passwords, signatures and tokens: this form may be stored and shown.
    uri: str
    # Where it lies in the form that its source reads, secrets included: never stored, logged or shown.
    address: str = field(repr=False)
    size_bytes: int | None
    # Changes when the bytes may have changed; None where only fetching would tell, as for a video page.
    version: str | None
    # When it was last changed, nanoseconds since 1970; of one that a list names, the list's. None where unknown.
    modified_ns: int | None
    metadata: SourceMetadata = SourceMetadata()


@dataclass(frozen=True, slots=True)
class TextFile:
    """A small text file beside recordings, and when it was last changed (nanoseconds since 1970, None unknown)."""

    text: str
    modified_ns: int | None


@dataclass(frozen=True, slots=True)
class Fetched:
    """The bytes of a recording as a local file, whole, and what its source knows of it."""

    path: Path
    metadata: SourceMetadata


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What one fetch may cost; checked before the transfer where the source tells, and during it in any case."""

    max_bytes: int = 2_000_000_000
    # Length of the recording.
    max_seconds: float = 12 * 3600.0
    # From the first attempt to the last byte, waiting and trying again included.
    timeout_s: float = 600.0
    # Longest silence of a server before an attempt counts as failed.
    stall_s: float = 30.0
    attempts: int = 5
    # Private, loopback or link-local networks that may be reached; public addresses always may.
    allowed_networks: tuple[Network, ...] = ()


class Source(Protocol):
    """One kind of place."""

    def days(self, root: str) -> list[str]:
        """Return the days below ``root`` that have a dated folder, ISO dates in order.

        :raises SourceError: the root cannot be listed
        """
        ...

    def recordings(self, root: str, day: str) -> list[FoundRecording]:
        """Return a day's recordings in order of name; a day without a folder has none.

        Files named ``urls.txt`` and ``manifest.csv`` are no recordings; what they name is added by ``lists``.

        :raises SourceError: the folder cannot be listed
        """
        ...

    def read_text(self, root: str, day: str, name: str) -> TextFile | None:
        """Return a small text file directly inside the day's folder, or None where there is none.

        :raises SourceError: it cannot be read or is no UTF-8
        """
        ...

    def find(self, address: str) -> FoundRecording:
        """Return the one recording at an address, without reading it.

        :raises FetchError: the address is malformed, or known without a request to be nothing that may be read
        """
        ...

    def fetch(self, found: FoundRecording, folder: Path) -> Fetched:
        """Return the bytes as a local file: inside ``folder``, which the caller removes, or where they already lie.

        Transient failures are tried again, with growing and random pauses, within the limits. Whatever happens, nothing
        incomplete is left in ``folder`` under a name that does not end in one of ``UNFINISHED``.

        :raises FetchError: the bytes could not be had
        """
        ...
