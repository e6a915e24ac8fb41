"""Recordings in dated folders: ``<root>/2026-11-02/call.wav``, at any depth below the day.

A folder whose name is no date is not ours and is left alone; so are hidden files, files that an upload or a download
still writes under a temporary name, and the text that people leave beside recordings (notes, read-me files).
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from emotion_pipeline.engine.errors import EmotionPipelineError

UNFINISHED: Final = frozenset({".part", ".tmp", ".crdownload", ".partial", ".download"})
"""Suffixes under which programs write a file that is not complete yet."""

COMPANIONS: Final = frozenset({".md", ".txt", ".csv", ".tsv", ".json", ".yaml", ".yml", ".srt", ".vtt"})
"""Suffixes of what lies beside recordings and is none: a recording never has them."""


class SourceError(EmotionPipelineError):
    """A source that cannot be listed; what was known of it before stays true."""


@dataclass(frozen=True, slots=True)
class FoundRecording:
    """One file of a day: its name inside the day's folder (forward slashes), where it lies, its size and age."""

    file: str
    path: Path
    size_bytes: int
    modified_ns: int


def dated_folders(root: Path) -> list[str]:
    """Return the days below ``root``, ISO dates in order. Raises SourceError where the root cannot be listed."""
    try:
        names = [entry.name for entry in root.iterdir() if entry.is_dir()]
    except OSError as error:
        raise SourceError(f"cannot list the recordings in {root}: {error.strerror}; check sources.root") from error
    return sorted(name for name in names if _is_day(name))


def recordings_of(root: Path, day: str) -> list[FoundRecording]:
    """Return a day's recordings in order of name; a day without a folder has none. Raises SourceError."""
    folder = root / day
    return recordings_below(folder) if folder.is_dir() else []


def recordings_below(folder: Path) -> list[FoundRecording]:
    """Return the recordings at any depth below ``folder`` in order of name. Raises SourceError."""
    if not folder.is_dir():
        raise SourceError(f"{folder} is no folder; name one that holds recordings")
    try:
        paths = [path for path in folder.rglob("*") if path.is_file() and _is_recording(path, folder)]
        found = [found_recording(path, folder) for path in paths]
    except OSError as error:
        raise SourceError(f"cannot list the recordings in {folder}: {error.strerror}; check its permissions") from error
    return sorted(found, key=lambda recording: recording.file)


def found_recording(path: Path, folder: Path | None = None) -> FoundRecording:
    """Return one file as a recording, named relative to ``folder``. Raises SourceError where there is no such file."""
    if not path.is_file():
        raise SourceError(f"{path} is no file; check the path")
    status = path.stat()
    name = path.relative_to(folder).as_posix() if folder else str(path)
    # A name whose bytes are no UTF-8 fits into no table: those bytes are written out, as in "caf\\xe9.wav".
    name = os.fsencode(name).decode("utf-8", "backslashreplace")
    return FoundRecording(name, path.resolve(), status.st_size, status.st_mtime_ns)


def state_of(recordings: Sequence[FoundRecording]) -> str:
    """Return a digest of names, sizes and modification times: equal as long as nothing changed."""
    listing = "\n".join(f"{one.file}\t{one.size_bytes}\t{one.modified_ns}" for one in recordings)
    return hashlib.sha256(listing.encode()).hexdigest()[:16]


def _is_day(name: str) -> bool:
    try:
        return date.fromisoformat(name).isoformat() == name
    except ValueError:
        return False


def _is_recording(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return not hidden and path.suffix.lower() not in UNFINISHED | COMPANIONS
