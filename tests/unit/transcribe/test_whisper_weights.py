"""Names, paths and downloads of Whisper models."""

import hashlib
import os
import socket
from pathlib import Path

import pytest
from support.site import Site

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.transcribe.whisper.weights import (
    fetch,
    fetch_from_hub,
    hub_name,
    identity,
    local_path,
    published_name,
    unknown_name,
)

CONTENT = bytes(range(256)) * 1_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.parametrize(
    ("model", "published", "hub"),
    [
        ("base", "base", "openai/whisper-base"),
        ("tiny.en", "tiny.en", "openai/whisper-tiny.en"),
        ("openai/whisper-small", "small", "openai/whisper-small"),
        ("large", "large-v3", "openai/whisper-large-v3"),
        ("turbo", "large-v3-turbo", "openai/whisper-large-v3-turbo"),
        ("openai/whisper-large", "large-v1", "openai/whisper-large"),
        ("someone/whisper-of-theirs", None, "someone/whisper-of-theirs"),
        ("huge", None, None),
        ("a/b/c", None, None),
        ("./base", None, None),
        ("", None, None),
    ],
)
def test_a_model_has_one_name_however_it_is_written(model: str, published: str | None, hub: str | None) -> None:
    assert published_name(model) == published
    assert hub_name(model) == hub


def test_a_name_goes_before_a_folder_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("base", "ours", "models/whisper"):
        (tmp_path / name).mkdir(parents=True)
    assert local_path("base") is None
    assert local_path("./base") == Path("base")
    assert local_path("ours") == Path("ours")
    assert local_path("models/whisper") == Path("models/whisper")
    assert hub_name("models/whisper") is None
    assert local_path("models/other") is None


def test_a_path_to_nothing_is_an_error_that_names_it(tmp_path: Path) -> None:
    for missing in (str(tmp_path / "tiny.pt"), "./tiny", "tiny.pt"):
        with pytest.raises(BackendUnavailableError, match=r"there is no Whisper model at .*tiny.*WHISPER_MODEL"):
            local_path(missing)


def test_an_unknown_name_is_an_error_that_lists_those_that_exist() -> None:
    assert str(unknown_name("bsae", ["tiny", "base"])) == (
        "there is no Whisper model 'bsae', neither under that name nor as a path; the names are tiny, base; "
        "did you mean 'base'?"
    )


def test_the_identity_is_that_of_the_content(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"weights")
    other.write_bytes(b"weights")
    assert identity([one]) == identity([other]) == hashlib.sha256(b"weights").hexdigest()[:12]
    assert identity([one, other]) != identity([one])
    other.write_bytes(b"changed")
    os.utime(other, ns=(1, 1))
    assert identity([one]) != identity([other])


def test_a_download_is_there_when_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "new" / "tiny.pt"
    with Site() as site:
        site.answers["/tiny.pt"] = CONTENT
        fetch(site.address("/tiny.pt"), file, SHA256)
    assert file.read_bytes() == CONTENT
    assert list(file.parent.iterdir()) == [file]


def test_a_download_of_something_else_is_refused_and_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "tiny.pt"
    file.write_bytes(b"old")
    with Site() as site:
        site.answers["/tiny.pt"] = CONTENT[:-1]
        with pytest.raises(BackendUnavailableError, match=f"has another SHA-256 than {SHA256}"):
            fetch(site.address("/tiny.pt"), file, SHA256)
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_failed_download_says_what_to_put_where(tmp_path: Path) -> None:
    file = tmp_path / "tiny.pt"
    with Site() as site:
        address = site.address("/tiny.pt")
        with pytest.raises(BackendUnavailableError, match=r"404.*put that file at .*tiny\.pt.*WHISPER_MODEL"):
            fetch(address, file, SHA256)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(BackendUnavailableError, match=f"http://127.0.0.1:{port}/tiny.pt could not be fetched"):
        fetch(f"http://127.0.0.1:{port}/tiny.pt", file, SHA256)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_the_hub_does_not_give_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        BackendUnavailableError,
        match=r"nobody-at-all/no-whisper could not be fetched \(.+\); put model.bin, config.json of "
        r"https://huggingface.co/nobody-at-all/no-whisper into a folder and set WHISPER_MODEL to that folder",
    ):
        fetch_from_hub("nobody-at-all/no-whisper", tmp_path, ["model.bin", "config.json"])
