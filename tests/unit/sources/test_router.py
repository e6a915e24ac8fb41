"""All sources as one: who reads which address, and what lists add to a day."""

import os
from collections.abc import Iterator
from datetime import date
from ipaddress import ip_network
from pathlib import Path

import pytest
from support.failing_server import PAYLOAD, FailingServer

from emotion_pipeline.engine.sources.base import FetchLimits, SourceMetadata
from emotion_pipeline.engine.sources.fetch_errors import FetchError, FetchReason, SourceError
from emotion_pipeline.engine.sources.local import state_of
from emotion_pipeline.engine.sources.router import Sources

DAY = "2026-11-02"
LIMITS = FetchLimits(timeout_s=3.0, stall_s=0.5, attempts=2, allowed_networks=(ip_network("127.0.0.1/32"),))


@pytest.fixture
def sources() -> Sources:
    return Sources(LIMITS)


@pytest.fixture
def server() -> Iterator[FailingServer]:
    with FailingServer() as running:
        yield running


def put(root: Path, **texts: str) -> None:
    folder = root / DAY
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name.replace("_", ".", 1)).write_text(text, encoding="utf-8")


def test_a_day_holds_what_lies_in_its_folder_and_then_what_its_lists_name(tmp_path: Path, sources: Sources) -> None:
    put(
        tmp_path,
        b_wav="sound",
        a_wav="sound",
        urls_txt="https://example.org/z.mp3\nhttps://example.org/y.mp3\n",
        manifest_csv="uri,title\nhttps://example.org/x.mp3,X\nhttps://example.org/y.mp3,Y\na.wav,A\n",
    )
    assert sources.days(str(tmp_path)) == [DAY]
    for root in (str(tmp_path), f"{tmp_path}/", tmp_path.as_uri()):
        recordings = sources.recordings(root, DAY)
        assert [(recording.file, recording.metadata.title) for recording in recordings] == [
            ("a.wav", "A"),
            ("b.wav", None),
            ("https://example.org/z.mp3", None),
            ("https://example.org/y.mp3", "Y"),
            ("https://example.org/x.mp3", "X"),
        ]


def test_a_day_without_lists_is_its_folder_and_without_a_folder_is_empty(tmp_path: Path, sources: Sources) -> None:
    put(tmp_path, a_wav="sound")
    assert [recording.file for recording in sources.recordings(str(tmp_path), DAY)] == ["a.wav"]
    assert sources.recordings(str(tmp_path), "2026-11-03") == []


def test_what_a_list_names_is_as_young_as_the_list(tmp_path: Path, sources: Sources) -> None:
    put(tmp_path, a_wav="sound", b_wav="sound", manifest_csv="uri\nhttps://example.org/x.mp3\na.wav\n")
    for name, seconds in (("a.wav", 1_000), ("b.wav", 2_000), ("manifest.csv", 3_000)):
        os.utime(tmp_path / DAY / name, (seconds, seconds))
    young = {recording.file: recording.modified_ns for recording in sources.recordings(str(tmp_path), DAY)}
    assert young == {
        "a.wav": 3_000_000_000_000,
        "b.wav": 2_000_000_000_000,
        "https://example.org/x.mp3": 3_000_000_000_000,
    }


def test_a_day_changes_when_a_list_names_or_describes_something_else(tmp_path: Path, sources: Sources) -> None:
    states = set()
    for manifest in ("uri,title\na.wav,A\n", "uri,title\na.wav,B\n", "uri,title\na.wav,B\nhttps://example.org/x,\n"):
        put(tmp_path, a_wav="sound", manifest_csv=manifest)
        os.utime(tmp_path / DAY / "a.wav", (1_000, 1_000))
        states.add(state_of(sources.recordings(str(tmp_path), DAY)))
    put(tmp_path, manifest_csv="uri,title\n\nhttps://example.org/x,\na.wav,B\n")
    assert len(states) == 3
    assert state_of(sources.recordings(str(tmp_path), DAY)) in states, "order and blank lines change nothing"


def test_a_manifests_missing_file_is_listed_and_not_found(tmp_path: Path, sources: Sources) -> None:
    put(tmp_path, manifest_csv="uri\nlate call.wav\n")
    (late,) = sources.recordings(str(tmp_path), DAY)
    assert late.uri == (tmp_path / DAY / "late call.wav").as_uri()
    with pytest.raises(FetchError, match=r"late call\.wav") as caught, sources.fetched(late):
        pass
    assert caught.value.reason is FetchReason.NOT_FOUND

    before = state_of([late])
    put(tmp_path, **{"late call_wav": "sound"})
    (arrived,) = sources.recordings(str(tmp_path), DAY)
    assert state_of([arrived]) != before
    with sources.fetched(arrived) as fetched:
        assert fetched.path.read_text() == "sound"


def test_an_unsupported_address_is_listed_and_fails_when_fetched(tmp_path: Path, sources: Sources) -> None:
    put(tmp_path, a_wav="sound", urls_txt="gopher://ada:pa55word@example.org/a.mp3\nhttps:///a.mp3\n")
    recordings = sources.recordings(str(tmp_path), DAY)
    assert [recording.uri for recording in recordings][1:] == ["gopher://example.org/a.mp3", "https:///a.mp3"]
    for recording in recordings[1:]:
        with pytest.raises(FetchError) as caught, sources.fetched(recording):
            pass
        assert caught.value.reason is FetchReason.UNSUPPORTED_ADDRESS
        assert "pa55word" not in str(caught.value)


def test_a_list_that_cannot_be_understood_holds_the_day_back(tmp_path: Path, sources: Sources) -> None:
    put(tmp_path, a_wav="sound", manifest_csv="uri\n../../etc/passwd\n")
    with pytest.raises(SourceError, match=rf"{DAY}/manifest\.csv, line 2: .*outside the folder"):
        sources.recordings(str(tmp_path), DAY)


def test_a_web_file_is_there_until_the_end_of_the_block(
    server: FailingServer, tmp_path: Path, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with sources.fetched(sources.find(server.url("/serve/a.mp3"))) as fetched:
        assert fetched.path.read_bytes() == PAYLOAD
        assert fetched.metadata.title == "a"
        assert fetched.path.is_relative_to(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_a_list_says_goes_before_what_the_server_says(
    server: FailingServer, tmp_path: Path, sources: Sources
) -> None:
    address = server.url("/serve/a.mp3")
    put(tmp_path, manifest_csv=f"uri,channel_name,uploaded_on\n{address},Ada,2026-11-01\n")
    (recording,) = sources.recordings(str(tmp_path), DAY)
    with sources.fetched(recording) as fetched:
        assert fetched.metadata == SourceMetadata("a", "Ada", date(2026, 11, 1))


def test_nothing_is_left_of_a_fetch_that_failed(
    server: FailingServer, tmp_path: Path, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with (
        pytest.raises(FetchError),
        sources.fetched(sources.find(server.url("/reset_mid_body/a.mp3"))),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "address",
    [
        "gopher://example.org/a",
        "ftp://example.org/a",
        "sftp://example.org/a",
        "smb://example.org/a",
        "zip://a",
        "local:///etc/passwd",
        "data://x",
        "snowflake://db.schema.stage/a.wav",
    ],
)
def test_an_address_of_another_kind_is_unsupported(sources: Sources, address: str) -> None:
    with pytest.raises(FetchError, match=r"snowflake://") as caught:
        sources.find(address)
    assert caught.value.reason is FetchReason.UNSUPPORTED_ADDRESS
    with pytest.raises(SourceError):
        sources.days(address)


def test_a_folder_of_an_object_store_is_listed_and_read_with_its_lists(sources: Sources) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    store = MemoryFileSystem()
    folder = f"/router-{os.getpid()}/{DAY}"
    store.pipe({f"{folder}/a.wav": b"sound", f"{folder}/manifest.csv": b"uri,title\na.wav,A\nb.wav,B\n"})
    try:
        assert sources.days(f"memory://router-{os.getpid()}") == [DAY]
        recordings = sources.recordings(f"memory://router-{os.getpid()}", DAY)
        assert [(recording.file, recording.metadata.title) for recording in recordings] == [
            ("a.wav", "A"),
            ("b.wav", "B"),
        ]
        with sources.fetched(recordings[0]) as fetched:
            assert fetched.path.read_bytes() == b"sound"
        with pytest.raises(FetchError) as caught, sources.fetched(recordings[1]):
            pass
        assert caught.value.reason is FetchReason.NOT_FOUND
    finally:
        store.rm(folder.rpartition("/")[0], recursive=True)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("https://www.youtube.com/watch?v=dQw4w9WgXcQ", "pages"),
        ("https://youtu.be/dQw4w9WgXcQ", "pages"),
        ("ytdlp+https://example.org/blog/post", "pages"),
        ("https://example.org/blog/post", "web servers"),
        ("https://example.org/a.mp3", "web servers"),
    ],
)
def test_only_known_video_sites_and_prefixed_addresses_are_pages(sources: Sources, address: str, kind: str) -> None:
    with pytest.raises(SourceError, match=f"cannot be listed, since {kind}"):
        sources.days(address)
