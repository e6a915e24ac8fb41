"""Recordings in dated folders of an object store: ``s3://bucket/recordings/2026-11-02/call.wav``.

Stores are read through fsspec, whose packages (s3fs, gcsfs, adlfs) find credentials as usual: in the environment, in
the files of the store's own tools, in the identity of the machine. Decoding the bytes belongs to ``engine.audio``.
"""

import errno
import os
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Final, TypeAlias, TypeVar

from emotion_pipeline.engine.common.retries import Deadline, OutOfTimeError
from emotion_pipeline.engine.sources.addresses import recording_at, scheme_of, shown
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

T = TypeVar("T")

# An ``fsspec.AbstractFileSystem``, whose annotations lack the types of detailed listings.
_FileSystem: TypeAlias = Any

# The schemes that are read, and the package that each needs (extras s3, gcs, azure); ``memory`` is a store inside the
# process.
SCHEMES: Final[Mapping[str, str]] = {
    **{"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs"},
    **{"az": "adlfs", "abfs": "adlfs", "abfss": "adlfs", "memory": "fsspec"},
}

_BLOCK_BYTES: Final = 4 << 20
# Under which names the stores give the time of the last change, and a digest of the content.
_MODIFIED: Final = ("LastModified", "last_modified", "updated", "mtime", "created")
_CONTENT: Final = ("ETag", "etag", "md5Hash")

# Packages whose own exceptions, where they are no OSError, are failures of the store.
_STORE_PACKAGES: Final = frozenset({"botocore", "aiobotocore", "aiohttp", "gcsfs", "google", "azure", "adlfs"})

# Not every system has EREMOTEIO, which s3fs uses.
_SERVER_ERRORS: Final = frozenset({errno.EIO, getattr(errno, "EREMOTEIO", errno.EIO)})

_Query: TypeAlias = Callable[[_FileSystem, str], T]


class ObjectStoreSource:
    """Dated folders of the stores in ``SCHEMES``.

    :param options: by scheme, options of its file system, as in ``{"s3": {"endpoint_url": ...}}``
    """

    def __init__(self, limits: FetchLimits, options: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self._limits = limits
        self._options = options or {}

    def days(self, root: str) -> list[str]:
        entries = self._list(root, _children)
        names = {PurePosixPath(entry["name"]).name for entry in entries if entry["type"] == "directory"}
        return sorted(name for name in names if is_day(name))

    def recordings(self, root: str, day: str) -> list[FoundRecording]:
        folder = f"{root.rstrip('/')}/{day}"
        files = self._list(folder, _files_below)
        if not files:
            self.days(root)  # fails where the store is gone, as opposed to a day without recordings
        return [_recording(folder, name, info) for name, info in sorted(files.items()) if is_recording(name)]

    def read_text(self, root: str, day: str, name: str) -> TextFile | None:
        address = f"{root.rstrip('/')}/{day}/{name}"
        content = self._list(address, _content)
        return None if content is None else text_file(content[1], _modified_ns(content[0]), shown(address))

    def find(self, address: str) -> FoundRecording:
        """Return the object unread; whether it exists is not known before ``fetch``."""
        if scheme_of(address) not in SCHEMES or not PurePosixPath(address.partition("://")[2]).parts[1:]:
            message = f"{shown(address)} names no object; it looks like s3://bucket/calls/call.wav"
            raise FetchError(FetchReason.UNSUPPORTED_ADDRESS, message)
        return recording_at(address)

    def fetch(self, recording: FoundRecording, folder: Path) -> Fetched:
        deadline = Deadline(self._limits.timeout_s)
        name = fetched_name([recording.address])
        with tempfile.TemporaryDirectory(dir=folder, suffix=".part") as work:
            part = Path(work) / name
            self._query(recording.address, lambda store, path: self._copy(store, path, part, deadline), deadline)
            return Fetched(part.rename(folder / name), recording.metadata)

    def _copy(self, store: _FileSystem, path: str, part: Path, deadline: Deadline) -> None:
        """Write the object's bytes to ``part``, from the beginning and all of one version."""
        info = _info(store, path)
        self._limits.check_size(info["size"])
        size = 0
        with store.open(path, "rb", block_size=_BLOCK_BYTES) as source, part.open("wb") as target:
            while block := source.read(_BLOCK_BYTES):
                size += len(block)
                self._limits.check_size(size)
                if deadline.has_passed:
                    raise OutOfTimeError
                target.write(block)
            target.flush()
            os.fsync(target.fileno())
        if size != info["size"] or _version(_info(store, path)) != _version(info):
            raise TransientFetchError(FetchReason.INCOMPLETE, "it was changed while it was read")

    def _list(self, address: str, query: _Query[T]) -> T:
        try:
            return self._query(address, query, Deadline(self._limits.timeout_s))
        except FetchError as error:
            raise SourceError(f"cannot list or read {error}") from error

    def _query(self, address: str, query: _Query[T], deadline: Deadline) -> T:
        """Return what ``query`` returns for the store and the path of an address. Raises FetchError."""
        store, path = self._store(address)
        return call_with_retries(lambda: query(store, path), address, self._limits, deadline, _classify)

    def _store(self, address: str) -> tuple[_FileSystem, str]:
        """Return the file system of an address and the path in it.

        The file system is chosen by name, not from the whole address, in which ``::`` would chain other file systems.
        """
        import fsspec

        scheme = scheme_of(address)
        if scheme not in SCHEMES:
            message = f"{shown(address)}: no object store has this scheme; known are {', '.join(SCHEMES)}"
            raise FetchError(FetchReason.UNSUPPORTED_ADDRESS, message)
        try:
            kind = fsspec.get_filesystem_class(scheme)
        except ImportError as error:
            message = f"{shown(address)}: reading it needs a package; run: pip install {SCHEMES[scheme]}"
            raise FetchError(FetchReason.UNSUPPORTED_ADDRESS, message) from error
        options = {**_time_limits(scheme, self._limits.stall_s), **kind._get_kwargs_from_urls(address)}
        store = kind(**{**options, **self._options.get(scheme, {})})
        if hasattr(store, "retries"):
            store.retries = 1  # only ``call_with_retries`` retries
        return store, str(kind._strip_protocol(address))


def _time_limits(scheme: str, stall_s: float) -> dict[str, Any]:
    """Return the options that make a store's file system give up on a silent server."""
    match SCHEMES[scheme]:
        case "s3fs":
            retries = {"total_max_attempts": 1}
            return {"config_kwargs": {"connect_timeout": stall_s, "read_timeout": stall_s, "retries": retries}}
        case "gcsfs":
            return {"requests_timeout": stall_s}
        case "adlfs":
            return {"connection_timeout": stall_s, "read_timeout": stall_s}
        case _:
            return {}


def _children(store: _FileSystem, path: str) -> list[dict[str, Any]]:
    store.invalidate_cache()
    return store.ls(path, detail=True)


def _files_below(store: _FileSystem, path: str) -> dict[str, dict[str, Any]]:
    """Return the files below a folder by their names from there on, without the empty objects that mark folders."""
    store.invalidate_cache()
    try:
        infos = store.find(path, detail=True)
    except FileNotFoundError:
        return {}
    prefix = f"{path}/"
    return {
        name.removeprefix(prefix): info
        for name, info in infos.items()
        if info["type"] == "file" and name.startswith(prefix) and not name.endswith("/")
    }


def _content(store: _FileSystem, path: str) -> tuple[dict[str, Any], bytes] | None:
    try:
        return _info(store, path), store.cat_file(path)
    except FileNotFoundError:
        return None


def _info(store: _FileSystem, path: str) -> dict[str, Any]:
    store.invalidate_cache()
    info = store.info(path)
    if info["type"] != "file":
        raise FileNotFoundError(path)
    return info


def _recording(folder: str, name: str, info: Mapping[str, Any]) -> FoundRecording:
    address = f"{folder}/{name}"
    return FoundRecording(
        *(name, shown(address), address, info["size"], _version(info), _modified_ns(info)),
        claims_audio=claims_audio(name),
    )


def _version(info: Mapping[str, Any]) -> str | None:
    """Return what changes with the content: the store's digest of it, else size and time of the last change."""
    content = next((str(info[key]).strip('"') for key in _CONTENT if info.get(key)), None) or _modified_ns(info)
    return None if content is None else f"{info['size']}-{content}"


def _modified_ns(info: Mapping[str, Any]) -> int | None:
    modified = next((info[key] for key in _MODIFIED if info.get(key)), None)
    if isinstance(modified, str):
        modified = datetime.fromisoformat(modified)
    elif isinstance(modified, int | float):
        modified = datetime.fromtimestamp(modified, UTC)
    return None if modified is None else nanoseconds(modified)


def _classify(error: Exception) -> FetchError | None:
    """Return what an error means; None where it is no failure of the store.

    s3fs and gcsfs translate HTTP statuses into numbers of ``OSError``.
    """
    if isinstance(error, IndexError) and isinstance(error.__context__, OSError):
        error = error.__context__  # s3fs fails so on time-outs, which have no number
    name = type(error).__name__
    is_of_store = type(error).__module__.partition(".")[0] in _STORE_PACKAGES
    number = error.errno if isinstance(error, OSError) else None
    is_disk_full = number == errno.ENOSPC
    if isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError):
        failure = FetchReason.NOT_FOUND, "there is nothing under this name; check the address"
    elif isinstance(error, PermissionError) or (is_of_store and "Credential" in name):
        advice = "check the credentials in the environment and their rights"
        failure = FetchReason.FORBIDDEN, f"it may not be read; {advice}"
    elif name == "FileExpired":
        failure = FetchReason.INCOMPLETE, "it was changed while it was read"
    elif is_disk_full:
        failure = FetchReason.INCOMPLETE, "the disk for temporary files is full; make room"
    elif number == errno.EBUSY:
        failure = FetchReason.RATE_LIMITED, "the store asks for fewer requests"
    elif number in _SERVER_ERRORS:
        failure = FetchReason.SERVER_ERROR, "the store failed"
    elif isinstance(error, OSError) or is_of_store:
        failure = FetchReason.UNREACHABLE, f"the store does not answer ({name}); check the network"
    else:
        return None
    return (TransientFetchError if failure[0].is_retryable and not is_disk_full else FetchError)(*failure)
