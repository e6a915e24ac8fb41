"""Recordings in dated folders of a Snowflake stage: ``snowflake://@CALLS.RAW.RECORDINGS/2026-11-02/call.wav``.

Between ``snowflake://`` and the first slash stands the stage as SQL names it: ``@``, then one to three identifiers
with dots between them, plain (``recordings`` is ``RECORDINGS``) or in double quotes (``"my stage"``), a ``%`` before
the last one for the stage of a table; or ``@~``, the stage of the user. What follows is the path in the stage, letter
for letter: nothing in it is escaped.

Listing and fetching are the statements LIST and GET, sent by ``snowflake-connector-python``, which also does the
transfer. GET exists for internal stages only; what an external one points to is read as an object store.
"""

import contextlib
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from emotion_pipeline.engine.snowflake.connection import hide_signatures_in_logs
from emotion_pipeline.engine.sources.addresses import name_of, shown
from emotion_pipeline.engine.sources.base import (
    UNFINISHED,
    Fetched,
    FetchError,
    FetchLimits,
    FoundRecording,
    SourceError,
    TextFile,
)
from emotion_pipeline.engine.sources.fetch_reasons import FetchReason
from emotion_pipeline.engine.sources.library_calls import call_with_retries
from emotion_pipeline.engine.sources.local import is_day, is_recording
from emotion_pipeline.engine.sources.retries import Deadline, TransientFetchError
from emotion_pipeline.engine.sources.snowflake_errors import classify

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

T = TypeVar("T")

_IDENTIFIER: Final = r'(?:[A-Za-z_][A-Za-z0-9_$]*|"(?:[^"\x00-\x1f\x7f]|"")+")'
_ADDRESS: Final = re.compile(
    rf"snowflake://(?P<stage>@(?:~|(?:{_IDENTIFIER}\.){{0,2}}%?{_IDENTIFIER}))(?:/(?P<path>[^\x00-\x1f\x7f]*))?"
)
_QUOTED: Final = re.compile(r'"[^"]*"')
# LIST tells the size as stored: with client-side encryption up to a block more than the file has.
_ENCRYPTION_BLOCK_BYTES: Final = 16
_SUFFIX: Final = re.compile(r"\.[a-z0-9]{1,8}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Place:
    """A stage as SQL names it, the ``@`` included, and a path in it without slashes at its ends."""

    stage: str
    path: str

    @property
    def is_named_in_listings(self) -> bool:
        """Whether LIST puts a name before the paths, as it does for named stages only."""
        return self.stage != "@~" and "%" not in _QUOTED.sub("", self.stage)

    def folder(self) -> str:
        """Return the literal for all that lies below it."""
        return _literal(f"{self.stage}/{self.path}/" if self.path else f"{self.stage}/")

    def file(self) -> str:
        """Return the literal for the file, and for all whose paths begin like its."""
        return _literal(f"{self.stage}/{self.path}")


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of a listing; ``path`` is that in the stage."""

    path: str
    size_bytes: int
    md5: str | None
    modified_ns: int | None

    @property
    def version(self) -> str | None:
        return f"{self.size_bytes}-{self.md5}" if self.md5 else None


class StageSource:
    """Dated folders of Snowflake's internal stages.

    :param connect: opens a connection, which is closed after each listing and each fetch; its role needs READ on the
        stage
    """

    def __init__(self, limits: FetchLimits, connect: "Callable[[], SnowflakeConnection]") -> None:
        self._limits = limits
        self._connect = connect
        hide_signatures_in_logs()

    def days(self, root: str) -> list[str]:
        names = (name.partition("/") for name, _ in self._listed(root))
        return sorted({first for first, slash, _ in names if slash and is_day(first)})

    def recordings(self, root: str, day: str) -> list[FoundRecording]:
        folder = f"{root.rstrip('/')}/{day}"
        listed = self._listed(folder)
        found = [_found(folder, name, line) for name, line in listed if is_recording(PurePosixPath(name))]
        return sorted(found, key=lambda recording: recording.file)

    def read_text(self, root: str, day: str, name: str) -> TextFile | None:
        address = f"{root.rstrip('/')}/{day}/{name}"
        try:
            with tempfile.TemporaryDirectory(prefix="stage-", ignore_cleanup_errors=True) as folder:
                got = self._fetched(address, Path(folder), Deadline(self._limits.timeout_s))
                return TextFile(got[1].read_text(encoding="utf-8-sig"), got[0].modified_ns) if got else None
        except FetchError as error:
            raise SourceError(f"cannot read {error}") from error
        except UnicodeDecodeError as error:
            raise SourceError(f"{shown(address)} is no UTF-8 text; save it in that encoding") from error

    def find(self, address: str) -> FoundRecording:
        """Return the file as it stands; whether it is there is not known before ``fetch``."""
        if not place_of(address).path:
            message = f"{shown(address)} names no file; it looks like snowflake://@DB.SCHEMA.STAGE/2026-11-02/call.wav"
            raise FetchError(FetchReason.UNSUPPORTED_ADDRESS, message)
        return FoundRecording(name_of(address), shown(address), address, None, None, None)

    def fetch(self, found: FoundRecording, folder: Path) -> Fetched:
        suffix = PurePosixPath(found.address).suffix.lower()
        name = f"recording{suffix if _SUFFIX.fullmatch(suffix) and suffix not in UNFINISHED else ''}"
        with tempfile.TemporaryDirectory(dir=folder, suffix=".part", ignore_cleanup_errors=True) as work:
            got = self._fetched(found.address, Path(work), Deadline(self._limits.timeout_s))
            if got is None:
                message = f"{shown(found.address)}: the stage has no such file; check the path"
                raise FetchError(FetchReason.NOT_FOUND, message)
            return Fetched(got[1].rename(folder / name), found.metadata)

    def _listed(self, address: str) -> list[tuple[str, _Line]]:
        """Return what lies below a folder, by its name from there on. Raises SourceError."""
        try:
            place = place_of(address)
            deadline = Deadline(self._limits.timeout_s)
            lines = self._ask(address, deadline, lambda session: _lines(session, place, place.folder()))
        except FetchError as error:
            raise SourceError(f"cannot list {error}") from error
        inside = f"{place.path}/" if place.path else ""
        return [(line.path.removeprefix(inside), line) for line in lines if line.path.startswith(inside)]

    def _fetched(self, address: str, work: Path, deadline: Deadline) -> tuple[_Line, Path] | None:
        """Return a file's line in the listing, and the file, whole, below ``work``; None where there is no such file.

        :raises FetchError: it cannot be had
        """
        place = place_of(address)
        return self._ask(address, deadline, lambda session: self._get(session, place, work))

    def _get(self, session: "SnowflakeConnection", place: Place, work: Path) -> tuple[_Line, Path] | None:
        lines = _lines(session, place, place.file())
        line = next((line for line in lines if line.path == place.path), None)
        if line is None:
            return None
        if line.size_bytes > self._limits.max_bytes + _ENCRYPTION_BLOCK_BYTES:
            message = f"it has {line.size_bytes:,} bytes, allowed are {self._limits.max_bytes:,}"
            raise FetchError(FetchReason.TOO_LARGE, f"{message}; raise sources.max_bytes if it is wanted")
        into = tempfile.mkdtemp(dir=work)  # of this attempt alone: one that was given up may still be writing
        only = f" PATTERN = {_literal(f'.*{re.escape(place.path)}$')}" if len(lines) > 1 else ""
        _execute(session, f"GET {place.file()} {_literal(f'file://{into}/')}{only}")
        path = Path(into, PurePosixPath(place.path).name)
        size = path.stat().st_size if path.is_file() else 0
        if not 0 <= line.size_bytes - size <= _ENCRYPTION_BLOCK_BYTES:
            message = f"{size:,} bytes arrived instead of {line.size_bytes:,}"
            raise TransientFetchError(FetchReason.INCOMPLETE, message)
        return line, path

    def _ask(self, address: str, deadline: Deadline, question: "Callable[[SnowflakeConnection], T]") -> T:
        """Put a question to Snowflake, again where that may help. Raises FetchError."""

        def call() -> T:
            with contextlib.closing(self._connect()) as session:
                return question(session)

        return call_with_retries(call, address, self._limits, deadline, classify)


def place_of(address: str) -> Place:
    """Return the stage and the path of a ``snowflake://`` address. Raises FetchError where it is none."""
    match = _ADDRESS.fullmatch(address)
    if match is None:
        message = f"{shown(address)} names no stage; it looks like snowflake://@DB.SCHEMA.STAGE/2026-11-02/call.wav"
        raise FetchError(FetchReason.UNSUPPORTED_ADDRESS, message)
    return Place(match["stage"], (match["path"] or "").strip("/"))


def _lines(session: "SnowflakeConnection", place: Place, literal: str) -> list[_Line]:
    """Return the lines of LIST with the paths that files have in the stage. Raises FetchError for an external one."""
    lines = []
    for name, size, md5, modified, *_ in _execute(session, f"LIST {literal}"):
        if "://" in name:
            message = "it is an external stage, which has no GET; name the object store that it points to"
            raise FetchError(FetchReason.UNSUPPORTED_ADDRESS, message)
        path = name.partition("/")[2] if place.is_named_in_listings else name
        lines.append(_Line(path, int(size), md5, _in_ns(modified)))
    return lines


def _execute(session: "SnowflakeConnection", statement: str) -> list[tuple[Any, ...]]:
    with session.cursor() as cursor:
        cursor.execute(statement)
        return cast(list[tuple[Any, ...]], cursor.fetchall())


def _literal(text: str) -> str:
    """Return a text as a string of Snowflake's SQL, in which backslashes escape, too."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _in_ns(modified: str | None) -> int | None:
    """Return the time of a listing, as in ``Mon, 2 Nov 2026 08:00:00 GMT``, in nanoseconds since 1970."""
    try:
        return (parsedate_to_datetime(modified or "") - _EPOCH) // timedelta(microseconds=1) * 1_000
    except ValueError:
        return None


def _found(folder: str, name: str, line: _Line) -> FoundRecording:
    address = f"{folder}/{name}"
    return FoundRecording(
        file=name,
        uri=shown(address),
        address=address,
        size_bytes=line.size_bytes,
        version=line.version,
        modified_ns=line.modified_ns,
    )
