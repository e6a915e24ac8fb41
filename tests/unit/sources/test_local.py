"""Which files of a folder are recordings of which day, and how they are read where they lie."""

import os
from pathlib import Path

import pytest

from emotion_pipeline.engine.sources.fetch_errors import FetchError, FetchReason, SourceError
from emotion_pipeline.engine.sources.local import (
    LocalSource,
    dated_folders,
    found_recording,
    recordings_below,
    state_of,
)


def _put(root: Path, *names: str, content: bytes = b"sound") -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def test_only_folders_that_are_named_like_a_day_are_days(tmp_path: Path) -> None:
    for name in ("2026-11-03", "2026-11-02", "2026-02-30", "20261102", "2026-W45-1", "archive", ".2026-11-04"):
        (tmp_path / name).mkdir()
    _put(tmp_path, "2026-11-05")
    assert dated_folders(tmp_path) == ["2026-11-02", "2026-11-03"]


def test_a_missing_root_is_an_error_that_names_it_not_an_empty_list(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere.*check sources\.root"):
        dated_folders(tmp_path / "nowhere")


def test_recordings_are_found_at_any_depth_and_named_from_the_day_on(tmp_path: Path) -> None:
    _put(tmp_path, "2026-11-02/b.wav", "2026-11-02/team/calls/a.mp3", "2026-11-03/other.wav")
    recordings = LocalSource().recordings(str(tmp_path), "2026-11-02")
    assert [recording.file for recording in recordings] == ["b.wav", "team/calls/a.mp3"]
    assert all(
        Path(recording.address).is_absolute() and Path(recording.address).read_bytes() == b"sound"
        for recording in recordings
    )
    assert [recording.uri for recording in recordings] == [Path(recording.address).as_uri() for recording in recordings]
    assert [recording.size_bytes for recording in recordings] == [5, 5]


@pytest.mark.parametrize(
    "name",
    [
        ".DS_Store",
        ".cache/a.wav",
        "a.wav.part",
        "a.mp3.crdownload",
        "a.TMP",
        "a.ytdl",
        "notes.txt",
        "README.md",
        "a.srt",
        "urls.txt",
        "manifest.csv",
    ],
)
def test_what_is_hidden_unfinished_or_lies_beside_recordings_is_none(tmp_path: Path, name: str) -> None:
    _put(tmp_path, name, "call.wav")
    assert [recording.file for recording in recordings_below(tmp_path)] == ["call.wav"]


@pytest.mark.parametrize("name", ["call", "call.xyz", "call.WAV", "Überraschung nº 1.ogg", "film.mp4"])
def test_any_other_file_is_a_recording_whatever_its_name(tmp_path: Path, name: str) -> None:
    assert [recording.file for recording in recordings_below(_put(tmp_path, name))] == [name]


def test_a_hidden_folder_above_the_root_hides_nothing(tmp_path: Path) -> None:
    root = _put(tmp_path / ".local" / "recordings", "2026-11-02/call.wav")
    assert [recording.file for recording in LocalSource().recordings(str(root), "2026-11-02")] == ["call.wav"]


def test_a_day_without_a_folder_has_no_recordings(tmp_path: Path) -> None:
    assert LocalSource().recordings(str(tmp_path), "2026-11-02") == []


def test_a_folder_or_file_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nowhere is no folder"):
        recordings_below(tmp_path / "nowhere")
    with pytest.raises(SourceError, match=r"nothing\.wav is no file"):
        found_recording(tmp_path / "nothing.wav")


def test_a_days_state_changes_only_with_names_sizes_and_times(tmp_path: Path) -> None:
    _put(tmp_path, "a.wav", "b.wav")
    state = state_of(recordings_below(tmp_path))
    assert state_of(recordings_below(tmp_path)) == state

    _put(tmp_path, "notes.txt")
    assert state_of(recordings_below(tmp_path)) == state, "what is no recording changes nothing"

    modified = (tmp_path / "a.wav").stat().st_mtime_ns
    os.utime(tmp_path / "a.wav", ns=(modified, modified + 1_000_000_000))
    touched = state_of(recordings_below(tmp_path))
    (tmp_path / "a.wav").rename(tmp_path / "c.wav")
    renamed = state_of(recordings_below(tmp_path))
    _put(tmp_path, "d.wav")
    added = state_of(recordings_below(tmp_path))
    assert len({state, touched, renamed, added}) == 4


def test_bytes_of_a_name_that_are_not_utf_8_are_escaped(tmp_path: Path) -> None:
    (recording,) = recordings_below(_put(tmp_path, os.fsdecode(b"caf\xe9.wav")))
    assert recording.file == "caf\\xe9.wav"
    assert Path(recording.address).read_bytes() == b"sound"
    assert LocalSource().find(recording.uri).address == recording.address


def test_a_root_may_be_a_path_or_a_file_address(tmp_path: Path) -> None:
    root = _put(tmp_path / "all calls #1", "2026-11-02/call 1.wav")
    source = LocalSource()
    for written in (str(root), root.as_uri(), root.as_uri().replace("file:///", "file://localhost/")):
        assert source.days(written) == ["2026-11-02"]
        (recording,) = source.recordings(written, "2026-11-02")
        assert (recording.file, recording.address) == ("call 1.wav", str(root / "2026-11-02" / "call 1.wav"))


def test_a_file_address_of_another_machine_is_refused() -> None:
    with pytest.raises(SourceError, match="names another machine"):
        LocalSource().days("file://nas/calls")


def test_a_file_is_read_where_it_lies(tmp_path: Path) -> None:
    _put(tmp_path, "call.wav")
    (tmp_path / "elsewhere").mkdir()
    source = LocalSource()
    recording = source.find((tmp_path / "call.wav").as_uri())
    assert source.fetch(recording, tmp_path / "elsewhere").path == tmp_path / "call.wav"
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_that_is_not_there_or_no_longer_is_not_found(tmp_path: Path) -> None:
    source = LocalSource()
    with pytest.raises(FetchError) as caught:
        source.find(str(tmp_path / "call.wav"))
    assert caught.value.reason is FetchReason.NOT_FOUND

    recording = source.find(str(_put(tmp_path, "call.wav") / "call.wav"))
    (tmp_path / "call.wav").unlink()
    with pytest.raises(FetchError, match="put it back") as caught:
        source.fetch(recording, tmp_path)
    assert caught.value.reason is FetchReason.NOT_FOUND


def test_a_text_file_is_read_with_its_age_and_without_a_byte_order_mark(tmp_path: Path) -> None:
    _put(tmp_path, "2026-11-02/urls.txt", content="\ufeffhttps://example.org/Größe.mp3\n".encode())
    source = LocalSource()
    text = source.read_text(str(tmp_path), "2026-11-02", "urls.txt")
    assert text is not None
    assert text.text == "https://example.org/Größe.mp3\n"
    assert text.modified_ns == (tmp_path / "2026-11-02" / "urls.txt").stat().st_mtime_ns
    assert source.read_text(str(tmp_path), "2026-11-02", "manifest.csv") is None
    assert source.read_text(str(tmp_path), "2026-11-03", "urls.txt") is None


def test_a_text_that_is_no_utf_8_is_an_error_that_names_it(tmp_path: Path) -> None:
    _put(tmp_path, "2026-11-02/manifest.csv", content="uri,title\na.wav,Größe\n".encode("latin-1"))
    with pytest.raises(SourceError, match=r"manifest\.csv is not UTF-8"):
        LocalSource().read_text(str(tmp_path), "2026-11-02", "manifest.csv")
