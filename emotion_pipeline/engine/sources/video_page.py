"""Recordings on pages that show audio or video: YouTube and the other sites that yt-dlp knows.

yt-dlp finds the media of a page and fetches its best audio as it is; nothing is converted, so no ffmpeg is needed.
Pages cannot be listed; lists in dated folders name them. ``video_requests`` holds how yt-dlp reaches the
network, ``video_errors`` what its failures mean.

What yt-dlp could start beside itself is kept from it: no ffmpeg or other downloader (they would make requests that
nobody checks), no plain ``node`` (deno, its default for YouTube's scripts, runs them without a network), no files but
in the folder it is given, no settings of the user's own yt-dlp, no cookies of a browser, no fake country.
"""

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from emotion_pipeline.engine.sources.addresses import name_of, scheme_of, shown
from emotion_pipeline.engine.sources.base import (
    Fetched,
    FetchError,
    FetchLimits,
    FoundRecording,
    SourceError,
    SourceMetadata,
    TextFile,
)
from emotion_pipeline.engine.sources.fetch_reasons import FetchReason
from emotion_pipeline.engine.sources.retries import Deadline, attempts

if TYPE_CHECKING:
    import ssl

    import httpx

    from emotion_pipeline.engine.sources.video_requests import GuardedYoutubeDL

# Before an address that yt-dlp is to read although nothing but this prefix says so.
PREFIX: Final = "ytdlp+"

_NOT_FINISHED: Final = frozenset({"is_live", "is_upcoming", "post_live"})
# The protocols that yt-dlp reads by itself, all over HTTP.
_FORMAT: Final = "/".join(
    f"{kind}[protocol~='^(https?|m3u8(_native)?|http_dash_segments(_generator)?|ism|f4m)$']"
    for kind in ("bestaudio", "best")
)

_OPTIONS: Final[Mapping[str, Any]] = {
    "format": _FORMAT,
    "outtmpl": "%(format_id)s.%(ext)s",  # a part of one format is never gone on with in another
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

_SUFFIX: Final = re.compile(r"\.[a-z0-9]{1,8}")


class VideoPageSource:
    """Pages that yt-dlp reads, one recording each; addresses may begin with ``ytdlp+``."""

    def __init__(self, limits: FetchLimits) -> None:
        self._limits = limits

    def days(self, root: str) -> list[str]:
        _refuse_listing(root)

    def recordings(self, root: str, day: str) -> list[FoundRecording]:
        _refuse_listing(root)

    def read_text(self, root: str, day: str, name: str) -> TextFile | None:
        _refuse_listing(root)

    def find(self, address: str) -> FoundRecording:
        """Return the page as it stands; whether it shows anything is not known before ``fetch``."""
        if scheme_of(_page(address)) not in {"http", "https"}:
            message = f"{shown(address)} is no page; it looks like https://www.youtube.com/watch?v=..."
            raise FetchError(FetchReason.UNSUPPORTED_ADDRESS, message)
        return FoundRecording(name_of(address), shown(address), address, None, None, None)

    def fetch(self, found: FoundRecording, folder: Path) -> Fetched:
        """Fetch the best audio of the page, as the site has it, under a name that ends in the site's suffix."""
        from emotion_pipeline.engine.sources.connections import guarded_client

        deadline, versions = Deadline(self._limits.timeout_s), dict[str, str]()
        with (
            tempfile.TemporaryDirectory(dir=folder, suffix=".part") as work,
            guarded_client(self._limits, deadline, self._tls) as client,
        ):
            for attempt in attempts(self._limits, deadline):
                with attempt:
                    with self._yt_dlp(found.address, Path(work), client, deadline, versions) as yt_dlp:
                        media, metadata = self._download(yt_dlp, _page(found.address))
                    suffix = media.suffix.lower()
                    name = f"recording{suffix if _SUFFIX.fullmatch(suffix) else ''}"
                    return Fetched(media.rename(folder / name), metadata)
        raise AssertionError("the last attempt returns or raises")

    @cached_property
    def _tls(self) -> "ssl.SSLContext":
        """Certificates of certifi, or of SSL_CERT_FILE and SSL_CERT_DIR where the environment names them."""
        import httpx

        return httpx.create_ssl_context()

    @contextmanager
    def _yt_dlp(
        self, address: str, work: Path, client: "httpx.Client", deadline: Deadline, versions: dict[str, str]
    ) -> Iterator["GuardedYoutubeDL"]:
        """Yield yt-dlp, set up to write into ``work``; what goes wrong with it comes out as a ``FetchError``."""
        from emotion_pipeline.engine.sources.video_errors import fetch_error
        from emotion_pipeline.engine.sources.video_requests import GuardedYoutubeDL

        listener = _Listener()
        params = {
            **_OPTIONS,
            "paths": {"home": str(work)},
            "socket_timeout": self._limits.stall_s,
            "logger": listener,
            "progress_hooks": [lambda progress: self._check_progress(progress, deadline)],
        }
        with GuardedYoutubeDL(params, client, versions) as yt_dlp:
            try:
                yield yt_dlp
            except Exception as error:  # noqa: BLE001 - extractors raise whatever the site makes them stumble over
                if deadline.has_passed:
                    raise self._out_of_time(address) from None
                # yt-dlp's messages hold addresses with their secrets: no traceback may show them.
                raise fetch_error(
                    error,
                    address,
                    datetime.now(UTC).date(),
                    last_failure=yt_dlp.last_failure,
                    warnings=listener.warnings,
                ) from None
        if deadline.has_passed:
            raise self._out_of_time(address)

    def _download(self, yt_dlp: "GuardedYoutubeDL", page: str) -> tuple[Path, SourceMetadata]:
        """Look at the page, refuse what is not wanted, and fetch the rest."""
        info = _only_one(yt_dlp, yt_dlp.extract_info(page, download=False))
        self._check(info)
        done = yt_dlp.process_ie_result(info, download=True)
        paths = [Path(file["filepath"]) for file in done.get("requested_downloads") or () if "filepath" in file]
        if len(paths) != 1 or not paths[0].is_file():
            raise FetchError(FetchReason.EXTRACTOR_FAILED, "yt-dlp wrote no file; update it: pip install -U yt-dlp")
        return paths[0], _metadata(info)

    def _check(self, info: Mapping[str, Any]) -> None:
        """Refuse what the page itself says to be too much. Raises FetchError."""
        if info.get("is_live") or info.get("live_status") in _NOT_FINISHED:
            message = "it is live, has not begun or is not ready yet; it is tried again with the next run"
            raise FetchError(FetchReason.LIVE, message)
        seconds = info.get("duration") or 0.0
        if seconds > self._limits.max_seconds:
            message = f"it is {seconds:g} s long, allowed are {self._limits.max_seconds:g}; raise sources.max_seconds"
            raise FetchError(FetchReason.TOO_LONG, message)
        self._check_size(info.get("filesize") or info.get("filesize_approx") or 0)

    def _check_size(self, size: int) -> None:
        if size > self._limits.max_bytes:
            message = f"it has {size:,.0f} bytes, allowed are {self._limits.max_bytes:,}; raise sources.max_bytes"
            raise FetchError(FetchReason.TOO_LARGE, message)

    def _check_progress(self, progress: Mapping[str, Any], deadline: Deadline) -> None:
        """Refuse a transfer that became too much. Raises FetchError, which yt-dlp passes on."""
        self._check_size(max(progress.get("total_bytes") or 0, progress.get("downloaded_bytes") or 0))
        if deadline.has_passed:
            raise FetchError(FetchReason.FETCH_TIMEOUT, "no time left")

    def _out_of_time(self, address: str) -> FetchError:
        message = f"{shown(address)}: not done after {self._limits.timeout_s:g} s; raise sources.timeout if it is long"
        return FetchError(FetchReason.FETCH_TIMEOUT, message)


def claims(address: str) -> bool:
    """Return whether yt-dlp knows the site of a web address; a file that any server may hand out is no site."""
    if scheme_of(address) not in {"http", "https"}:
        return False
    from yt_dlp.extractor import gen_extractor_classes

    return any(site.suitable(address) for site in gen_extractor_classes() if site.IE_NAME != "generic")


def _page(address: str) -> str:
    return address.removeprefix(PREFIX)


def _only_one(yt_dlp: "GuardedYoutubeDL", info: dict[str, Any]) -> dict[str, Any]:
    """Return the one recording that a page shows, also where it stands alone in a list. Raises FetchError for more."""
    if info.get("_type", "video") == "video":
        return info
    entries = [entry for entry in info.get("entries") or () if entry]
    if len(entries) != 1:
        message = "it shows several recordings or none; name the address of each by itself"
        raise FetchError(FetchReason.UNSUPPORTED_ADDRESS, message)
    return _only_one(yt_dlp, yt_dlp.process_ie_result(entries[0], download=False))


def _metadata(info: Mapping[str, Any]) -> SourceMetadata:
    from yt_dlp.version import __version__

    return SourceMetadata(
        title=info.get("title") or None,
        channel_name=info.get("channel") or info.get("uploader") or None,
        uploaded_on=_day(info.get("upload_date")),
        extractor=f"yt-dlp {__version__} {info.get('extractor') or 'generic'}",
    )


def _day(written: str | None) -> date | None:
    try:
        return datetime.strptime(written or "", "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None


def _refuse_listing(root: str) -> NoReturn:
    raise SourceError(
        f"{shown(root)} cannot be listed, since pages have no folders; "
        "name the addresses in a urls.txt of a dated folder"
    )


class _Listener:
    """What yt-dlp says while it works: its warnings are kept for the message of a failure, the rest is dropped."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def debug(self, message: str) -> None: ...

    def warning(self, message: str) -> None:
        self.warnings.append(message)

    def error(self, message: str) -> None: ...
