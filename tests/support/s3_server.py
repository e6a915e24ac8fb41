"""An S3 on 127.0.0.1: moto's, over a socket, with failures in front of it when objects are handed out."""

import logging
import threading
import uuid
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Final

import s3fs
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

_KEYS: Final = {"aws_access_key_id": "AKIATEST", "aws_secret_access_key": "s3cr3t"}
_REGION: Final = "us-east-1"
_ERRORS: Final = {
    "403": ("403 Forbidden", "AccessDenied"),
    "500": ("500 Internal Server Error", "InternalError"),
    "503": ("503 Slow Down", "SlowDown"),
}


class S3Server:
    """Listens from ``with`` to the end of the block; buckets live as long as the process, under names of their own."""

    def __init__(self) -> None:
        self.failures: list[str] = []
        """What the next requests for bytes do instead: ``403``, ``500``, ``503``, ``break`` or ``stall``."""
        self.handed_out: list[str] = []
        """The paths of all requests for an object's bytes."""
        self._stopping = threading.Event()
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __enter__(self) -> "S3Server":
        logging.getLogger("werkzeug").setLevel(logging.CRITICAL)  # a transfer that breaks off is meant to
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        s3fs.S3FileSystem.clear_instance_cache()  # they know this address, and are found again without it

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables under which every client finds this server and may use it."""
        return {
            **{name.upper(): value for name, value in _KEYS.items()},
            "AWS_DEFAULT_REGION": _REGION,
            "AWS_ENDPOINT_URL": self.url,
        }

    def bucket(self, objects: dict[str, bytes]) -> str:
        """Make a bucket of its own with these objects, and return its name."""
        import boto3

        name = f"calls-{uuid.uuid4().hex}"
        client = boto3.client("s3", endpoint_url=self.url, region_name=_REGION, **_KEYS)
        client.create_bucket(Bucket=name)
        for key, content in objects.items():
            client.put_object(Bucket=name, Key=key, Body=content)
        client.close()
        return name

    def _answer(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        path, query = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        if environ["REQUEST_METHOD"] != "GET" or path.count("/") < 2 or "list-type" in query:
            return self._moto(environ, start)
        self.handed_out.append(path)
        failure = self.failures.pop(0) if self.failures else ""
        if failure in _ERRORS:
            status, code = _ERRORS[failure]
            start(status, [("Content-Type", "application/xml")])
            return [f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()]
        body = b"".join(self._moto(environ, start))
        return self._part_of(body, failure) if failure else [body]

    def _part_of(self, body: bytes, failure: str) -> Iterator[bytes]:
        yield body[: len(body) // 3]
        if failure == "stall":
            self._stopping.wait(30.0)
        raise ConnectionAbortedError
