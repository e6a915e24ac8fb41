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

# Suffixes that say that a file is a recording: what does not decode under one of them is damaged.
RECORDINGS: Final = frozenset(
    {".wav", ".wave", ".w64", ".flac", ".mp3", ".mp2", ".mpga", ".aac", ".ogg", ".oga", ".ogv", ".opus", ".spx"}
    | {".m4a", ".m4b", ".m4v", ".mp4", ".mov", ".3gp", ".3g2", ".webm", ".mkv", ".mka", ".aif", ".aiff", ".aifc"}
    | {".au", ".snd", ".caf", ".wma", ".wmv", ".asf", ".avi", ".flv", ".f4v", ".mpg", ".mpeg", ".ts", ".m2ts", ".mts"}
    | {".amr", ".awb", ".gsm", ".vox", ".ac3", ".eac3", ".dts", ".ape", ".wv", ".tta", ".voc", ".dsf", ".tak", ".nut"}
)

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


def claims_audio(name: str) -> bool:
    """Return whether a file's name says that it is a recording; ``Thumbs.db``, ``offer.pdf`` and ``call`` do not."""
    return PurePosixPath(name).suffix.lower() in RECORDINGS


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
