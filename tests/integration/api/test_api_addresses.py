"""Addresses that clients name lead to no private machine, in whatever way they are written, nor after a redirect or
a change of what a name means."""

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.media import tone, wav
from support.service import RunningService, ended

# The one address of this machine that the service may reach: it plays the public server that an attacker has.
ALLOWED = "127.0.0.2"

# Stands for a name server that an attacker runs; every process of the service loads it when it starts.
_RESOLVER = """
import socket
_real, _asked = socket.getaddrinfo, []

def getaddrinfo(host, port, *rest, **options):
    if host == "rebinding.test":
        _asked.append(host)
        host = "127.0.0.2" if len(_asked) == 1 else "127.0.0.1"
    if host == "private.test":
        host = "10.0.0.1"
    return _real(host, port, *rest, **options)

socket.getaddrinfo = getaddrinfo
"""


class _Canary:
    """Notes every connection to a port of 127.0.0.1 and ::1."""

    def __init__(self) -> None:
        self.connections: list[str] = []
        first = socket.create_server(("127.0.0.1", 0))
        self.port = first.getsockname()[1]
        self._sockets = [first]
        if socket.has_ipv6:
            self._sockets.append(socket.create_server(("::1", self.port), family=socket.AF_INET6))
        for listening in self._sockets:
            threading.Thread(target=self._note, args=(listening,), daemon=True).start()

    def _note(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, address = listening.accept()
            except OSError:
                return
            self.connections.append(str(address))
            connection.close()

    def close(self) -> None:
        for listening in self._sockets:
            listening.close()


class _Attacker:
    """A server on the allowed address; it redirects to whatever a path names."""

    def __init__(self) -> None:
        self.targets: dict[str, str] = {}
        self.asked: list[str] = []
        attacker = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                attacker.asked.append(self.path)
                if self.path == "/a.wav":
                    body = wav(tone())
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                    return
                self.send_response(302)
                self.send_header("Location", attacker.targets[self.path])
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

        self._server = http.server.ThreadingHTTPServer((ALLOWED, 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.port = self._server.server_port

    def url(self, path: str, host: str = ALLOWED) -> str:
        return f"http://{host}:{self.port}{path}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def attacker() -> Iterator[_Attacker]:
    attacker = _Attacker()
    yield attacker
    attacker.close()


@pytest.fixture(scope="module")
def canary() -> Iterator[_Canary]:
    canary = _Canary()
    yield canary
    canary.close()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Iterator[RunningService]:
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "resolver").mkdir()
    (folder / "resolver" / "sitecustomize.py").write_text(_RESOLVER)
    variables = {
        "PYTHONPATH": f"{folder / 'resolver'}:{repository}",
        "EMOTION_SOURCES__ALLOWED_NETWORKS": f'["{ALLOWED}/32"]',
        "EMOTION_SOURCES__ATTEMPTS": "1",
        "EMOTION_SOURCES__TIMEOUT": "20",
    }
    with RunningService(folder, **variables) as running:
        yield running.wait_until_ready()


def _forms(port: int) -> list[str]:
    hosts = [
        "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0x7f.1", "017700000001",
        "0177.0.0.1", "0177.0.0x1", "127.000.000.001", "127.255.255.254", "0.0.0.0", "0", "localhost", "LOCALHOST",
        "localhost.", "127.0.0.1.", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
        "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1]", "[fe80::1%25lo]", "[fc00::1]",
        "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.169.254", "0xa9fea9fe", "2852039166",
        "[::ffff:a9fe:a9fe]", "[fd00:ec2::254]", "168.63.129.16", "192.0.0.192", "224.0.0.1", "255.255.255.255",
        "240.0.0.1", "198.18.0.1", "private.test", "example.org@127.0.0.1", "user:pw@127.0.0.1",
        "①②⑦.⓪.⓪.①", "127。0。0。1", "%31%32%37.0.0.1", "127.0.0.1%00.example.org", "127.0.0.1\\@example.org",
    ]  # fmt: skip
    return [f"http://{host}:{port}/a.wav" for host in hosts]


def _schemes(port: int, folder: Path) -> list[str]:
    return [
        f"file://{folder}/secret.wav", "file:///etc/passwd", "/etc/passwd", "../../etc/passwd", "//127.0.0.1/a.wav",
        f"ftp://127.0.0.1:{port}/a", f"gopher://127.0.0.1:{port}/_", f"dict://127.0.0.1:{port}/",
        "data:audio/wav;base64,UklGRg==",
        f"s3://bucket@127.0.0.1:{port}/a.wav", "gs://bucket/a.wav", "snowflake://@db.schema.stage/a.wav", "memory://a.wav",
        f"ytdlp+http://127.0.0.1:{port}/a", f"ytdlp+file://{folder}/secret.wav", f"ytdlp+ytdlp+http://127.0.0.1:{port}/",
        f"http:127.0.0.1:{port}/a", f"http:///127.0.0.1:{port}/a", "http://", "http://[::1", "http://a b/",
        "http://127.0.0.1:99999/",
        "javascript:alert(1)", "jar:http://127.0.0.1!/a", "simplecache::http://127.0.0.1/a.wav",
    ]  # fmt: skip


def _refused(client: httpx.Client, address: str) -> tuple[str, dict[str, Any]]:
    """What is said of an address: by a problem at once, or by its job."""
    answer = client.post("/v1/predict", json={"url": address})
    if answer.status_code == 202:
        job = ended(client, answer.json()["id"])
        assert job["status"] == "failed", (address, job)
        return job["failure"]["code"], job
    assert 400 <= answer.status_code < 500, (address, answer.text)
    return answer.json()["code"], answer.json()


def test_no_spelling_of_a_private_address_is_connected_to(
    guarded: RunningService, canary: _Canary, tmp_path: Path
) -> None:
    (tmp_path / "secret.wav").write_bytes(wav(tone()))
    forms = _forms(canary.port)
    assert len(forms) >= 40
    with guarded.client() as client:
        outcomes = {address: _refused(client, address) for address in [*forms, *_schemes(canary.port, tmp_path)]}
        allowed = {"blocked_address", "unsupported_address", "unreachable", "invalid_request"}
        assert {address: code for address, (code, _) in outcomes.items() if code not in allowed} == {}
        blocked = [address for address in forms if outcomes[address][0] == "blocked_address"]
        assert len(blocked) >= 40
        [private] = [job for address, (_, job) in outcomes.items() if "private.test" in address]
        assert "10.0.0.1" not in json.dumps(private)
    assert canary.connections == []


def test_no_redirect_leads_to_a_private_address(guarded: RunningService, attacker: _Attacker, canary: _Canary) -> None:
    targets = {
        "/direct": f"http://127.0.0.1:{canary.port}/",
        "/decimal": f"http://2130706433:{canary.port}/",
        "/mapped": f"http://[::ffff:127.0.0.1]:{canary.port}/",
        "/name": f"http://localhost:{canary.port}/",
        "/metadata": "http://169.254.169.254/latest/meta-data/",
        "/file": "file:///etc/passwd",
        "/chain1": "/chain2",
        "/chain2": attacker.url("/chain3"),
        "/chain3": f"http://127.1:{canary.port}/",
        "/circle": "/circle",
    }
    attacker.targets.update(targets)
    expected = {"/file": "unsupported_address", "/circle": "server_error"}
    with guarded.client() as client:
        for path in targets:
            code, _ = _refused(client, attacker.url(path))
            assert code == expected.get(path, "blocked_address"), path
        answer = client.post("/v1/predict", json={"url": attacker.url("/a.wav")})
        assert ended(client, answer.json()["id"])["status"] == "succeeded"  # the attacker itself could be reached
    assert canary.connections == []


def test_a_name_that_is_resolved_anew_leads_to_no_private_address(
    guarded: RunningService, attacker: _Attacker, canary: _Canary
) -> None:
    attacker.targets["/rebind"] = f"http://rebinding.test:{canary.port}/"
    with guarded.client() as client:
        code, _ = _refused(client, attacker.url("/rebind", "rebinding.test"))
    assert "/rebind" in attacker.asked  # the first meaning of the name was public
    assert code == "blocked_address"
    assert canary.connections == []
