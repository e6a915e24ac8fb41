"""Pages that yt-dlp reads, for real and over sockets: the best audio or a named reason, in time, nothing left over."""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

import httpx
import pytest
from support.failed_fetch import failed_fetch
from support.failing_server import OTHER_PAYLOAD, PAYLOAD, FailingServer, closed_port
from support.leftovers import nothing_left_over
from support.media_site import MediaSite
from yt_dlp import YoutubeDL
from yt_dlp.extractor.common import InfoExtractor
from yt_dlp.networking import Response
from yt_dlp.networking.exceptions import (
    CertificateVerifyError,
    HTTPError,
    IncompleteRead,
    RequestError,
    TransportError,
)
from yt_dlp.utils import (
    ContentTooShortError,
    ExtractorError,
    GeoRestrictedError,
    MaxDownloadsReached,
    PostProcessingError,
    RejectedVideoReached,
    UnavailableVideoError,
    UnsupportedError,
    UserNotLive,
)
from yt_dlp.version import __version__

from emotion_pipeline.engine.sources.base import FetchLimits, SourceMetadata
from emotion_pipeline.engine.sources.fetch_errors import FetchError, FetchReason, SourceError, TransientFetchError
from emotion_pipeline.engine.sources.video_errors import RULES, _linked, _update, fetch_error
from emotion_pipeline.engine.sources.video_page import VideoPageSource, claims

LIMITS = FetchLimits(
    max_bytes=2_000_000, timeout_s=5.0, stall_s=0.3, attempts=3, allowed_networks=(ip_network("127.0.0.1/32"),)
)
TODAY = date(2026, 11, 21)


@pytest.fixture(scope="module", autouse=True)
def _yt_dlp_is_loaded() -> None:
    """The first look at a page loads some two thousand extractors: that is no part of what these tests time."""
    with TemporaryDirectory() as folder, MediaSite() as site, pytest.raises(FetchError):
        fetch(site.page("/page", "only words"), Path(folder), replace(LIMITS, timeout_s=60.0))


@pytest.fixture(autouse=True)
def _nothing_is_left(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with nothing_left_over(tmp_path_factory.mktemp("temporary"), monkeypatch):
        yield


@pytest.fixture
def site(_nothing_is_left: None) -> Iterator[MediaSite]:
    with MediaSite() as running:
        running.put("/talk.mp3", PAYLOAD, "audio/mpeg")
        yield running


@pytest.fixture
def server(_nothing_is_left: None) -> Iterator[FailingServer]:
    with FailingServer() as running:
        yield running


@cache
def source_of(limits: FetchLimits) -> VideoPageSource:
    """One source for many tests, as in production: reading the certificates takes longer than most of them."""
    return VideoPageSource(limits)


def fetch(address: str, folder: Path, limits: FetchLimits = LIMITS) -> tuple[bytes, SourceMetadata]:
    source = source_of(limits)
    fetched = source.fetch(source.find(f"ytdlp+{address}"), folder)
    assert list(folder.iterdir()) == [fetched.path]
    return fetched.path.read_bytes(), fetched.metadata


def failure(address: str, folder: Path, limits: FetchLimits = LIMITS) -> FetchError:
    return failed_fetch(lambda: fetch(address, folder, limits), folder, limits)


def described(media: str, **facts: str) -> str:
    """A description of a video in JSON-LD, as many sites have it in their pages."""
    more = "".join(f',"{name}":"{value}"' for name, value in facts.items())
    video = f'{{"@context":"https://schema.org","@type":"VideoObject","name":"On joy","contentUrl":"{media}"{more}}}'
    return f'<script type="application/ld+json">{video}</script>'


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://www.youtube.com/watch?v=dQw4w9WgXcQ", True),
        ("https://youtu.be/dQw4w9WgXcQ", True),
        ("https://vimeo.com/22439234", True),
        ("https://soundcloud.com/someone/something", True),
        ("https://example.org/calls/2026-11-02.mp3", False),
        ("https://example.org/watch?v=dQw4w9WgXcQ", False),
        ("http://127.0.0.1:8000/a.wav", False),
        ("ytsearch:joy", False),
        ("rtmp://example.org/live", False),
        ("/data/recordings/a.wav", False),
    ],
)
def test_sites_that_yt_dlp_knows_are_told_from_files_on_servers(address: str, expected: bool) -> None:
    assert claims(address) is expected


def test_a_page_is_found_without_a_request_and_named_without_secrets() -> None:
    recording = VideoPageSource(LIMITS).find("ytdlp+https://ada:pw@videos.example/watch?v=1&token=secret")
    assert recording.uri == "ytdlp+https://videos.example/watch?v=1&token=***"
    assert recording.file.startswith(recording.uri)
    assert recording.version is None
    assert "secret" not in repr(recording) and "pw" not in repr(recording)


@pytest.mark.parametrize("address", ["ytdlp+file:///etc/passwd", "ytdlp+ytsearch:joy", "ytdlp+rtmp://a/b", "ytdlp+x"])
def test_only_web_addresses_are_pages(address: str) -> None:
    with pytest.raises(FetchError, match="is no page") as caught:
        VideoPageSource(LIMITS).find(address)
    assert caught.value.reason is FetchReason.UNSUPPORTED_ADDRESS


def test_pages_cannot_be_listed() -> None:
    source = VideoPageSource(LIMITS)
    for listing in (
        lambda: source.days("https://youtu.be/x"),
        lambda: source.recordings("https://youtu.be/x", "2026-11-02"),
        lambda: source.read_text("https://youtu.be/x", "2026-11-02", "urls.txt"),
    ):
        with pytest.raises(SourceError, match=r"cannot be listed.*urls\.txt"):
            listing()


def test_a_direct_link_is_fetched_as_it_is(site: MediaSite, tmp_path: Path) -> None:
    content, metadata = fetch(site.url("/talk.mp3"), tmp_path)
    assert content == PAYLOAD
    assert metadata == SourceMetadata(title="talk", extractor=f"yt-dlp {__version__} generic")


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("", '<video src="/talk.mp3"></video>'),
        ("", '<audio controls><source src="/talk.mp3" type="audio/mpeg"></audio>'),
        ('<meta property="og:video" content="{media}">', "words"),
    ],
    ids=["video", "audio", "og:video"],
)
def test_the_media_of_a_page_are_found(site: MediaSite, tmp_path: Path, head: str, body: str) -> None:
    page = site.page("/page", body, head=head.format(media=site.url("/talk.mp3")))
    assert fetch(page, tmp_path)[0] == PAYLOAD


def test_title_channel_and_day_of_upload_are_kept(site: MediaSite, tmp_path: Path) -> None:
    page = site.page("/page", described(site.url("/talk.mp3"), author="Ada", uploadDate="2026-10-02", duration="PT9S"))
    metadata = fetch(page, tmp_path)[1]
    assert metadata == SourceMetadata("On joy", "Ada", date(2026, 10, 2), f"yt-dlp {__version__} generic")


def test_the_segments_of_a_stream_become_one_file(site: MediaSite, tmp_path: Path) -> None:
    segments = [bytes([number]) * 1_000 for number in range(25)]
    assert fetch(site.stream("/talk.m3u8", segments), tmp_path)[0] == b"".join(segments)


def test_a_stream_with_a_segment_missing_is_no_recording(site: MediaSite, tmp_path: Path) -> None:
    manifest = site.stream("/talk.m3u8", [b"a" * 1_000, b"b" * 1_000])
    broken = site.put("/broken.m3u8", site.body("/talk.m3u8").replace(b"talk.m3u8.1.ts", b"gone.ts"), "audio/mpegurl")
    assert manifest != broken
    assert failure(broken, tmp_path).reason is FetchReason.NOT_FOUND


def test_a_stream_without_end_is_live(site: MediaSite, tmp_path: Path) -> None:
    manifest = site.stream("/live.m3u8", [b"a" * 1_000], ended=False)
    assert failure(manifest, tmp_path).reason is FetchReason.LIVE
    assert site.asked.count("/live.m3u8.0.ts") == 0


def test_a_page_without_media_is_told(site: MediaSite, tmp_path: Path) -> None:
    error = failure(site.page("/page", "only words"), tmp_path)
    assert error.reason is FetchReason.NOT_MEDIA
    assert site.url("/page") in str(error)


def test_a_page_with_several_recordings_is_to_be_listed(site: MediaSite, tmp_path: Path) -> None:
    page = site.page("/page", '<audio src="/talk.mp3"></audio><audio src="/other.mp3"></audio>')
    error = failure(page, tmp_path)
    assert error.reason is FetchReason.UNSUPPORTED_ADDRESS
    assert "name the address of each" in str(error)


def test_a_list_of_one_is_that_one(site: MediaSite, tmp_path: Path) -> None:
    item = f'<item><title>First</title><enclosure url="{site.url("/talk.mp3")}"/></item>'
    feed = site.put(
        "/feed", f'<?xml version="1.0"?><rss><channel><title>Feed</title>{item}</channel></rss>', "text/xml"
    )
    assert fetch(feed, tmp_path)[0] == PAYLOAD


def test_what_is_too_long_is_not_fetched(site: MediaSite, tmp_path: Path) -> None:
    page = site.page("/page", described(site.url("/talk.mp3"), duration="PT2H"))
    error = failure(page, tmp_path, replace(LIMITS, max_seconds=3_600.0))
    assert error.reason is FetchReason.TOO_LONG
    assert site.asked == ["/page", "/talk.mp3"]  # which was looked at by its first bytes only


def test_what_says_that_it_is_too_large_is_not_fetched(site: MediaSite, tmp_path: Path) -> None:
    page = site.page("/page", described(site.url("/talk.mp3"), contentSize="3000000"))
    assert failure(page, tmp_path).reason is FetchReason.TOO_LARGE
    assert site.asked == ["/page", "/talk.mp3"]


def page_with(site: MediaSite, server: FailingServer, path: str) -> str:
    """A good page whose media lie on the failing server, so that the page is read and the transfer fails."""
    return site.page("/page", f'<audio src="{server.url(path)}"></audio>')


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("status/403", FetchReason.FORBIDDEN),
        ("status/404", FetchReason.NOT_FOUND),
        ("status/410", FetchReason.NOT_FOUND),
        ("status/503", FetchReason.SERVER_ERROR),
        ("rate_limited_for_an_hour", FetchReason.RATE_LIMITED),
        ("reset_mid_body", FetchReason.INCOMPLETE),
        ("stall_mid_body", FetchReason.INCOMPLETE),
        ("declares_too_much", FetchReason.INCOMPLETE),
        ("declares_too_little", FetchReason.INCOMPLETE),
        ("stall_before_headers", FetchReason.UNREACHABLE),
        ("declares_terabytes", FetchReason.TOO_LARGE),
        ("endless", FetchReason.TOO_LARGE),
        ("redirect_loop", FetchReason.SERVER_ERROR),
    ],
)
def test_each_failure_of_a_server_has_its_reason(
    site: MediaSite, server: FailingServer, tmp_path: Path, behaviour: str, reason: FetchReason
) -> None:
    error = failure(page_with(site, server, f"/{behaviour}/b.mp3?token=s3cret"), tmp_path)
    assert error.reason is reason
    assert "s3cret" not in f"{error!r} {error.__cause__!r}" and error.__suppress_context__


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("status/403", FetchReason.FORBIDDEN),
        ("reset_mid_body", FetchReason.INCOMPLETE),
        ("html", FetchReason.NOT_MEDIA),
        ("redirect_loop", FetchReason.SERVER_ERROR),
    ],
)
def test_what_fails_at_the_address_itself_is_told_without_its_secrets(
    server: FailingServer, tmp_path: Path, behaviour: str, reason: FetchReason
) -> None:
    error = failure(server.url(f"/{behaviour}/a.mp3?token=s3cret"), tmp_path)
    assert error.reason is reason
    assert "token=***" in str(error) and "s3cret" not in f"{error!r} {error.__cause__!r}"


@pytest.mark.parametrize("behaviour", ["drip", "drip_headers"])
def test_a_server_that_is_never_done_ends_at_the_time_out(
    server: FailingServer, tmp_path: Path, behaviour: str
) -> None:
    address = server.url(f"/{behaviour}/a.mp3")
    error = failure(address, tmp_path, replace(LIMITS, timeout_s=1.0))
    assert error.reason is FetchReason.FETCH_TIMEOUT
    assert "sources.timeout" in str(error)


def test_a_server_at_which_nobody_listens_is_unreachable(tmp_path: Path) -> None:
    assert failure(f"http://127.0.0.1:{closed_port()}/a", tmp_path).reason is FetchReason.UNREACHABLE


@pytest.mark.parametrize("behaviour", ["unavailable_twice", "rate_limited_once", "stall_once"])
def test_what_passes_is_tried_again(site: MediaSite, server: FailingServer, tmp_path: Path, behaviour: str) -> None:
    assert fetch(page_with(site, server, f"/{behaviour}/a.mp3"), tmp_path)[0] == PAYLOAD
    assert server.count(f"/{behaviour}/a.mp3") >= 2


def test_a_404_is_not_tried_again(site: MediaSite, server: FailingServer, tmp_path: Path) -> None:
    failure(page_with(site, server, "/status/404/a.mp3"), tmp_path)
    assert server.count("/status/404/a.mp3") == 1


def test_a_broken_transfer_goes_on_where_it_broke_off(site: MediaSite, server: FailingServer, tmp_path: Path) -> None:
    assert fetch(page_with(site, server, "/break_then_range/a.mp3"), tmp_path)[0] == PAYLOAD
    asked = [request.headers.get("range") for request in server.requests]
    assert len(asked) == 2 and asked[0] is None and asked[1] is not None


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ("break_then_no_range", PAYLOAD),
        ("break_without_a_version", PAYLOAD),
        ("break_then_changed", OTHER_PAYLOAD),
        ("break_then_mixed_up", OTHER_PAYLOAD),
    ],
)
def test_parts_of_two_versions_are_never_joined(
    site: MediaSite, server: FailingServer, tmp_path: Path, behaviour: str, expected: bytes
) -> None:
    assert fetch(page_with(site, server, f"/{behaviour}/a.mp3"), tmp_path)[0] == expected


@pytest.mark.parametrize("to", ["http://10.0.0.1/a.mp3", "http://169.254.169.254/latest/", "http://[::1]/a.mp3"])
def test_a_redirect_to_a_private_address_is_blocked(server: FailingServer, tmp_path: Path, to: str) -> None:
    assert failure(server.url(f"/redirect/a.mp3?to={to}"), tmp_path).reason is FetchReason.BLOCKED_ADDRESS


def test_no_request_reaches_a_machine_that_is_not_allowed(site: MediaSite, tmp_path: Path) -> None:
    with MediaSite("127.0.0.2") as other:
        media = other.put("/talk.mp3", PAYLOAD, "audio/mpeg")
        manifest = other.stream("/talk.m3u8", [b"a" * 1_000])
        pages = [
            media,
            site.page("/audio", f'<audio src="{media}"></audio>'),
            site.page("/described", described(media)),
            site.page("/frame", f'<iframe src="{media}"></iframe><video src="{manifest}"></video>'),
            site.stream("/talk.m3u8", [b"a"]),
        ]
        site.put("/talk.m3u8", site.body("/talk.m3u8").replace(b"/talk", other.url("/talk").encode()), "audio/mpegurl")
        reasons = {failure(page, tmp_path).reason for page in pages}
        assert other.asked == []
    assert reasons == {FetchReason.BLOCKED_ADDRESS}


def test_an_address_that_redirects_beyond_http_is_refused(server: FailingServer, tmp_path: Path) -> None:
    error = failure(server.url("/redirect/a.mp3?to=ftp://127.0.0.1/a.mp3"), tmp_path)
    assert error.reason is FetchReason.UNSUPPORTED_ADDRESS


def test_a_page_cannot_make_it_read_a_file_of_this_machine(site: MediaSite, tmp_path: Path) -> None:
    error = failure(site.page("/page", '<audio src="file:///etc/passwd"></audio>'), tmp_path)
    assert error.reason is FetchReason.UNSUPPORTED_ADDRESS


def test_a_proxy_of_the_environment_is_not_asked(
    site: MediaSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with MediaSite() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(""))
        assert fetch(site.url("/talk.mp3"), tmp_path)[0] == PAYLOAD
        assert proxy.asked == []


def test_no_program_transfers_and_no_file_of_the_user_is_touched(
    site: MediaSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs, home, folder = tmp_path / "programs", tmp_path / "home", tmp_path / "folder"
    for made in (programs, home / ".config" / "yt-dlp", folder):
        made.mkdir(parents=True)
    started = tmp_path / "started"
    settings = home / ".config" / "yt-dlp" / "config"
    settings.write_text("--write-info-json\n--exec touch started\n", encoding="utf-8")
    for name in ("ffmpeg", "ffprobe", "aria2c", "curl", "node", "deno", "phantomjs"):
        (programs / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {started}\n', encoding="utf-8")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert fetch(site.stream("/talk.m3u8", [b"a" * 1_000] * 3), folder)[0] == b"a" * 3_000
    runs = started.read_text(encoding="utf-8").splitlines() if started.exists() else []
    assert set(runs) <= {"ffmpeg -bsfs", "ffprobe -bsfs"}  # what yt-dlp asks once per process for their versions
    assert [path for path in home.rglob("*") if path.is_file()] == [settings]


def _answered(status: int, **headers: str) -> HTTPError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HTTPError(Response(io.BytesIO(), "https://videos.example/v?key=s3cret", named, status))


def _said(words: str) -> ExtractorError:
    return ExtractorError(words, expected=True)


_iceland: Any = ["IS"]
_disk_full: Any = OSError(28, "No space left on device")  # the type stubs want a text

CASES: list[tuple[list[Exception], FetchReason, bool]] = [
    ([UserNotLive()], FetchReason.LIVE, False),
    ([GeoRestrictedError("only in Iceland", countries=_iceland)], FetchReason.GEO_BLOCKED, False),
    ([UnsupportedError("https://videos.example/v?key=s3cret")], FetchReason.NOT_MEDIA, False),
    ([_said("This video is DRM protected")], FetchReason.UNSUPPORTED_ADDRESS, False),
    (
        [_said("Requested format is not available. Use --list-formats for a list of available formats")],
        FetchReason.UNSUPPORTED_ADDRESS,
        False,
    ),
    ([_said("This song is not available in your country")], FetchReason.GEO_BLOCKED, False),
    (
        [
            _said("This live event will begin in 2 hours."),
            _said("Premieres in 3 days"),
            _said("Live event has not yet started"),
            _said("This livestream has ended"),
        ],
        FetchReason.LIVE,
        False,
    ),
    (
        [
            _said("Private video. Sign in if you've been granted access to this video"),
            _said("Join this channel to get access to members-only content"),
            _said("This video is only available for subscribers. Use --cookies-from-browser for the authentication"),
        ],
        FetchReason.PRIVATE_MEDIA,
        False,
    ),
    (
        [
            _said("Sign in to confirm you're not a bot"),
            _said("This video is protected by a password, use the --video-password option"),
            _said("Login required to access this video"),
        ],
        FetchReason.FORBIDDEN,
        False,
    ),
    ([_said("You have exceeded the rate limit. Try again later")], FetchReason.RATE_LIMITED, True),
    (
        [
            _said("Video unavailable. This video has been removed by the uploader"),
            _said("The account associated with this video has been terminated"),
            _said("This video does not exist"),
        ],
        FetchReason.NOT_FOUND,
        False,
    ),
    ([_answered(404), _answered(410)], FetchReason.NOT_FOUND, False),
    ([_answered(429, Retry_After="7")], FetchReason.RATE_LIMITED, True),
    ([_answered(401), _answered(403), _answered(451)], FetchReason.FORBIDDEN, False),
    ([_answered(500), _answered(503), _answered(408)], FetchReason.SERVER_ERROR, True),
    ([RequestError(cause=httpx.TooManyRedirects("again"))], FetchReason.SERVER_ERROR, False),
    ([CertificateVerifyError(cause=OSError("self-signed"))], FetchReason.UNREACHABLE, False),
    ([IncompleteRead(1_000, 2_000), ContentTooShortError(1_000, 2_000)], FetchReason.INCOMPLETE, True),
    ([TransportError(cause=OSError("refused"))], FetchReason.UNREACHABLE, True),
    ([UnavailableVideoError(_disk_full)], FetchReason.INCOMPLETE, False),
    (
        [MaxDownloadsReached(), RejectedVideoReached(), PostProcessingError("no ffmpeg")],
        FetchReason.EXTRACTOR_FAILED,
        False,
    ),
    (
        [ExtractorError("Unable to extract player version; account data"), KeyError("videoDetails")],
        FetchReason.EXTRACTOR_FAILED,
        False,
    ),
]


def as_yt_dlp_raises_it(error: Exception) -> Exception:
    """What comes out of yt-dlp when an extractor raises ``error``: wrapped, as it wraps it."""

    class StumblingIE(InfoExtractor):
        _VALID_URL = r"https://videos\.example/.*"

        def _real_extract(self, url: str) -> NoReturn:
            raise error

    class Silent:
        debug = warning = error = lambda self, message: None

    params: Any = {"logger": Silent(), "color": "no_color"}
    with YoutubeDL(params, auto_init=False) as yt_dlp:
        yt_dlp.add_info_extractor(StumblingIE())
        with pytest.raises(Exception) as caught:
            yt_dlp.extract_info("https://videos.example/v?key=s3cret", download=False)
    return caught.value


def test_every_rule_of_the_table_has_a_case() -> None:
    linked = [list(_linked(as_yt_dlp_raises_it(error))) for errors, _, _ in CASES for error in errors]
    decisive = {
        next(number for number, rule in enumerate(RULES) if any(rule.fits(cause) for cause in causes))
        for causes in linked
    }
    assert decisive == set(range(len(RULES)))


@pytest.mark.parametrize(
    ("error", "reason", "is_transient"),
    [(error, reason, is_transient) for errors, reason, is_transient in CASES for error in errors],
)
def test_each_error_of_yt_dlp_has_its_reason(error: Exception, reason: FetchReason, is_transient: bool) -> None:
    fetched = fetch_error(as_yt_dlp_raises_it(error), "https://videos.example/v?key=s3cret", TODAY)
    assert fetched.reason is reason
    assert str(fetched).startswith("https://videos.example/v?key=***: ")
    assert "s3cret" not in str(fetched) and "--" not in str(fetched)
    assert isinstance(fetched, TransientFetchError) is is_transient


def test_what_a_server_asks_to_wait_is_passed_on() -> None:
    error = fetch_error(as_yt_dlp_raises_it(_answered(429, Retry_After="7")), "https://videos.example/v", TODAY)
    assert isinstance(error, TransientFetchError)
    assert error.retry_after_s == 7.0


def test_an_unreadable_page_advises_an_update_with_the_age_of_yt_dlp() -> None:
    advice = _update("2026.08.01", TODAY, ["Unable to extract player version"])
    assert "pip install -U" in advice and "2026.08.01, 112 days old" in advice
    assert "days old" not in _update("2026.10.26", TODAY, [])
    assert "days old" not in _update("a build of my own", TODAY, [])


def test_a_missing_javascript_runtime_is_named() -> None:
    error = fetch_error(
        as_yt_dlp_raises_it(ExtractorError("No video formats found!")),
        "https://www.youtube.com/watch?v=1",
        TODAY,
        warnings=["No supported JavaScript runtime could be recording. Only deno is enabled by default"],
    )
    assert error.reason is FetchReason.EXTRACTOR_FAILED
    assert "install deno" in str(error)
