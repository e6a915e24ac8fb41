"""Lists in dated folders: ``urls.txt`` names addresses, ``manifest.csv`` names addresses and files and describes them.

This module only reads a list's text; ``router`` finds the lists and uses their entries. A list that cannot be parsed
is an error that names the line; it is never read in part.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import PurePosixPath
from typing import Final

from emotion_pipeline.engine.common.suggestions import did_you_mean
from emotion_pipeline.engine.sources.addresses import scheme_of
from emotion_pipeline.engine.sources.base import SourceMetadata
from emotion_pipeline.engine.sources.fetch_errors import SourceError

URLS: Final = "urls.txt"
MANIFEST: Final = "manifest.csv"

_COLUMNS: Final = ("uri", "title", "channel_name", "uploaded_on")
# A column that is so like one of those is one of them, misspelt.
_MISSPELT: Final = 0.8


@dataclass(frozen=True, slots=True)
class Listed:
    """One recording that a list names: an address, or the path of a file inside the folder of the list."""

    # May hold secrets; None where ``path`` is set.
    address: str | None = field(repr=False)
    # Relative, forward slashes, no ``..``; None where ``address`` is set.
    path: str | None
    metadata: SourceMetadata


def read_urls(text: str, place: str) -> list[Listed]:
    """Return the addresses of a ``urls.txt`` in order, each once; blank lines and those that begin with # are skipped.

    :param place: where the text comes from, for messages
    :raises SourceError: a line is no address
    """
    entries: dict[str, Listed] = {}
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        address = line.strip()
        if not address or address.startswith("#"):
            continue
        where = f"{place}, line {number}"
        if not scheme_of(address):
            raise SourceError(f"{where}: this is no address; write it in full, as in https://example.org/call.mp3")
        entries.setdefault(address, _listed(address, where, SourceMetadata()))
    return list(entries.values())


def read_manifest(text: str, place: str) -> list[Listed]:
    """Return the rows of a ``manifest.csv`` in order; of rows with the same ``uri`` the first one.

    Columns: ``uri``, an address or a path inside the folder; optional ``title``, ``channel_name`` and ``uploaded_on``,
    an ISO date. Any other column is an attribute of the recordings, under its name in lower case with ``_`` for what
    is neither a letter nor a digit; where its value is empty, the recording has none.

    :param place: where the text comes from, for messages
    :raises SourceError: a column or a value is missing, misspelt or malformed
    """
    entries: dict[str | None, Listed] = {}
    for where, row in _rows(text, place):
        uri = row["uri"]
        if not uri:
            raise SourceError(f"{where}: the uri is missing; write an address or a path inside the folder")
        attributes = tuple((name, value) for name, value in row.items() if name not in _COLUMNS and value)
        metadata = SourceMetadata(
            title=row.get("title") or None,
            channel_name=row.get("channel_name") or None,
            uploaded_on=_date(row.get("uploaded_on", ""), where),
            attributes=attributes or None,
        )
        listed = _listed(uri, where, metadata)
        entries.setdefault(listed.address or listed.path, listed)
    return list(entries.values())


def _rows(text: str, place: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield each row that is not empty, its values stripped, and the place of its line."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        columns = [re.sub(r"\W+", "_", name.strip().lower()).strip("_") for name in next(reader, [])]
        _check_columns(columns, place)
        for values in reader:
            row = [value.strip() for value in values]
            if any(row) and len(row) != len(columns):
                counts = f"{len(row)} values for {len(columns)} columns"
                advice = "put values that hold a comma in double quotes"
                raise SourceError(f"{place}, line {reader.line_num}: {counts}; {advice}")
            if any(row):
                yield f"{place}, line {reader.line_num}", dict(zip(columns, row, strict=True))
    except csv.Error as error:
        where = f"{place}, line {reader.line_num}"
        raise SourceError(f"{where}: this is no valid CSV ({error}); check the double quotes") from error


def _check_columns(columns: Sequence[str], place: str) -> None:
    known = ", ".join(_COLUMNS)
    if "uri" not in columns:
        raise SourceError(f"{place}, line 1: there is no column uri; known are {known}, and any of your own")
    if "" in columns:
        raise SourceError(f"{place}, line 1: column {columns.index('') + 1} has no name; give it one or remove it")
    for name in columns:
        if name not in _COLUMNS and (hint := did_you_mean(name, _COLUMNS, _MISSPELT)):
            raise SourceError(f"{place}, line 1: unknown column {name!r}{hint} Otherwise give yours another name")
    if len(set(columns)) < len(columns):
        raise SourceError(f"{place}, line 1: a column appears twice; remove one of them")


def _date(text: str, where: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise SourceError(f"{where}: {text!r} is no date; write uploaded_on as in 2026-11-02") from error


def _listed(uri: str, where: str, metadata: SourceMetadata) -> Listed:
    scheme = scheme_of(uri)
    if not scheme:
        path = PurePosixPath(uri)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise SourceError(f"{where}: {uri!r} leads outside the folder; write the path from the folder on")
        return Listed(None, path.as_posix(), metadata)
    if scheme in {"file", "local"}:
        raise SourceError(f"{where}: a list names no files outside its folder; copy the file into the folder")
    if re.search(r"\s", uri):
        raise SourceError(f"{where}: an address has no blanks; write %20 for one, and comments on lines of their own")
    return Listed(uri, None, metadata)
