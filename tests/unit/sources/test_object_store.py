"""Object stores: one inside the process, and S3 over a socket; listed by day, fetched whole or a named reason."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest
from support.s3_server import S3Server

from emotion_pipeline.engine.sources.base import FetchLimits
from emotion_pipeline.engine.sources.fetch_errors import FetchError, FetchReason, SourceError
from emotion_pipeline.engine.sources.object_store import ObjectStoreSource

LIMITS = FetchLimits(max_bytes=20_000_000, timeout_s=5.0, stall_s=0.5, attempts=3)
CALL = b"RIFF" + bytes(range(256)) * 100
# More than one block, so that a transfer can break between two requests.
LONG = bytes(range(256)) * 40_000

FILES = {
    "2026-11-02/b.wav": CALL,
    "2026-11-02/team/calls/a.mp3": LONG,
    "2026-11-02/urls.txt": "\ufeffhttps://example.org/über.mp3\n".encode(),
    "2026-11-03/c.wav": CALL,
    "2026-02-30/x.wav": CALL,
    "notes/x.wav": CALL,
    "archive/2026-11-05/x.wav": CALL,
}


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with pytest.MonkeyPatch.context() as environment, S3Server() as running:
        for name, value in running.environment.items():
            environment.setenv(name, value)
        yield running


@pytest.fixture
def bucket(s3: S3Server) -> Iterator[str]:
    s3.handed_out.clear()
    yield s3.bucket({f"recordings/{name}": content for name, content in FILES.items()})
    s3.failures.clear()


@pytest.fixture(params=["memory", "s3"])
def root(request: pytest.FixtureRequest) -> str:
    """The same folders in both stores."""
    if request.param == "s3":
        return f"s3://{request.getfixturevalue('bucket')}/recordings"
    root = f"memory://{uuid.uuid4().hex}/recordings"
    store = fsspec.filesystem("memory")
    for name, content in FILES.items():
        store.pipe_file(f"{root}/{name}", content)
    return root


@pytest.fixture
def source() -> ObjectStoreSource:
    return ObjectStoreSource(LIMITS)


def put(address: str, content: bytes) -> None:
    fsspec.filesystem(address.partition("://")[0]).pipe_file(address, content)


def fetch(source: ObjectStoreSource, address: str, folder: Path) -> bytes:
    path = source.fetch(source.find(address), folder).path
    assert list(folder.iterdir()) == [path]
    return path.read_bytes()


def failure(source: ObjectStoreSource, address: str, folder: Path) -> FetchError:
    with pytest.raises(FetchError) as caught:
        fetch(source, address, folder)
    assert list(folder.iterdir()) == []
    return caught.value


def test_days_are_the_dated_folders_directly_below_the_root(root: str, source: ObjectStoreSource) -> None:
    assert source.days(root) == ["2026-11-02", "2026-11-03"]
    assert source.days(f"{root}/") == ["2026-11-02", "2026-11-03"]
    assert source.days(f"{root}/archive") == ["2026-11-05"]


def test_recordings_are_found_at_any_depth_with_size_version_and_time(root: str, source: ObjectStoreSource) -> None:
    recordings = source.recordings(root, "2026-11-02")
    assert [recording.file for recording in recordings] == ["b.wav", "team/calls/a.mp3"]
    assert [recording.size_bytes for recording in recordings] == [len(CALL), len(LONG)]
    assert recordings[0].uri == recordings[0].address == f"{root}/2026-11-02/b.wav"
    assert all(recording.version for recording in recordings)
    times_ns = [recording.modified_ns for recording in recordings]
    assert all(time_ns and abs(time_ns / 1e9 - time.time()) < 3_600 for time_ns in times_ns)
    assert source.recordings(root, "2026-11-02") == recordings


def test_new_objects_are_listed_at_once_and_new_content_is_a_new_version(root: str, source: ObjectStoreSource) -> None:
    before = source.recordings(root, "2026-11-03")
    put(f"{root}/2026-11-03/c.wav", CALL[::-1])
    put(f"{root}/2026-11-03/d.wav", CALL)
    put(f"{root}/2026-11-04/e.wav", CALL)
    after = source.recordings(root, "2026-11-03")
    assert [recording.file for recording in after] == ["c.wav", "d.wav"]
    assert after[0].version != before[0].version
    assert "2026-11-04" in source.days(root)


@pytest.mark.parametrize("name", [".hidden.wav", ".cache/a.wav", "a.wav.part", "a.TMP", "manifest.csv", "notes.md"])
def test_what_is_hidden_unfinished_or_lies_beside_recordings_is_none(
    root: str, source: ObjectStoreSource, name: str
) -> None:
    put(f"{root}/2026-11-03/{name}", CALL)
    assert [recording.file for recording in source.recordings(root, "2026-11-03")] == ["c.wav"]


def test_an_object_that_stands_for_a_folder_is_no_recording(s3: S3Server, source: ObjectStoreSource) -> None:
    name = s3.bucket({"2026-11-02/": b"", "2026-11-02/a.wav": CALL, "2026-11-02/team/": b""})
    assert source.days(f"s3://{name}") == ["2026-11-02"]
    assert [recording.file for recording in source.recordings(f"s3://{name}", "2026-11-02")] == ["a.wav"]


def test_a_day_without_a_folder_has_no_recordings(root: str, source: ObjectStoreSource) -> None:
    assert source.recordings(root, "2026-11-09") == []


def test_a_root_that_is_not_there_is_an_error_and_not_an_empty_list(root: str, source: ObjectStoreSource) -> None:
    gone = root.replace("recordings", "gone")
    for asked in (lambda: source.days(gone), lambda: source.recordings(gone, "2026-11-02")):
        with pytest.raises(SourceError, match="nothing under this name"):
            asked()


def test_a_text_beside_recordings_is_read(root: str, source: ObjectStoreSource) -> None:
    text = source.read_text(root, "2026-11-02", "urls.txt")
    assert text is not None and text.text == "https://example.org/über.mp3\n"
    assert text.modified_ns is not None
    assert source.read_text(root, "2026-11-02", "manifest.csv") is None


def test_a_text_that_is_no_utf_8_is_an_error_that_names_it(root: str, source: ObjectStoreSource) -> None:
    put(f"{root}/2026-11-02/urls.txt", b"\xff\xfe")
    with pytest.raises(SourceError, match=r"urls\.txt is not UTF-8"):
        source.read_text(root, "2026-11-02", "urls.txt")


def test_an_object_of_many_blocks_is_fetched_whole(root: str, source: ObjectStoreSource, tmp_path: Path) -> None:
    assert fetch(source, f"{root}/2026-11-02/team/calls/a.mp3", tmp_path) == LONG
    assert (tmp_path / "recording.mp3").exists()


@pytest.mark.parametrize("name", ["two words ü.wav", "a#b%20c.wav", "a:b.wav", "$HOME.wav", "q&a=1.wav", "a+b.wav"])
def test_a_name_with_signs_of_its_own_is_fetched(
    root: str, source: ObjectStoreSource, tmp_path: Path, name: str
) -> None:
    put_as_it_is(f"{root}/2026-11-07/{name}", name.encode())
    recordings = source.recordings(root, "2026-11-07")
    assert [recording.file for recording in recordings] == [name]
    assert source.fetch(recordings[0], tmp_path).path.read_bytes() == name.encode()


def put_as_it_is(address: str, content: bytes) -> None:
    kind = fsspec.get_filesystem_class(address.partition("://")[0])
    kind().pipe_file(kind._strip_protocol(address), content)


def test_what_is_not_there_is_not_tried_again(root: str, source: ObjectStoreSource, tmp_path: Path) -> None:
    started = time.monotonic()
    error = failure(source, f"{root}/2026-11-02/gone.wav", tmp_path)
    assert error.reason is FetchReason.NOT_FOUND
    assert f"{root}/2026-11-02/gone.wav" in str(error) and time.monotonic() - started < 2.0


def test_a_folder_is_no_recording(root: str, source: ObjectStoreSource, tmp_path: Path) -> None:
    assert failure(source, f"{root}/2026-11-02/team", tmp_path).reason is FetchReason.NOT_FOUND


def test_what_is_too_large_is_not_fetched(root: str, tmp_path: Path) -> None:
    source = ObjectStoreSource(replace(LIMITS, max_bytes=len(CALL) - 1))
    error = failure(source, f"{root}/2026-11-02/b.wav", tmp_path)
    assert error.reason is FetchReason.TOO_LARGE
    assert "sources.max_bytes" in str(error)


def test_too_large_objects_cost_no_transfer(s3: S3Server, bucket: str, tmp_path: Path) -> None:
    source = ObjectStoreSource(replace(LIMITS, max_bytes=1_000))
    failure(source, f"s3://{bucket}/recordings/2026-11-02/b.wav", tmp_path)
    assert s3.handed_out == []


@pytest.mark.parametrize("failing", ["500", "503", "break", "stall"])
def test_a_transfer_that_fails_half_way_is_tried_again(
    s3: S3Server, bucket: str, source: ObjectStoreSource, tmp_path: Path, failing: str
) -> None:
    s3.failures[:] = ["", failing]
    assert fetch(source, f"s3://{bucket}/recordings/2026-11-02/team/calls/a.mp3", tmp_path) == LONG
    assert s3.failures == []


@pytest.mark.parametrize(
    ("failing", "reason", "requests"),
    [
        ("403", FetchReason.FORBIDDEN, 1),
        ("500", FetchReason.SERVER_ERROR, 3),
        ("503", FetchReason.RATE_LIMITED, 3),
        ("break", FetchReason.UNREACHABLE, 3),
        ("stall", FetchReason.UNREACHABLE, 3),
    ],
)
def test_each_failure_of_a_store_has_its_reason(
    s3: S3Server,
    bucket: str,
    source: ObjectStoreSource,
    tmp_path: Path,
    failing: str,
    reason: FetchReason,
    requests: int,
) -> None:
    s3.failures[:] = [failing] * 9
    error = failure(source, f"s3://{bucket}/recordings/2026-11-02/b.wav", tmp_path)
    assert error.reason is reason
    assert len(s3.handed_out) == requests
    assert "AKIATEST" not in repr(error) and "s3cr3t" not in repr(error)


def test_a_store_that_is_never_done_ends_at_the_time_out(s3: S3Server, bucket: str, tmp_path: Path) -> None:
    s3.failures[:] = ["stall"] * 9
    started = time.monotonic()
    source = ObjectStoreSource(replace(LIMITS, timeout_s=1.0, stall_s=20.0))
    error = failure(source, f"s3://{bucket}/recordings/2026-11-02/b.wav", tmp_path)
    assert error.reason is FetchReason.FETCH_TIMEOUT
    assert time.monotonic() - started < 3.0


def test_an_endpoint_at_which_nobody_listens_is_unreachable(tmp_path: Path) -> None:
    from support.failing_server import closed_port

    options = {"s3": {"endpoint_url": f"http://127.0.0.1:{closed_port()}", "key": "a", "secret": "b"}}
    source = ObjectStoreSource(replace(LIMITS, attempts=1), options)
    assert failure(source, "s3://calls/a.wav", tmp_path).reason is FetchReason.UNREACHABLE
    with pytest.raises(SourceError, match="does not answer"):
        source.days("s3://calls")


def test_missing_credentials_are_told(s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    options = {"s3": {"endpoint_url": s3.url, "anon": False, "profile": None, "skip_instance_cache": True}}
    (tmp_path / "folder").mkdir()
    error = failure(ObjectStoreSource(LIMITS, options), "s3://calls/a.wav", tmp_path / "folder")
    assert error.reason is FetchReason.FORBIDDEN
    assert "credentials" in str(error)


def test_a_missing_package_is_named(source: ObjectStoreSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(SourceError, match="pip install gcsfs"):
        source.days("gs://calls/recordings")
    error = failure(source, "gs://calls/a.wav", tmp_path)
    assert error.reason is FetchReason.UNSUPPORTED_ADDRESS and "pip install gcsfs" in str(error)


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "simplecache::s3://calls/a.wav",
        "ftp://host/a.wav",
        "s3://calls",
        "/data/a.wav",
    ],
)
def test_what_names_no_object_of_a_store_is_refused(source: ObjectStoreSource, address: str) -> None:
    with pytest.raises(FetchError, match="names no object") as caught:
        source.find(address)
    assert caught.value.reason is FetchReason.UNSUPPORTED_ADDRESS


def test_an_address_leads_on_to_no_other_file_system(bucket: str, source: ObjectStoreSource, tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_bytes(b"secret")
    (tmp_path / "folder").mkdir()
    error = failure(source, f"s3://{bucket}/a::file://{passwords}", tmp_path / "folder")
    assert error.reason is FetchReason.NOT_FOUND


def test_options_are_for_their_scheme(root: str) -> None:
    source = ObjectStoreSource(LIMITS, {"gs": {"no_such_option": 1}})
    assert source.days(root) == ["2026-11-02", "2026-11-03"]
