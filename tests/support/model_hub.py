"""A model hub on this machine: what Hugging Face's client is told about the files of one repository."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from emotion_pipeline.engine.common.hashing import sha256_of

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


@contextmanager
def serving(folder: Path) -> Iterator[Hub]:
    """Serve the files of ``folder`` as those of ``owner/voice``."""
    folder.mkdir(exist_ok=True)
    server = Hub(folder)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
