"""A plain folder as the place for copies."""

from pathlib import Path

import pytest

from emotion_pipeline.engine.audio.store import FolderAudioStore


def test_a_copy_is_kept_under_the_name_of_its_recording(tmp_path: Path) -> None:
    store = FolderAudioStore(tmp_path)
    name = store.audio_uri("abc")
    assert not store.has_audio(name)
    with store.audio_draft(name) as draft:
        draft.write_bytes(b"audio")
        assert not store.has_audio(name)
    assert store.has_audio(name)
    with store.audio_file(name) as path:
        assert path.read_bytes() == b"audio"
    assert list(tmp_path.iterdir()) == [tmp_path / "abc.flac"]


def test_a_draft_that_fails_is_not_kept(tmp_path: Path) -> None:
    store = FolderAudioStore(tmp_path)
    with pytest.raises(ConnectionError), store.audio_draft("a.flac") as draft:
        draft.write_bytes(b"half")
        raise ConnectionError
    assert not store.has_audio("a.flac")
    assert list(tmp_path.iterdir()) == []


def test_a_draft_that_nobody_wrote_is_not_kept(tmp_path: Path) -> None:
    store = FolderAudioStore(tmp_path)
    with store.audio_draft("a.flac"):
        pass
    assert not store.has_audio("a.flac")


def test_a_failed_draft_leaves_the_older_copy(tmp_path: Path) -> None:
    store = FolderAudioStore(tmp_path)
    (tmp_path / "a.flac").write_bytes(b"older")
    with pytest.raises(ConnectionError), store.audio_draft("a.flac") as draft:
        draft.write_bytes(b"half")
        raise ConnectionError
    assert (tmp_path / "a.flac").read_bytes() == b"older"
