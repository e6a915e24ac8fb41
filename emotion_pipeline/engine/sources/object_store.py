"""Recordings in dated folders of an object store: ``s3://bucket/recordings/2026-11-02/call.wav``.

Everything goes through fsspec, whose packages for the stores (s3fs, gcsfs, adlfs) find credentials as usual: in the
environment, in the files of the store's own tools, in the identity of the machine. What is a day and what a recording
is the same as in ``local``. Decoding the bytes belongs to ``engine.audio``.
"""

import os
import re
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any, Final, TypeAlias, TypeVar

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
from emotion_pipeline.engine.sources.library_calls import OutOfTimeError, call_with_retries
from emotion_pipeline.engine.sources.local import is_day, is_recording
from emotion_pipeline.engine.sources.retries import Deadline, TransientFetchError
from emotion_pipeline.engine.sources.store_errors import classify

T = TypeVar("T")

# An ``fsspec.AbstractFileSystem``, whose annotations leave out what its methods return when asked for details.
_FileSystem: TypeAlias = Any

# The schemes that are read, and the package that each needs; ``memory`` is a store inside the process.
SCHEMES: Final[Mapping[str, str]] = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "memory": "fsspec",
}

_BLOCK_BYTES: Final = 4 << 20
_SUFFIX: Final = re.compile(r"\.[a-z0-9]{1,8}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MODIFIED: Final = ("LastModified", "last_modified", "updated", "mtime", "created")
_CONTENT: Final = ("ETag", "etag", "md5Hash")

_Question: TypeAlias = Callable[[_FileSystem, str], T]


class ObjectStoreSource:
    """Dated folders of the stores in ``SCHEMES``.

    :param options: by scheme, what its file system is to be made with, as in ``{"s3": {"endpoint_url": ...}}``
    """

    def __init__(self, limits: FetchLimits, options: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self._limits = limits
        self._options = options or {}

    def days(self, root: str) -> list[str]:
        entries = self._listed(root, _children)
        names = {PurePosixPath(entry["name"]).name for entry in entries if entry["type"] == "directory"}
        return sorted(name for name in names if is_day(name))

    def recordings(self, root: str, day: str) -> list[FoundRecording]:
        folder = f"{root.rstrip('/')}/{day}"
        files = self._listed(folder, _files_below)
        if not files:
            self.days(root)  # tells a day without recordings from a store that is gone
        found = [_found(folder, name, info) for name, info in files.items() if is_recording(PurePosixPath(name))]
        return sorted(found, key=lambda recording: recording.file)

    def read_text(self, root: str, day: str, name: str) -> TextFile | None:
        address = f"{root.rstrip('/')}/{day}/{name}"
        read = self._listed(address, _content)
        if read is None:
            return None
        info, content = read
        try:
            return TextFile(content.decode("utf-8-sig"), _modified_ns(info))
        except UnicodeDecodeError as error:
            raise SourceError(f"{shown(address)} is no UTF-8 text; save it in that encoding") from error

    def find(self, address: str) -> FoundRecording:
        """Return the object as it stands; whether it is there is not known before ``fetch``."""
        if scheme_of(address) not in SCHEMES or not PurePosixPath(address.partition("://")[2]).parts[1:]:
            message = f"{shown(address)} names no object; it looks like s3://bucket/calls/call.wav"
            raise FetchError(FetchReason.UNSUPPORTED_ADDRESS, message)
        return FoundRecording(name_of(address), shown(address), address, None, None, None)

    def fetch(self, found: FoundRecording, folder: Path) -> Fetched:
        deadline = Deadline(self._limits.timeout_s)
        suffix = PurePosixPath(found.address).suffix.lower()
        name = f"recording{suffix if _SUFFIX.fullmatch(suffix) and suffix not in UNFINISHED else ''}"
        with tempfile.TemporaryDirectory(dir=folder, suffix=".part") as work:
            part = Path(work) / name
            self._ask(found.address, lambda store, path: self._copy(store, path, part, deadline), deadline)
            return Fetched(part.rename(folder / name), found.metadata)

    def _copy(self, store: _FileSystem, path: str, part: Path, deadline: Deadline) -> None:
        """Write the object's bytes to ``part``, from the beginning and all of one version."""
        before = _info(store, path)
        self._check_size(before["size"])
        size = 0
        with store.open(path, "rb", block_size=_BLOCK_BYTES) as source, part.open("wb") as target:
            while block := source.read(_BLOCK_BYTES):
                size += len(block)
                self._check_size(size)
                if deadline.has_passed:
                    raise OutOfTimeError
                target.write(block)
            target.flush()
            os.fsync(target.fileno())
        if size != before["size"] or _version(_info(store, path)) != _version(before):
            raise TransientFetchError(FetchReason.INCOMPLETE, "it was changed while it was read")

    def _check_size(self, size: int) -> None:
        if size > self._limits.max_bytes:
            message = f"it has {size:,} bytes, allowed are {self._limits.max_bytes:,}; raise sources.max_bytes"
            raise FetchError(FetchReason.TOO_LARGE, message)

    def _listed(self, address: str, question: _Question[T]) -> T:
        try:
            return self._ask(address, question, Deadline(self._limits.timeout_s))
        except FetchError as error:
            raise SourceError(f"cannot list or read {error}") from error

    def _ask(self, address: str, question: _Question[T], deadline: Deadline) -> T:
        """Put a question to the store, again where that may help. Raises FetchError."""
        store, path = self._store(address)
        return call_with_retries(lambda: question(store, path), address, self._limits, deadline, classify)

    def _store(self, address: str) -> tuple[_FileSystem, str]:
        """Return the file system of an address and the path in it.

        It is asked for by name and not by the whole address, in which ``::`` would lead on to other file systems.
        """
        import fsspec

        scheme = scheme_of(address)
        if scheme not in SCHEMES:
            message = f"{shown(address)}: no object store has this scheme; the ones that are read are "
            raise FetchError(FetchReason.UNSUPPORTED_ADDRESS, message + ", ".join(SCHEMES))
        try:
            kind = fsspec.get_filesystem_class(scheme)
        except ImportError as error:
            message = f"{shown(address)}: reading it needs a package; run: pip install {SCHEMES[scheme]}"
            raise FetchError(FetchReason.UNSUPPORTED_ADDRESS, message) from error
        options = {**_time_limits(scheme, self._limits.stall_s), **kind._get_kwargs_from_urls(address)}
        store = kind(**{**options, **self._options.get(scheme, {})})
        if hasattr(store, "retries"):
            store.retries = 1  # retries are made by ``call_with_retries`` only
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
    """Return what lies below a folder, by its name from there on; the empty objects that stand for folders are none."""
    store.invalidate_cache()
    try:
        found = store.find(path, detail=True)
    except FileNotFoundError:
        return {}
    inside = f"{path}/"
    return {
        name.removeprefix(inside): info
        for name, info in found.items()
        if info["type"] == "file" and name.startswith(inside) and not name.endswith("/")
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


def _found(folder: str, name: str, info: Mapping[str, Any]) -> FoundRecording:
    address = f"{folder}/{name}"
    return FoundRecording(
        file=name,
        uri=shown(address),
        address=address,
        size_bytes=info["size"],
        version=_version(info),
        modified_ns=_modified_ns(info),
        metadata=SourceMetadata(),
    )


def _version(info: Mapping[str, Any]) -> str | None:
    """Return what changes with the content: the store's own digest of it, else size and time of the last change."""
    content = next((str(info[key]).strip('"') for key in _CONTENT if info.get(key)), None)
    modified = _modified_ns(info)
    if content is None and modified is None:
        return None
    return f"{info['size']}-{content or modified}"


def _modified_ns(info: Mapping[str, Any]) -> int | None:
    value = next((info[key] for key in _MODIFIED if info.get(key)), None)
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    elif isinstance(value, int | float):
        value = datetime.fromtimestamp(value, UTC)
    if value is None:
        return None
    return (value - _EPOCH) // timedelta(microseconds=1) * 1_000
