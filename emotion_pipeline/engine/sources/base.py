"""What a source is: a kind of place that lists recordings by day and provides their bytes as local files.

Which source reads which address is decided in ``router``. Decoding the bytes belongs to ``engine.audio``.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Final, Protocol, Self, TypeAlias

from emotion_pipeline.engine.common.errors import EmotionPipelineError
from emotion_pipeline.engine.common.retries import TransientError
from emotion_pipeline.engine.sources.fetch_reasons import FetchReason

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

# Suffixes under which programs write a file that is not complete yet.
UNFINISHED: Final = frozenset({".part", ".tmp", ".crdownload", ".partial", ".download", ".ytdl"})

# Suffixes of files that lie beside recordings; a recording never has them.
COMPANIONS: Final = frozenset({".md", ".txt", ".csv", ".tsv", ".json", ".yaml", ".yml", ".srt", ".vtt"})

_SUFFIX: Final = re.compile(r"\.[a-z0-9]{1,8}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class SourceError(EmotionPipelineError):
    """A place that cannot be listed; what was listed before stays valid."""


class FetchError(EmotionPipelineError):
    """A recording that cannot be fetched; ``reason`` is the code, the message names the address without secrets."""

    def __init__(self, reason: FetchReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def at(self, address: str) -> Self:
        """Return the same error with an address, as messages may show it, before its message."""
        return type(self)(self.reason, f"{address}: {self}")


class TransientFetchError(FetchError, TransientError):
    """A failure after which another attempt may succeed."""

    def __init__(self, reason: FetchReason, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason, message)
        self.retry_after_s = retry_after_s

    def at(self, address: str) -> Self:
        return type(self)(self.reason, f"{address}: {self}", self.retry_after_s)


@dataclass(frozen=True, slots=True)
class SourceMetadata:
    """What a source states about a recording beside its bytes; None where it states nothing."""

    title: str | None = None
    # Who published it: a video channel, an author.
    channel_name: str | None = None
    uploaded_on: date | None = None
    # What read the page, with its version, as in ``yt-dlp 2026.10.26 youtube``.
    extractor: str | None = None


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
        is left in ``folder`` under a name that does not end in one of ``UNFINISHED``.

        :raises FetchError: the bytes cannot be fetched
        """
        ...


def is_day(name: str) -> bool:
    """Return whether a folder's name is an ISO date, as in ``2026-11-02``."""
    try:
        return date.fromisoformat(name).isoformat() == name
    except ValueError:
        return False


def is_recording(name: str) -> bool:
    """Return whether a file, named from its day's folder on, is a recording: not hidden, unfinished or a companion."""
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") for part in path.parts)
    return not hidden and path.suffix.lower() not in UNFINISHED | COMPANIONS


def fetched_name(names: Iterable[str]) -> str:
    """Return ``recording`` with the suffix of the first of ``names`` that has one by which decoders may know it."""
    suffixes = (PurePosixPath(name).suffix.lower() for name in names)
    return "recording" + next((text for text in suffixes if _SUFFIX.fullmatch(text) and text not in UNFINISHED), "")


def text_file(content: bytes, modified_ns: int | None, place: str) -> TextFile:
    """Return a text file, without a byte order mark. Raises SourceError, which names ``place``, if it is not UTF-8."""
    try:
        return TextFile(content.decode("utf-8-sig"), modified_ns)
    except UnicodeDecodeError as error:
        raise SourceError(f"{place} is not UTF-8 text; save it in that encoding") from error


def nanoseconds(time: datetime) -> int:
    """Return an aware time as nanoseconds since 1970."""
    return (time - _EPOCH) // timedelta(microseconds=1) * 1_000
