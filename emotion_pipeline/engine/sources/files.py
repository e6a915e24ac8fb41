"""Files of dated folders, whatever the source: which names are days and recordings, how texts and times are read."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import PurePosixPath
from typing import Final

from emotion_pipeline.engine.sources.base import TextFile
from emotion_pipeline.engine.sources.fetch_errors import SourceError

# Suffixes under which programs write a file that is not complete yet.
UNFINISHED: Final = frozenset({".part", ".tmp", ".crdownload", ".partial", ".download", ".ytdl"})

# Suffixes of files that lie beside recordings; a recording never has them.
COMPANIONS: Final = frozenset({".md", ".txt", ".csv", ".tsv", ".json", ".yaml", ".yml", ".srt", ".vtt"})

_SUFFIX: Final = re.compile(r"\.[a-z0-9]{1,8}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


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
