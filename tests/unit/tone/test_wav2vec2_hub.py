"""Checkpoints that come from a hub: what is fetched, what is kept, and what is said where it does not work."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support.tiny_wav2vec2 import checkpoint, config_of, weights_of, write

from emotion_pipeline.engine.errors import BackendUnavailableError
from emotion_pipeline.engine.file_hash import sha256_of
from emotion_pipeline.engine.tone.checkpoint_files import find_checkpoint

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """Speaks what a hub speaks for single files of one repository, ``owner/voice``, at one commit."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.folder = folder
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    server: Hub  # pyright: ignore[reportIncompatibleVariableOverride] - what it is here

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        prefix = next(
            (f"/owner/voice/resolve/{name}/" for name in ("main", "v1", COMMIT) if f"/{name}/" in self.path), ""
        )
        file = self.server.folder / self.path.removeprefix(prefix)
        self.server.asked.append(f"{self.command} {file.name}")
        there = bool(prefix) and self.path.startswith(prefix) and file.is_file()
        body = file.read_bytes() if there else b""
        self.send_response(200 if there else 404)
        if there:
            self.send_header("ETag", f'"{sha256_of(file)}"')
        else:
            self.send_header("X-Error-Code", "EntryNotFound" if "/owner/voice/" in self.path else "RepoNotFound")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
        pass


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    (tmp_path / "hub").mkdir()
    server = Hub(tmp_path / "hub")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_files_of_a_revision_are_fetched_once(hub: Hub, tmp_path: Path) -> None:
    checkpoint(hub.folder)
    files = find_checkpoint("owner/voice", "v1", tmp_path / "cache", hub.url)
    assert (files.name, files.revision) == ("owner/voice", COMMIT[:12])
    assert files.sha256 == sha256_of(hub.folder / "model.safetensors")
    assert files.preprocessor is not None
    again = find_checkpoint("owner/voice", "v1", tmp_path / "cache", hub.url)
    assert again == files
    assert hub.asked.count("GET model.safetensors") == 1
    assert not any("pytorch_model.bin" in asked for asked in hub.asked)


def test_a_repository_with_a_pickle_only_and_no_preprocessor_is_taken(hub: Hub, tmp_path: Path) -> None:
    config = config_of()
    write(hub.folder, config, weights_of(config), pickled=True)
    (hub.folder / "preprocessor_config.json").unlink()
    files = find_checkpoint("owner/voice", cache=tmp_path / "cache", endpoint=hub.url)
    assert files.weights.name == "pytorch_model.bin"
    assert files.preprocessor is None


def test_a_repository_that_lacks_weights_or_does_not_exist_is_named(hub: Hub, tmp_path: Path) -> None:
    checkpoint(hub.folder)
    (hub.folder / "model.safetensors").unlink()
    for name in ("owner/voice", "owner/nobody"):
        with pytest.raises(
            BackendUnavailableError, match=rf"{name} could not be fetched.*set tone.model to that folder"
        ):
            find_checkpoint(name, cache=tmp_path / "cache", endpoint=hub.url)


def test_what_was_fetched_before_is_found_without_a_network(hub: Hub, tmp_path: Path) -> None:
    checkpoint(hub.folder)
    found = find_checkpoint("owner/voice", COMMIT, tmp_path / "cache", hub.url)
    asked = len(hub.asked)
    assert find_checkpoint("owner/voice", COMMIT, tmp_path / "cache", hub.url) == found
    assert len(hub.asked) == asked  # a commit never changes
