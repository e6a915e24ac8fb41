"""Recordings in dated folders: ``<root>/2026-11-02/call.wav``, at any depth below the day.

Ignored are folders whose names are no dates, hidden files, files that an upload or a download still writes under a
temporary name, and the text that people leave beside recordings (notes, read-me files). Any other file is listed;
whether it is a recording its content decides (``stages.raw_audio``).
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

from emotion_pipeline.engine.sources.addresses import scheme_of
from emotion_pipeline.engine.sources.base import Fetched, FoundRecording, TextFile
from emotion_pipeline.engine.sources.fetch_errors import FetchError, FetchReason, SourceError
from emotion_pipeline.engine.sources.files import claims_audio, is_day, is_recording, text_file


class LocalSource:
    """Folders of this machine; a root and an address may be paths or ``file://`` addresses."""

    def days(self, root: str) -> list[str]:
        return dated_folders(local_path(root))

    def recordings(self, root: str, day: str) -> list[FoundRecording]:
        folder = local_path(root) / day
        return recordings_below(folder) if folder.is_dir() else []

    def read_text(self, root: str, day: str, name: str) -> TextFile | None:
        path = local_path(root) / day / name
        try:
            with path.open("rb") as file:
                return text_file(file.read(), os.fstat(file.fileno()).st_mtime_ns, str(path))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SourceError(f"cannot read {path}: {error.strerror}; check its permissions") from error

    def find(self, address: str) -> FoundRecording:
        try:
            return found_recording(local_path(address))
        except (SourceError, OSError) as error:
            raise FetchError(FetchReason.NOT_FOUND, f"{address} is no file; check the path") from error

    def fetch(self, recording: FoundRecording, folder: Path) -> Fetched:
        """Return the file where it lies: nothing is copied, and ``folder`` stays empty."""
        path = local_path(recording.address)
        try:
            with path.open("rb"):
                return Fetched(path, recording.metadata)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            what = "it is a link to a file that is not there" if path.is_symlink() else "there is no such file any more"
            message = f"{recording.file}: {what}; put it back or remove it from the list"
            raise FetchError(FetchReason.NOT_FOUND, message) from error
        except PermissionError as error:
            message = f"{recording.file}: it may not be read; give this user the right to"
            raise FetchError(FetchReason.FORBIDDEN, message) from error
        except OSError as error:
            message = f"{recording.file}: it cannot be opened ({error.strerror}); check the disk or the mount"
            raise FetchError(FetchReason.UNREACHABLE, message) from error


def local_path(address: str) -> Path:
    """Return the path that a path or a ``file://`` address names, unresolved. Raises SourceError for another host."""
    if scheme_of(address) != "file":
        return Path(address)
    host, slash, path = address.partition("://")[2].partition("/")
    if host not in {"", "localhost"}:
        raise SourceError(f"{address} names another machine; a file address has three slashes, as in file:///data")
    return Path(unquote(slash + path, errors="surrogateescape"))


def dated_folders(root: Path) -> list[str]:
    """Return the days below ``root``, ISO dates in order. Raises SourceError where the root cannot be listed."""
    try:
        return sorted(entry.name for entry in root.iterdir() if entry.is_dir() and is_day(entry.name))
    except OSError as error:
        raise SourceError(f"cannot list the recordings in {root}: {error.strerror}; check sources.root") from error


def recordings_below(folder: Path) -> list[FoundRecording]:
    """Return the recordings at any depth below ``folder`` in order of name. Raises SourceError.

    A link that leads nowhere is listed too: fetching it gives the reason.
    """
    if not folder.is_dir():
        raise SourceError(f"{folder} is no folder; name one that holds recordings")
    try:
        files = (path for path in folder.rglob("*") if path.is_file() or _is_broken_link(path))
        paths = [path for path in files if is_recording(path.relative_to(folder).as_posix())]
        return sorted((found_recording(path, folder) for path in paths), key=lambda recording: recording.file)
    except OSError as error:
        raise SourceError(f"cannot list the recordings in {folder}: {error.strerror}; check its permissions") from error


def found_recording(path: Path, folder: Path | None = None) -> FoundRecording:
    """Return one file as a recording, named relative to ``folder``, in which it may be anything.

    Raises SourceError where there is no such file.
    """
    name = path.relative_to(folder).as_posix() if folder else str(path)
    # Tables cannot hold a name whose bytes are not UTF-8: those bytes are escaped, as in "caf\\xe9.wav".
    file = os.fsencode(name).decode("utf-8", "backslashreplace")
    if folder and _is_broken_link(path):
        return FoundRecording(file, path.absolute().as_uri(), str(path.absolute()))
    if not path.is_file():
        raise SourceError(f"{path} is no file; check the path")
    status = path.stat()
    resolved = path.resolve()
    return FoundRecording(
        file=file,
        uri=resolved.as_uri(),
        address=str(resolved),
        size_bytes=status.st_size,
        version=f"{status.st_size}-{status.st_mtime_ns}",
        modified_ns=status.st_mtime_ns,
        claims_audio=folder is None or claims_audio(name),
    )


def _is_broken_link(path: Path) -> bool:
    return path.is_symlink() and not path.exists()


def state_of(recordings: Sequence[FoundRecording]) -> str:
    """Return a digest of names, versions and listed metadata: equal as long as nothing changed."""
    listing = "\n".join(f"{recording.file}\t{recording.version}\t{recording.metadata}" for recording in recordings)
    return hashlib.sha256(listing.encode()).hexdigest()[:16]
