"""HAProxy in front of servers on this machine, with the configuration that is deployed."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

_CONFIGURATION = Path(__file__).resolve().parents[2] / "deploy" / "proxy" / "haproxy.cfg"
_STARTS_WITHIN_S = 10.0
PASSWORD = "of the dashboard"


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@contextmanager
def proxy(folder: Path, ports: Sequence[int], dashboard: int | None = None) -> Iterator[str]:
    """Listen until the block ends, before servers and a dashboard on their ports; gives the address.

    Skips where HAProxy is not installed.
    """
    program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    if program is None:
        pytest.skip("haproxy is not installed (Debian's package of that name)")
    port = free_port()
    text = _CONFIGURATION.read_text(encoding="utf-8")
    text, binds = re.subn(r"bind :8080", f"bind 127.0.0.1:{port}", text)
    servers = "\n".join(f"    server api{number} 127.0.0.1:{port}" for number, port in enumerate(ports))
    text, templates = re.subn(r" *server-template .*", servers, text)
    text, dashboards = re.subn(r"dashboard:8501 (.*) resolvers docker", rf"127.0.0.1:{dashboard or 9} \1", text)
    assert (binds, templates, dashboards) == (1, 2, 1)
    (folder / "haproxy.cfg").write_text(text, encoding="utf-8")
    with (folder / "haproxy.log").open("w") as log:
        process = subprocess.Popen(
            [program, "-db", "-f", str(folder / "haproxy.cfg")],
            env=os.environ | {"DASHBOARD_PASSWORD": PASSWORD},
            stdout=log,
            stderr=log,
        )
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    with socket.socket() as probe:
        while probe.connect_ex(("127.0.0.1", port)):
            assert time.monotonic() < deadline, "haproxy did not start"
            time.sleep(0.05)
