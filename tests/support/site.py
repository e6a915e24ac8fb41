"""A web server on this machine that serves what a test puts there and notes what it is asked for.

Servers that fail on purpose, below the level of HTTP, are ``failing_server``'s.
"""

import http.server
import threading
from types import TracebackType
from typing import Self


class Site:
    """A web server whose answers a test sets by path: bytes, or a status. It notes what it is asked for."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes | int] = {}
        self.requests: list[str] = []
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.requests.append(self.path)
                answer = site.answers.get(self.path.partition("?")[0], 404)
                self.send_response(answer if isinstance(answer, int) else 200)
                self.send_header("Content-Type", "audio/wav")
                self.send_header("Content-Length", str(0 if isinstance(answer, int) else len(answer)))
                self.end_headers()
                if isinstance(answer, bytes):
                    self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
