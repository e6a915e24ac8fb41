"""Recordings in dated folders of a Snowflake stage: ``snowflake://@CALLS.RAW.RECORDINGS/2026-11-02/call.wav``.

Between ``snowflake://`` and the first slash stands the stage as SQL names it: ``@``, then one to three identifiers
with dots between them, plain (``recordings`` is ``RECORDINGS``) or in double quotes (``"my stage"``), a ``%`` before
the last one for the stage of a table; or ``@~``, the stage of the user. The path in the stage follows, unescaped.

Listing and fetching are the statements LIST and GET of ``snowflake-connector-python``, which also does the transfer.
GET exists for internal stages only; an external one is read as the object store that it points to. Importing this
module loads the connector.
"""

import contextlib
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, TypeVar

from snowflake.connector import errors
from snowflake.connector.errorcode import ER_FAILED_TO_DOWNLOAD_FROM_STAGE
from snowflake.connector.vendored.requests.exceptions import ChunkedEncodingError

from emotion_pipeline.engine.common.retries import Deadline
from emotion_pipeline.engine.snowflake.connection import execute, hide_signatures_in_logs, literal
from emotion_pipeline.engine.snowflake.failures import (
    ACCESS_ERRORS,
    FAILURES,
    LOGIN_ERRORS,
    UNKNOWN_OBJECT_ERRORS,
    error_number,
    is_untrusted,
)
from emotion_pipeline.engine.sources.addresses import recording_at, shown
from emotion_pipeline.engine.sources.base import Fetched, FetchLimits, FoundRecording, TextFile
from emotion_pipeline.engine.sources.fetch_errors import FetchError, FetchReason, SourceError, TransientFetchError
from emotion_pipeline.engine.sources.files import (
    claims_audio,
    fetched_name,
    is_day,
    is_recording,
    nanoseconds,
    text_file,
)
from emotion_pipeline.engine.sources.retries import call_with_retries

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

T = TypeVar("T")

_IDENTIFIER: Final = r'(?:[A-Za-z_][A-Za-z0-9_$]*|"(?:[^"\x00-\x1f\x7f]|"")+")'
_ADDRESS: Final = re.compile(
    rf"snowflake://(?P<stage>@(?:~|(?:{_IDENTIFIER}\.){{0,2}}%?{_IDENTIFIER}))(?:/(?P<path>[^\x00-\x1f\x7f]*))?"
)
_QUOTED: Final = re.compile(r'"[^"]*"')
# LIST gives the size as stored: with client-side encryption up to a block more than the file has.
_ENCRYPTION_BLOCK_BYTES: Final = 16

# The connector states the status of a failed transfer nowhere else.
_STATUS: Final = re.compile(r"HTTPError\('(\d{3})")
_SERVER_ERRORS: Final = (
    *(errors.BadGatewayError, errors.GatewayTimeoutError, errors.InternalServerError),
    *(errors.OtherHTTPRetryableError, errors.RequestTimeoutError, errors.ServiceUnavailableError),
)
_TRANSFER_FAILURES: Final = {
    "403": (FetchReason.FORBIDDEN, "the storage of the stage refuses this machine"),
    "404": (FetchReason.NOT_FOUND, "the storage of the stage no longer has it"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """A stage as SQL names it, the ``@`` included, and a path in it without slashes at its ends."""

    stage: str
    path: str

    @property
    def is_named_in_listings(self) -> bool:
        """Whether LIST puts a name before the paths, as it does for named stages only."""
        return self.stage != "@~" and "%" not in _QUOTED.sub("", self.stage)

    @property
    def prefix(self) -> str:
        """The path of the folder with a slash at its end, empty for the stage itself."""
        return f"{self.path}/" if self.path else ""

    def folder(self) -> str:
        """Return the SQL literal for all files below it."""
        return literal(f"{self.stage}/{self.prefix}")

    def file(self) -> str:
        """Return the SQL literal for the file, and for all whose paths begin like its."""
        return literal(f"{self.stage}/{self.path}")


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of a listing; ``path`` is that in the stage."""

    path: str
    size_bytes: int
    md5: str | None
    modified_ns: int | None


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
        names = (name.partition("/") for name in self._list(root))
        return sorted({first for first, slash, _ in names if slash and is_day(first)})

    def recordings(self, root: str, day: str) -> list[FoundRecording]:
        folder = f"{root.rstrip('/')}/{day}"
        lines = sorted(self._list(folder).items())
        return [_recording(f"{folder}/{name}", name, line) for name, line in lines if is_recording(name)]

    def read_text(self, root: str, day: str, name: str) -> TextFile | None:
        address = f"{root.rstrip('/')}/{day}/{name}"
        try:
            with tempfile.TemporaryDirectory(prefix="stage-", ignore_cleanup_errors=True) as folder:
                copied = self._copy(address, Path(folder))
                return text_file(copied[1].read_bytes(), copied[0].modified_ns, shown(address)) if copied else None
        except FetchError as error:
            raise SourceError(f"cannot read {error}") from error

    def find(self, address: str) -> FoundRecording:
        """Return the file unread; whether it exists is not known before ``fetch``."""
        if not place_of(address).path:
            message = f"{shown(address)} names no file; it looks like snowflake://@DB.SCHEMA.STAGE/2026-11-02/call.wav"
            raise FetchError(FetchReason.UNSUPPORTED_ADDRESS, message)
        return recording_at(address)

    def fetch(self, recording: FoundRecording, folder: Path) -> Fetched:
        with tempfile.TemporaryDirectory(dir=folder, suffix=".part", ignore_cleanup_errors=True) as work:
            copied = self._copy(recording.address, Path(work))
            if copied is None:
                message = f"{shown(recording.address)}: the stage has no such file; check the path"
                raise FetchError(FetchReason.NOT_FOUND, message)
            return Fetched(copied[1].rename(folder / fetched_name([recording.address])), recording.metadata)

    def _list(self, address: str) -> dict[str, _Line]:
        """Return the files below a folder by their names from there on. Raises SourceError."""
        try:
            place = place_of(address)
            lines = self._query(address, lambda session: _lines(session, place, place.folder()))
        except FetchError as error:
            raise SourceError(f"cannot list {error}") from error
        return {line.path.removeprefix(place.prefix): line for line in lines if line.path.startswith(place.prefix)}

    def _copy(self, address: str, work: Path) -> tuple[_Line, Path] | None:
        """Return a file's line in the listing and its complete copy below ``work``; None where it does not exist.

        :raises FetchError: it cannot be fetched
        """
        place = place_of(address)
        return self._query(address, lambda session: self._get(session, place, work))

    def _get(self, session: "SnowflakeConnection", place: Place, work: Path) -> tuple[_Line, Path] | None:
        lines = _lines(session, place, place.file())
        line = next((line for line in lines if line.path == place.path), None)
        if line is None:
            return None
        self._limits.check_size(line.size_bytes - _ENCRYPTION_BLOCK_BYTES)
        target = tempfile.mkdtemp(dir=work)  # of this attempt only: one that was given up may still be writing
        pattern = f" PATTERN = {literal(f'.*{re.escape(place.path)}$')}" if len(lines) > 1 else ""
        execute(session, f"GET {place.file()} {literal(f'file://{target}/')}{pattern}")
        path = Path(target, PurePosixPath(place.path).name)
        size = path.stat().st_size if path.is_file() else 0
        if not 0 <= line.size_bytes - size <= _ENCRYPTION_BLOCK_BYTES:
            message = f"{size:,} bytes arrived instead of {line.size_bytes:,}"
            raise TransientFetchError(FetchReason.INCOMPLETE, message)
        return line, path

    def _query(self, address: str, query: "Callable[[SnowflakeConnection], T]") -> T:
        """Return what ``query`` returns for a new session. Raises FetchError."""

        def call() -> T:
            with contextlib.closing(self._connect()) as session:
                return query(session)

        return call_with_retries(call, address, self._limits, Deadline(self._limits.timeout_s), _classify)


def place_of(address: str) -> Place:
    """Return the stage and the path of a ``snowflake://`` address. Raises FetchError for any other address."""
    match = _ADDRESS.fullmatch(address)
    if match is None:
        message = f"{shown(address)} names no stage; it looks like snowflake://@DB.SCHEMA.STAGE/2026-11-02/call.wav"
        raise FetchError(FetchReason.UNSUPPORTED_ADDRESS, message)
    return Place(match["stage"], (match["path"] or "").strip("/"))


def _lines(session: "SnowflakeConnection", place: Place, listed: str) -> list[_Line]:
    """Return the lines of LIST with the paths that files have in the stage. Raises FetchError for an external one."""
    lines = []
    for name, size, md5, modified, *_ in execute(session, f"LIST {listed}"):
        if "://" in name:
            message = "it is an external stage, which has no GET; name the object store that it points to"
            raise FetchError(FetchReason.UNSUPPORTED_ADDRESS, message)
        path = name.partition("/")[2] if place.is_named_in_listings else name
        lines.append(_Line(path, int(size), md5, _modified_ns(modified)))
    return lines


def _modified_ns(modified: str | None) -> int | None:
    """Return the time of a listing, as in ``Mon, 2 Nov 2026 08:00:00 GMT``, in nanoseconds since 1970."""
    try:
        return nanoseconds(parsedate_to_datetime(modified or ""))
    except ValueError:
        return None


def _recording(address: str, name: str, line: _Line) -> FoundRecording:
    version = f"{line.size_bytes}-{line.md5}" if line.md5 else None
    return FoundRecording(
        *(name, shown(address), address, line.size_bytes, version, line.modified_ns), claims_audio=claims_audio(name)
    )


def _classify(error: Exception) -> FetchError | None:
    """Return what an error means; None where it is no failure of Snowflake or its connector.

    Messages quote nothing, since the connector's own hold signed addresses of files.
    """
    if not isinstance(error, FAILURES):
        return None
    number = error_number(error)
    if number in UNKNOWN_OBJECT_ERRORS:
        advice = "check the address, and grant READ on the stage"
        failure = FetchReason.NOT_FOUND, f"there is no such stage, or the role may not see it; {advice}"
    elif number in LOGIN_ERRORS:
        failure = FetchReason.FORBIDDEN, "the login failed; check SNOWFLAKE_*"
    elif number in ACCESS_ERRORS or isinstance(error, errors.ForbiddenError):
        advice = "check credentials and role, and grant READ on the stage"
        failure = FetchReason.FORBIDDEN, f"the role may not read it; {advice}"
    elif number == ER_FAILED_TO_DOWNLOAD_FROM_STAGE:
        status = _STATUS.search(getattr(error, "msg", None) or "")
        broken = FetchReason.INCOMPLETE, "the transfer broke off"
        failure = _TRANSFER_FAILURES.get(status[1], broken) if status else broken
    elif isinstance(error, errors.TooManyRequests):
        failure = FetchReason.RATE_LIMITED, "Snowflake asks for fewer requests"
    elif isinstance(error, _SERVER_ERRORS):
        failure = FetchReason.SERVER_ERROR, "Snowflake failed"
    elif isinstance(error, ChunkedEncodingError):
        failure = FetchReason.INCOMPLETE, "Snowflake's answer broke off"
    elif is_untrusted(error):
        advice = "check the host and the certificates of this machine"
        return FetchError(FetchReason.UNREACHABLE, f"the server's certificate is not trusted; {advice}")
    elif isinstance(error, errors.ProgrammingError):
        question = "is it an internal stage, spelled as in SQL?"
        failure = FetchReason.UNSUPPORTED_ADDRESS, f"Snowflake does not understand it ({number}); {question}"
    else:
        failure = FetchReason.UNREACHABLE, f"Snowflake does not answer ({number}); check the network"
    return (TransientFetchError if failure[0].is_retryable else FetchError)(*failure)
