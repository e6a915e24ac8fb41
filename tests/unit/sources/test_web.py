"""Files from web servers that fail in every way: the right bytes or a named reason, in time, and nothing left over."""

import hashlib
import logging
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from support.failed_fetch import failed_fetch
from support.failing_server import OTHER_PAYLOAD, PAYLOAD, FailingServer, closed_port
from support.leftovers import open_sockets

from emotion_pipeline.engine.sources.base import FetchLimits
from emotion_pipeline.engine.sources.fetch_errors import FetchError, FetchReason, SourceError
from emotion_pipeline.engine.sources.web import WebSource

LIMITS = FetchLimits(
    max_bytes=2_000_000, timeout_s=3.0, stall_s=0.3, attempts=3, allowed_networks=(ip_network("127.0.0.1/32"),)
)
# For what a server asks to wait for; the pauses of everything else grow with the time-out.
PATIENT = replace(LIMITS, timeout_s=5.0)


@pytest.fixture(autouse=True)
def _nothing_is_left(tmp_path: Path) -> Iterator[None]:
    sockets, threads = open_sockets(), set(threading.enumerate())
    yield
    assert open_sockets() <= sockets
    assert set(threading.enumerate()) <= threads


@pytest.fixture
def server(_nothing_is_left: None) -> Iterator[FailingServer]:
    with FailingServer() as running:
        yield running


@cache
def source_of(limits: FetchLimits, certificates: str | None) -> WebSource:
    """One source for many tests, as in production: reading the certificates takes longer than most of them."""
    return WebSource(limits)


def fetch(address: str, folder: Path, limits: FetchLimits = LIMITS) -> Path:
    source = source_of(limits, os.environ.get("SSL_CERT_FILE"))
    return source.fetch(source.find(address), folder).path


def reason_of(address: str, folder: Path, limits: FetchLimits = LIMITS) -> FetchReason:
    return failed_fetch(lambda: fetch(address, folder, limits), folder, limits).reason


def check_bytes(path: Path, payload: bytes = PAYLOAD) -> None:
    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(payload).digest()
    assert list(path.parent.iterdir()) == [path], "nothing lies beside the file"


@pytest.mark.parametrize(
    "behaviour",
    [
        "serve",
        "serve_without_length",
        "serve_chunked",
        "serve_gzipped",
        "serve_after_early_hints",
        "sets_a_cookie",
        "redirects/3",
    ],
)
def test_what_a_server_serves_arrives_byte_for_byte(server: FailingServer, tmp_path: Path, behaviour: str) -> None:
    path = fetch(server.url(f"/{behaviour}/a.mp3"), tmp_path)
    check_bytes(path)
    assert path.name == "recording.mp3"


@pytest.mark.parametrize(
    ("behaviour", "requests"),
    [
        ("unavailable_twice", 3),
        ("stall_once", 2),
        ("break_then_range", 2),
        ("break_then_no_range", 2),
        ("break_without_a_version", 2),
        ("break_then_in_pieces", 3),
    ],
)
def test_a_failure_that_passes_is_tried_again_until_the_bytes_are_there(
    server: FailingServer, tmp_path: Path, behaviour: str, requests: int
) -> None:
    check_bytes(fetch(server.url(f"/{behaviour}/a.mp3"), tmp_path))
    assert server.count(f"/{behaviour}/a.mp3") == requests


@pytest.mark.parametrize("behaviour", ["break_then_range", "stall_once"])
def test_a_broken_transfer_goes_on_where_it_ended(server: FailingServer, tmp_path: Path, behaviour: str) -> None:
    check_bytes(fetch(server.url(f"/{behaviour}/a.mp3"), tmp_path))
    first, second = (request.headers for request in server.requests)
    assert "range" not in first
    assert second["range"] == f"bytes={len(PAYLOAD) // 3}-"
    assert second["if-range"] == f'"{hashlib.sha256(PAYLOAD).hexdigest()[:8]}"'


def test_without_a_version_to_name_a_broken_transfer_begins_anew(server: FailingServer, tmp_path: Path) -> None:
    check_bytes(fetch(server.url("/break_without_a_version/a.mp3"), tmp_path))
    assert all("range" not in request.headers for request in server.requests)


@pytest.mark.parametrize("behaviour", ["break_then_changed", "break_then_mixed_up"])
def test_two_versions_of_a_file_are_never_put_together(server: FailingServer, tmp_path: Path, behaviour: str) -> None:
    check_bytes(fetch(server.url(f"/{behaviour}/a.mp3"), tmp_path), OTHER_PAYLOAD)


def test_another_part_than_was_asked_for_is_not_taken(server: FailingServer, tmp_path: Path) -> None:
    check_bytes(fetch(server.url("/break_then_wrong_range/a.mp3"), tmp_path))
    assert server.count("/break_then_wrong_range/a.mp3") == 3


def test_a_file_that_became_shorter_is_fetched_anew(server: FailingServer, tmp_path: Path) -> None:
    check_bytes(fetch(server.url("/break_then_shorter/a.mp3"), tmp_path), PAYLOAD[:50_000])


@pytest.mark.parametrize(
    ("behaviour", "reason", "requests"),
    [
        ("stall_before_headers", FetchReason.UNREACHABLE, 3),
        ("stall_mid_body", FetchReason.INCOMPLETE, 3),
        ("reset_mid_body", FetchReason.INCOMPLETE, 3),
        ("declares_too_much", FetchReason.INCOMPLETE, 3),
        ("declares_too_little", FetchReason.INCOMPLETE, 3),
        ("rate_limited_for_ever", FetchReason.RATE_LIMITED, 3),
        ("rate_limited_for_an_hour", FetchReason.RATE_LIMITED, 1),
        ("status/500", FetchReason.SERVER_ERROR, 3),
        ("status/408", FetchReason.SERVER_ERROR, 3),
        ("status/404", FetchReason.NOT_FOUND, 1),
        ("status/410", FetchReason.NOT_FOUND, 1),
        ("status/401", FetchReason.FORBIDDEN, 1),
        ("status/403", FetchReason.FORBIDDEN, 1),
        ("html", FetchReason.NOT_MEDIA, 1),
        ("html_as_audio", FetchReason.NOT_MEDIA, 1),
        ("declares_terabytes", FetchReason.TOO_LARGE, 1),
        ("endless", FetchReason.TOO_LARGE, 1),
        ("redirect_loop", FetchReason.SERVER_ERROR, 11),
    ],
)
def test_a_failure_that_stays_ends_in_its_reason(
    server: FailingServer, tmp_path: Path, behaviour: str, reason: FetchReason, requests: int
) -> None:
    assert reason_of(server.url(f"/{behaviour}/a.mp3"), tmp_path) is reason
    assert server.count(f"/{behaviour}/a.mp3") == requests


@pytest.mark.parametrize("behaviour", ["drip", "drip_headers"])
def test_a_server_that_drips_for_ever_is_a_time_out(server: FailingServer, tmp_path: Path, behaviour: str) -> None:
    limits = replace(LIMITS, timeout_s=0.6)
    assert reason_of(server.url(f"/{behaviour}/a.mp3"), tmp_path, limits) is FetchReason.FETCH_TIMEOUT


def test_a_stall_that_outlasts_the_time_out_is_a_time_out(server: FailingServer, tmp_path: Path) -> None:
    limits = replace(LIMITS, timeout_s=0.5, stall_s=30.0)
    assert reason_of(server.url("/stall_mid_body/a.mp3"), tmp_path, limits) is FetchReason.FETCH_TIMEOUT


@pytest.mark.parametrize("behaviour", ["rate_limited_once", "rate_limited_until_a_date"])
def test_retry_after_is_obeyed_in_seconds_and_as_a_date(server: FailingServer, tmp_path: Path, behaviour: str) -> None:
    started = time.monotonic()
    check_bytes(fetch(server.url(f"/{behaviour}/a.mp3"), tmp_path, PATIENT))
    assert 0.9 < time.monotonic() - started < 3.5
    assert server.count(f"/{behaviour}/a.mp3") == 2


def test_a_server_that_says_later_than_there_is_time_for_is_not_waited_for(
    server: FailingServer, tmp_path: Path
) -> None:
    started = time.monotonic()
    assert reason_of(server.url("/rate_limited_for_an_hour/a.mp3"), tmp_path) is FetchReason.RATE_LIMITED
    assert time.monotonic() - started < 0.5


def test_a_port_at_which_nobody_listens_is_unreachable(tmp_path: Path) -> None:
    assert reason_of(f"http://127.0.0.1:{closed_port()}/a.mp3", tmp_path) is FetchReason.UNREACHABLE


def test_a_name_that_does_not_exist_is_unreachable(tmp_path: Path) -> None:
    assert (
        reason_of("http://recordings.invalid/a.mp3", tmp_path, replace(LIMITS, attempts=1)) is FetchReason.UNREACHABLE
    )


@pytest.mark.parametrize(
    "target",
    [
        "http://10.1.2.3/a.mp3",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]:80/a.mp3",
        "http://[::ffff:10.0.0.1]/a.mp3",
        "http://0.0.0.0/a.mp3",
        "http://2130706434/a.mp3",
        "//192.168.0.1/a.mp3",
    ],
)
def test_a_redirect_into_a_private_network_is_not_followed(server: FailingServer, tmp_path: Path, target: str) -> None:
    assert reason_of(server.url(f"/redirect/a.mp3?to={target}"), tmp_path) is FetchReason.BLOCKED_ADDRESS
    assert len(server.requests) == 1


def test_a_redirect_to_this_machine_by_name_is_not_followed(tmp_path: Path) -> None:
    limits = replace(LIMITS, allowed_networks=(ip_network("127.0.0.2/32"),))
    try:
        with FailingServer(host="127.0.0.2") as elsewhere, FailingServer() as here:
            address = elsewhere.url(f"/redirect/a.mp3?to=http://localhost:{here.port}/serve/a.mp3")
            assert reason_of(address, tmp_path, limits) is FetchReason.BLOCKED_ADDRESS
            assert here.requests == []
    except OSError:
        pytest.skip("this system has no second loopback address")


def test_nothing_private_is_asked_unless_its_network_is_named(server: FailingServer, tmp_path: Path) -> None:
    for address in (server.url("/serve/a.mp3"), f"http://localhost:{server.port}/serve/a.mp3"):
        assert reason_of(address, tmp_path, replace(LIMITS, allowed_networks=())) is FetchReason.BLOCKED_ADDRESS
    assert server.requests == []


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/a.mp3", "gopher://127.0.0.1/"])
def test_a_redirect_to_another_scheme_is_not_followed(server: FailingServer, tmp_path: Path, target: str) -> None:
    assert reason_of(server.url(f"/redirect/a.mp3?to={target}"), tmp_path) is FetchReason.UNSUPPORTED_ADDRESS


def test_the_body_of_a_redirect_is_not_waited_for(server: FailingServer, tmp_path: Path) -> None:
    started = time.monotonic()
    check_bytes(fetch(server.url("/redirect/a.mp3?to=/serve/a.mp3"), tmp_path))
    assert time.monotonic() - started < 1.0


def test_a_page_is_refused_with_the_way_to_read_its_video(server: FailingServer, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"ytdlp\+https://"):
        fetch(server.url("/html/watch"), tmp_path)


def test_user_name_and_password_of_an_address_open_the_door(server: FailingServer, tmp_path: Path) -> None:
    assert reason_of(server.url("/asks_for_login/a.mp3"), tmp_path) is FetchReason.FORBIDDEN
    check_bytes(fetch(server.url("/asks_for_login/a.mp3", "ada:lovelace@"), tmp_path))


@pytest.mark.parametrize(
    "path",
    [
        "/status/404/a.mp3",
        "/status/500/a.mp3",
        "/reset_mid_body/a.mp3",
        "/redirect/a.mp3?to=http://10.0.0.1/",
        "/html/a",
    ],
)
def test_no_secret_of_an_address_is_told_in_errors_and_logs(
    server: FailingServer,
    tmp_path: Path,
    path: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    address = server.url(f"{path}{'&' if '?' in path else '?'}sig=s3cr3t", "ada:pa55word@")
    source = WebSource(LIMITS)
    recording = source.find(address)
    with pytest.raises(FetchError) as caught:
        source.fetch(recording, tmp_path)
    chain: list[BaseException] = [caught.value]
    while chain[-1].__cause__ is not None:
        chain.append(chain[-1].__cause__)
    output = " ".join([*map(str, chain), *map(repr, chain), repr(recording), caplog.text, *capfd.readouterr()])
    assert "127.0.0.1" in output
    assert "s3cr3t" not in output
    assert "pa55word" not in output


def test_a_signature_in_a_redirect_is_not_logged(
    server: FailingServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fetch(server.url("/redirect/a.mp3?to=/serve/a.mp3%3Fsig=s3cr3t"), tmp_path)
    assert server.requests[-1].path == "/serve/a.mp3?sig=s3cr3t"
    assert "HTTP Request: GET" in caplog.text
    assert "s3cr3t" not in caplog.text


@pytest.mark.parametrize(
    ("given", "name", "title"),
    [
        ("../../etc/call%2012.mp3", "recording.mp3", "call%2012"),
        ("..\\..\\call.WAV", "recording.wav", "call"),
        ("/etc/passwd", "recording.ogg", "passwd"),
        ("..", "recording.ogg", "a"),
        ("call.mp3.part", "recording.ogg", "call.mp3"),
        ("x.thisisnosuffix", "recording.ogg", "x"),
    ],
)
def test_a_name_that_a_server_gives_is_a_hint_and_never_a_path(
    server: FailingServer, tmp_path: Path, given: str, name: str, title: str
) -> None:
    source = WebSource(LIMITS)
    address = server.url(f"/disposition/a.ogg?as={given.replace('%', '%25')}")
    fetched = source.fetch(source.find(address), tmp_path)
    check_bytes(fetched.path)
    assert (fetched.path.name, fetched.metadata.title) == (name, title)


def test_one_address_is_one_recording_without_a_request(server: FailingServer) -> None:
    address = server.url("/serve/a.mp3?sig=secret")
    recording = WebSource(LIMITS).find(address)
    assert recording.uri == server.url("/serve/a.mp3?sig=***")
    assert recording.file.startswith(recording.uri)
    assert (recording.address, recording.size_bytes, recording.version, recording.modified_ns) == (
        address,
        None,
        None,
        None,
    )
    assert server.requests == []


@pytest.mark.parametrize(
    "address", ["http://", "https:///a.mp3", "http://a b/c", "ftp://h/a.mp3", "h/a.mp3", "http://[::x/"]
)
def test_what_is_no_web_address_is_refused_without_a_request(address: str) -> None:
    with pytest.raises(FetchError) as caught:
        WebSource(LIMITS).find(address)
    assert caught.value.reason is FetchReason.UNSUPPORTED_ADDRESS


def test_a_web_address_cannot_be_listed_and_the_error_says_where_to_put_it() -> None:
    source = WebSource(LIMITS)
    with pytest.raises(SourceError, match=r"urls\.txt"):
        source.days("https://example.org/?token=abc")
    with pytest.raises(SourceError, match=r"urls\.txt"):
        source.recordings("https://example.org/", "2026-11-02")
    with pytest.raises(SourceError, match=r"urls\.txt"):
        source.read_text("https://example.org/", "2026-11-02", "urls.txt")


@pytest.fixture
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for localhost together with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    plain, encoding = serialization.NoEncryption(), serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(private + signed.public_bytes(encoding))
    return path


@pytest.fixture
def tls_server(_nothing_is_left: None, certificate: Path) -> Iterator[FailingServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with FailingServer(context=context) as running:
        yield running


def test_a_certificate_is_verified_by_the_name_not_the_checked_address(
    tls_server: FailingServer, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_name = f"https://localhost:{tls_server.port}/serve/a.mp3"
    assert reason_of(by_name, tmp_path) is FetchReason.UNREACHABLE, "nobody vouches for it"

    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    check_bytes(fetch(by_name, tmp_path))
    (tmp_path / "recording.mp3").unlink()
    assert reason_of(tls_server.url("/serve/a.mp3"), tmp_path) is FetchReason.UNREACHABLE, "it is not for 127.0.0.1"


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [("declares_too_little", FetchReason.INCOMPLETE), ("stall_mid_body", FetchReason.INCOMPLETE)],
)
def test_what_fails_over_http_fails_over_https_alike(
    tls_server: FailingServer,
    certificate: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    behaviour: str,
    reason: FetchReason,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert reason_of(f"https://localhost:{tls_server.port}/{behaviour}/a.mp3", tmp_path) is reason


def test_https_to_a_server_that_speaks_plain_http_is_unreachable(server: FailingServer, tmp_path: Path) -> None:
    address = server.url("/serve/a.mp3").replace("http:", "https:")
    assert reason_of(address, tmp_path) is FetchReason.UNREACHABLE


def test_a_proxy_of_the_environment_is_not_asked(
    server: FailingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    check_bytes(fetch(server.url("/serve/a.mp3"), tmp_path))


def test_a_name_is_looked_up_once_for_each_connection(
    server: FailingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second answer of the resolver, after the check, would be followed by who connects by name."""
    asked: list[str] = []
    resolve = socket.getaddrinfo

    def counting(host: str, *args: object, **kwargs: object) -> object:
        if host == "localhost":
            asked.append(host)
        return resolve(host, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", counting)
    check_bytes(fetch(f"http://localhost:{server.port}/serve/a.mp3", tmp_path))
    assert asked == ["localhost"]
