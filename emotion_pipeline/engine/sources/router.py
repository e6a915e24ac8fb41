"""Chooses the source that lists or fetches an address. Reading a kind of place is not done here.

A source is imported when the first address needs it.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from emotion_pipeline.engine.sources.addresses import name_of, scheme_of, shown
from emotion_pipeline.engine.sources.base import (
    Fetched,
    FetchError,
    FetchLimits,
    FoundRecording,
    Source,
    SourceError,
    SourceMetadata,
)
from emotion_pipeline.engine.sources.fetch_reasons import FetchReason
from emotion_pipeline.engine.sources.lists import MANIFEST, URLS, Listed, read_manifest, read_urls
from emotion_pipeline.engine.sources.local import LocalSource, local_path

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

_VIDEO_PAGES: Final = frozenset({"ytdlp+http", "ytdlp+https"})


class Sources:
    """Lists and fetches recordings wherever they are.

    :param limits: what one fetch may cost
    :param connect: opens a connection to Snowflake for ``snowflake://`` addresses; None where there is none to be had
    """

    def __init__(self, limits: FetchLimits, connect: "Callable[[], SnowflakeConnection] | None" = None) -> None:
        self._limits = limits
        self._connect = connect

    def days(self, root: str) -> list[str]:
        """Return the days below ``root`` that have a dated folder, ISO dates in order. Raises SourceError."""
        return self._lister(root).days(root)

    def recordings(self, root: str, day: str) -> list[FoundRecording]:
        """Return a day's recordings: the folder's by name, then what its ``urls.txt`` and ``manifest.csv`` name.

        Each is there once. An address that no source reads is there, too: fetching it says why it cannot be had.

        :raises SourceError: the folder cannot be listed, or one of its lists not be understood
        """
        source = self._lister(root)
        recordings = {recording.file: recording for recording in source.recordings(root, day)}
        folder = f"{root}{day}" if root.endswith("/") else f"{root}/{day}"
        for name, read in ((URLS, read_urls), (MANIFEST, read_manifest)):
            listing = source.read_text(root, day, name)
            if listing is None:
                continue
            for listed in read(listing.text, f"{shown(folder)}/{name}"):
                recording = self._named(listed, folder, recordings)
                recordings[recording.file] = _described(recording, listed.metadata, listing.modified_ns)
        return list(recordings.values())

    def find(self, address: str) -> FoundRecording:
        """Return the recording at an address or path, without reading it. Raises FetchError."""
        return self._source_of(address).find(address)

    @contextmanager
    def fetched(self, found: FoundRecording) -> Iterator[Fetched]:
        """Yield the bytes of a recording as a local file that exists until the end of the block.

        What a list says of a recording goes before what its source knows.

        :raises FetchError: the bytes could not be had
        """
        source = self._source_of(found.address)
        with tempfile.TemporaryDirectory(prefix="recording-") as folder:
            fetched = source.fetch(found, Path(folder))
            yield Fetched(fetched.path, _merged(found.metadata, fetched.metadata))

    def _named(self, listed: Listed, folder: str, recordings: dict[str, FoundRecording]) -> FoundRecording:
        """Return what one entry of a list means; nothing that it names stops the others."""
        address = listed.address
        if address is None:
            path = str(listed.path)
            return recordings.get(path) or _missing(folder, path)
        try:
            recording = self.find(address)
        except FetchError:
            recording = FoundRecording(name_of(address), shown(address), address, None, None, None)
        return recordings.get(recording.file, recording)

    def _lister(self, root: str) -> Source:
        try:
            return self._source_of(root)
        except FetchError as error:
            raise SourceError(str(error)) from error

    def _source_of(self, address: str) -> Source:
        scheme = scheme_of(address)
        if scheme in {"", "file"}:
            return self._local
        if scheme in _VIDEO_PAGES or (scheme in {"http", "https"} and _is_video_page(address)):
            return self._video_pages
        if scheme in {"http", "https"}:
            return self._web
        if scheme == "snowflake":
            return self._stage
        if _is_store(scheme):
            return self._stores
        raise FetchError(
            FetchReason.UNSUPPORTED_ADDRESS,
            f"{shown(address)}: nothing here reads {scheme}://; what is read are paths, file://, http://, https://, "
            "ytdlp+https:// for pages with a video, snowflake:// for stages, and object stores such as s3://, gs://, "
            "abfs://",
        )

    @cached_property
    def _local(self) -> Source:
        return LocalSource()

    @cached_property
    def _web(self) -> Source:
        from emotion_pipeline.engine.sources.web import WebSource

        return WebSource(self._limits)

    @cached_property
    def _video_pages(self) -> Source:
        from emotion_pipeline.engine.sources.video_page import VideoPageSource

        return VideoPageSource(self._limits)

    @cached_property
    def _stores(self) -> Source:
        from emotion_pipeline.engine.sources.object_store import ObjectStoreSource

        return ObjectStoreSource(self._limits)

    @cached_property
    def _stage(self) -> Source:
        if self._connect is None:
            message = "snowflake:// is read through a connection to Snowflake, and none is set up; set SNOWFLAKE_*"
            raise FetchError(FetchReason.UNSUPPORTED_ADDRESS, message)
        from emotion_pipeline.engine.sources.snowflake_stage import StageSource

        return StageSource(self._limits, self._connect)


@lru_cache(maxsize=10_000)
def _is_video_page(address: str) -> bool:
    """Return whether yt-dlp knows the site; kept, since a look through its two thousand sites takes about 10 ms."""
    from emotion_pipeline.engine.sources.video_page import claims

    return claims(address)


def _missing(folder: str, path: str) -> FoundRecording:
    """Return a file that a manifest names and the folder lacks; fetching it says so."""
    place = f"{folder}/{path}"
    is_local = scheme_of(folder) in {"", "file"}
    uri = local_path(place).resolve().as_uri() if is_local else shown(place)
    return FoundRecording(path, uri, place, None, None, None)


def _is_store(scheme: str) -> bool:
    from emotion_pipeline.engine.sources.object_store import SCHEMES

    return scheme in SCHEMES


def _described(recording: FoundRecording, metadata: SourceMetadata, listed_ns: int | None) -> FoundRecording:
    """Return a recording with what a list says of it; it is as young as the younger of both."""
    times = [time for time in (recording.modified_ns, listed_ns) if time is not None]
    return replace(recording, metadata=_merged(metadata, recording.metadata), modified_ns=max(times, default=None))


def _merged(first: SourceMetadata, second: SourceMetadata) -> SourceMetadata:
    """Return the first's values and, where it has none, the second's."""
    values: dict[str, Any] = {field.name: getattr(first, field.name) for field in fields(first)}
    return replace(second, **{name: value for name, value in values.items() if value is not None})
