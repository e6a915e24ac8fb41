"""A web site on 127.0.0.1 whose pages show audio and video: over a socket, its pages put there by the test."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


class MediaSite:
    """Listens from ``with`` to the end of the block; what lies at a path is what ``put`` put there."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._host = host
        self._files: dict[str, tuple[str, bytes]] = {}
        self.asked: list[str] = []
        """The paths of all requests, in order."""

    def __enter__(self) -> "MediaSite":
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site._answer(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Tests say what they want to know by assertions."""

        self._server = ThreadingHTTPServer((self._host, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url(self, path: str) -> str:
        return f"http://{self._host}:{self._server.server_address[1]}{path}"

    def put(self, path: str, body: str | bytes, media_type: str = "text/html; charset=utf-8") -> str:
        """Let ``body`` lie at ``path``; returns its address."""
        self._files[path] = (media_type, body.encode() if isinstance(body, str) else body)
        return self.url(path)

    def body(self, path: str) -> bytes:
        return self._files[path][1]

    def page(self, path: str, body: str, head: str = "<title>A talk</title>") -> str:
        """Let a page lie at ``path``; returns its address."""
        return self.put(path, f"<!DOCTYPE html><html><head>{head}</head><body>{body}</body></html>")

    def stream(self, path: str, segments: list[bytes], *, ended: bool = True) -> str:
        """Let an HTTP live stream (RFC 8216) of two-second segments lie at ``path``; returns its address."""
        lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:2", "#EXT-X-MEDIA-SEQUENCE:0"]
        for number, segment in enumerate(segments):
            self.put(f"{path}.{number}.ts", segment, "video/mp2t")
            lines += ["#EXTINF:2.0,", f"{path}.{number}.ts"]
        lines += ["#EXT-X-ENDLIST"] if ended else []
        return self.put(path, "\n".join([*lines, ""]), "application/vnd.apple.mpegurl")

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.partition("?")[0]
        self.asked.append(request.path)
        if path not in self._files:
            request.send_error(404)
            return
        media_type, body = self._files[path]
        request.send_response(200)
        request.send_header("Content-Type", media_type)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
