"""Chooses the source that lists or fetches an address, and adds what a day's lists name. Reads no place itself."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from emotion_pipeline.engine.sources.addresses import recording_at, scheme_of, shown
from emotion_pipeline.engine.sources.base import Fetched, FetchLimits, FoundRecording, Source, SourceMetadata
from emotion_pipeline.engine.sources.fetch_errors import FetchError, FetchReason, SourceError
from emotion_pipeline.engine.sources.lists import MANIFEST, URLS, Listed, read_manifest, read_urls
from emotion_pipeline.engine.sources.local import LocalSource, local_path
from emotion_pipeline.engine.sources.object_store import SCHEMES, ObjectStoreSource
from emotion_pipeline.engine.sources.video_page import VideoPageSource, claims
from emotion_pipeline.engine.sources.web import WebSource

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection


class Sources:
    """Lists and fetches recordings wherever they are.

    :param limits: what one fetch may cost
    :param connect: opens a connection to Snowflake for ``snowflake://`` addresses; None where none is set up
    """

    def __init__(self, limits: FetchLimits, connect: "Callable[[], SnowflakeConnection] | None" = None) -> None:
        self._limits = limits
        self._connect = connect
        self._local, self._web, self._pages = LocalSource(), WebSource(limits), VideoPageSource(limits)
        self._stores = ObjectStoreSource(limits)

    def days(self, root: str) -> list[str]:
        """Return the days below ``root`` that have a dated folder, ISO dates in order. Raises SourceError."""
        return self._lister(root).days(root)

    def recordings(self, root: str, day: str) -> list[FoundRecording]:
        """Return a day's recordings: the folder's by name, then those that its ``urls.txt`` and ``manifest.csv`` name.

        Each is listed once. An address that no source reads is listed, too: fetching it raises the reason.

        :raises SourceError: the folder cannot be listed, or one of its lists cannot be parsed
        """
        source = self._lister(root)
        recordings = {recording.file: recording for recording in source.recordings(root, day)}
        folder = f"{root}{day}" if root.endswith("/") else f"{root}/{day}"
        for name, read in ((URLS, read_urls), (MANIFEST, read_manifest)):
            file = source.read_text(root, day, name)
            if file is None:
                continue
            for entry in read(file.text, f"{shown(folder)}/{name}"):
                recording = self._listed(entry, folder, recordings)
                times_ns = [time for time in (recording.modified_ns, file.modified_ns) if time is not None]
                metadata = _merged(entry.metadata, recording.metadata)
                recordings[recording.file] = replace(
                    recording, metadata=metadata, modified_ns=max(times_ns, default=None), claims_audio=True
                )
        return list(recordings.values())

    def find(self, address: str) -> FoundRecording:
        """Return the recording at an address or path, without reading it. Raises FetchError."""
        return self._source_of(address).find(address)

    @contextmanager
    def fetched(self, recording: FoundRecording) -> Iterator[Fetched]:
        """Yield the bytes of a recording as a local file that exists until the end of the block.

        What a list states about a recording takes precedence over what its source states.

        :raises FetchError: the bytes cannot be fetched
        """
        source = self._source_of(recording.address)
        with tempfile.TemporaryDirectory(prefix="recording-") as folder:
            fetched = source.fetch(recording, Path(folder))
            yield Fetched(fetched.path, _merged(recording.metadata, fetched.metadata))

    def _listed(self, entry: Listed, folder: str, recordings: dict[str, FoundRecording]) -> FoundRecording:
        """Return the recording of a list's entry; one that cannot be read does not stop the others."""
        if entry.address is None:
            path = str(entry.path)
            return recordings.get(path) or _missing(folder, path)
        try:
            recording = self.find(entry.address)
        except FetchError:
            recording = recording_at(entry.address)
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
        if scheme in {"ytdlp+http", "ytdlp+https"} or claims(address):
            return self._pages
        if scheme in {"http", "https"}:
            return self._web
        if scheme == "snowflake":
            return self._stage
        if scheme in SCHEMES:
            return self._stores
        raise FetchError(
            FetchReason.UNSUPPORTED_ADDRESS,
            f"{shown(address)}: nothing here reads {scheme}://; what is read are paths, file://, http://, https://, "
            "ytdlp+https:// for pages with a video, snowflake:// for stages, and object stores such as s3://, gs://, "
            "abfs://",
        )

    @cached_property
    def _stage(self) -> Source:
        if self._connect is None:
            message = "snowflake:// is read through a connection to Snowflake, and none is set up; set SNOWFLAKE_*"
            raise FetchError(FetchReason.UNSUPPORTED_ADDRESS, message)
        from emotion_pipeline.engine.sources.snowflake_stage import StageSource  # loads Snowflake's connector

        return StageSource(self._limits, self._connect)


def _missing(folder: str, path: str) -> FoundRecording:
    """Return a file that a manifest names and the folder lacks; fetching it fails with that reason."""
    address = f"{folder}/{path}"
    is_local = scheme_of(folder) in {"", "file"}
    return FoundRecording(path, local_path(address).resolve().as_uri() if is_local else shown(address), address)


def _merged(first: SourceMetadata, second: SourceMetadata) -> SourceMetadata:
    """Return the first's values and, where it has none, the second's."""
    values = {field.name: getattr(first, field.name) for field in fields(first)}
    return replace(second, **{name: value for name, value in values.items() if value is not None})
