"""Recordings on pages that show audio or video: YouTube and the other sites that yt-dlp knows.

yt-dlp finds the media of a page and fetches its best audio unconverted, so that no ffmpeg is needed. Pages cannot be
listed; lists in dated folders name them. ``video_requests`` makes yt-dlp's requests, ``video_errors`` explains its
failures.

yt-dlp may not use: ffmpeg or other downloaders (their requests would be unchecked), plain ``node`` (deno, its default
for YouTube's scripts, runs them without a network), files outside of its folder, the settings of the user's own yt-dlp,
cookies of a browser, a fake country.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from emotion_pipeline.engine.common.retries import Deadline
from emotion_pipeline.engine.sources.addresses import recording_at, scheme_of, shown
from emotion_pipeline.engine.sources.base import Fetched, FoundRecording, SourceMetadata
from emotion_pipeline.engine.sources.fetch_errors import FetchError, FetchReason
from emotion_pipeline.engine.sources.files import fetched_name
from emotion_pipeline.engine.sources.retries import fetch_attempts
from emotion_pipeline.engine.sources.web import UnlistedSource

if TYPE_CHECKING:
    from emotion_pipeline.engine.sources.video_requests import GuardedYoutubeDL, Requests

# Marks an address that yt-dlp reads although its site is not one of yt-dlp's own.
PREFIX: Final = "ytdlp+"

_NOT_FINISHED: Final = frozenset({"is_live", "is_upcoming", "post_live"})
# The protocols that yt-dlp reads by itself, all over HTTP.
_FORMAT: Final = "/".join(
    f"{kind}[protocol~='^(https?|m3u8(_native)?|http_dash_segments(_generator)?|ism|f4m)$']"
    for kind in ("bestaudio", "best")
)

_OPTIONS: Final[Mapping[str, Any]] = {
    "format": _FORMAT,
    "outtmpl": "%(format_id)s.%(ext)s",  # a part of one format is never continued in another
    "noplaylist": True,
    "extract_flat": "in_playlist",
    "playlist_items": "1:2",  # enough to see that there is more than one
    "continuedl": True,
    "updatetime": False,
    "fixup": "never",
    "skip_unavailable_fragments": False,
    "retries": 0,
    "fragment_retries": 0,
    "extractor_retries": 0,
    "external_downloader": {"default": "native"},
    "ffmpeg_location": "/nonexistent",
    "js_runtimes": {"deno": {}},
    "cachedir": False,
    "geo_bypass": False,
    "proxy": "",
    "color": "no_color",
    "noprogress": True,
    "quiet": True,
}


class VideoPageSource(UnlistedSource):
    """Pages that yt-dlp reads, one recording each; addresses may begin with ``ytdlp+``."""

    _KIND = "pages"

    def find(self, address: str) -> FoundRecording:
        """Return the page unread; whether it shows a recording is not known before ``fetch``."""
        if scheme_of(address.removeprefix(PREFIX)) not in {"http", "https"}:
            message = f"{shown(address)} is no page; it looks like https://www.youtube.com/watch?v=..."
            raise FetchError(FetchReason.UNSUPPORTED_ADDRESS, message)
        return recording_at(address)

    def fetch(self, recording: FoundRecording, folder: Path) -> Fetched:
        """Fetch the best audio of the page, as the site has it, under a name that ends in the site's suffix."""
        from emotion_pipeline.engine.sources.connections import guarded_client
        from emotion_pipeline.engine.sources.video_requests import Requests

        deadline = Deadline(self._limits.timeout_s)
        with (
            tempfile.TemporaryDirectory(dir=folder, suffix=".part") as work,
            guarded_client(self._limits, deadline, self._tls) as client,
        ):
            requests = Requests(client)
            for attempt in fetch_attempts(self._limits, deadline):
                with attempt:
                    with self._yt_dlp(recording.address, Path(work), requests, deadline) as yt_dlp:
                        media, metadata = self._download(yt_dlp, recording.address.removeprefix(PREFIX))
                    return Fetched(media.rename(folder / fetched_name([media.name])), metadata)
        raise AssertionError("the last attempt returns or raises")

    @contextmanager
    def _yt_dlp(
        self, address: str, work: Path, requests: "Requests", deadline: Deadline
    ) -> Iterator["GuardedYoutubeDL"]:
        """Yield yt-dlp, set up to write into ``work``; its failures are raised as a ``FetchError``."""
        from emotion_pipeline.engine.sources.video_errors import fetch_error
        from emotion_pipeline.engine.sources.video_requests import GuardedYoutubeDL

        warnings: list[str] = []
        params = {
            **_OPTIONS,
            "paths": {"home": str(work)},
            "socket_timeout": self._limits.stall_s,
            "logger": SimpleNamespace(debug=lambda _: None, warning=warnings.append, error=lambda _: None),
            "progress_hooks": [lambda progress: self._check_progress(progress, deadline)],
        }
        with GuardedYoutubeDL(params, requests) as yt_dlp:
            try:
                yield yt_dlp
            except Exception as error:  # noqa: BLE001 - extractors raise whatever the site makes them stumble over
                if deadline.has_passed:
                    raise self._limits.out_of_time().at(shown(address)) from None
                failure, today = requests.last_failure, datetime.now(UTC).date()
                # yt-dlp's messages hold addresses with their secrets: no traceback may show them.
                raise fetch_error(error, address, today, last_failure=failure, warnings=warnings) from None
        if deadline.has_passed:
            raise self._limits.out_of_time().at(shown(address))

    def _download(self, yt_dlp: "GuardedYoutubeDL", page: str) -> tuple[Path, SourceMetadata]:
        """Read the page, refuse media outside of the limits, and fetch the others."""
        info = _single(yt_dlp, yt_dlp.extract_info(page, download=False))
        self._check(info)
        done = yt_dlp.process_ie_result(info, download=True)
        paths = [Path(file["filepath"]) for file in done.get("requested_downloads") or () if "filepath" in file]
        if len(paths) != 1 or not paths[0].is_file():
            raise FetchError(FetchReason.EXTRACTOR_FAILED, "yt-dlp wrote no file; update it: pip install -U yt-dlp")
        return paths[0], _metadata(info)

    def _check(self, info: Mapping[str, Any]) -> None:
        """Raise a FetchError for media that are live, too long or too large as the page states it."""
        if info.get("is_live") or info.get("live_status") in _NOT_FINISHED:
            message = "it is live, has not begun or is not ready yet; it is tried again with the next run"
            raise FetchError(FetchReason.LIVE, message)
        seconds = info.get("duration") or 0.0
        if seconds > self._limits.max_seconds:
            message = f"it is {seconds:g} s long, allowed are {self._limits.max_seconds:g}; raise sources.max_seconds"
            raise FetchError(FetchReason.TOO_LONG, message)
        self._limits.check_size(info.get("filesize") or info.get("filesize_approx") or 0)

    def _check_progress(self, progress: Mapping[str, Any], deadline: Deadline) -> None:
        """Raise a FetchError, which yt-dlp passes on, for a transfer that is too large or out of time."""
        self._limits.check_size(max(progress.get("total_bytes") or 0, progress.get("downloaded_bytes") or 0))
        if deadline.has_passed:
            raise self._limits.out_of_time()


@lru_cache(maxsize=10_000)  # searching yt-dlp's two thousand sites takes about 10 ms
def claims(address: str) -> bool:
    """Return whether yt-dlp knows the site of a web address, its generic extractor for any page not counted."""
    if scheme_of(address) not in {"http", "https"}:
        return False
    from yt_dlp.extractor import gen_extractor_classes

    return any(site.suitable(address) for site in gen_extractor_classes() if site.IE_NAME != "generic")


def _single(yt_dlp: "GuardedYoutubeDL", info: dict[str, Any]) -> dict[str, Any]:
    """Return the only recording of a page, which may be in a list of one. Raises FetchError for none or several."""
    if info.get("_type", "video") == "video":
        return info
    entries = [entry for entry in info.get("entries") or () if entry]
    if len(entries) != 1:
        message = "it shows several recordings or none; name the address of each by itself"
        raise FetchError(FetchReason.UNSUPPORTED_ADDRESS, message)
    return _single(yt_dlp, yt_dlp.process_ie_result(entries[0], download=False))


def _metadata(info: Mapping[str, Any]) -> SourceMetadata:
    from yt_dlp.version import __version__

    return SourceMetadata(
        title=info.get("title") or None,
        channel_name=info.get("channel") or info.get("uploader") or None,
        uploaded_on=_date(info.get("upload_date") or ""),
        extractor=f"yt-dlp {__version__} {info.get('extractor') or 'generic'}",
    )


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
