"""Running the dashboard for a while, and a browser to look at it: what its tests and its pictures need."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

APP: Final = Path(__file__).with_name("app.py")
_STARTS_WITHIN_S: Final = 60.0


def browser_program() -> str | None:
    """Return the path of Chromium where the system has one; on Debian: ``apt-get install chromium``."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def serving(environment: Mapping[str, str]) -> Iterator[str]:
    """Run the dashboard under more environment variables, and give its address.

    Raises RuntimeError, with what it printed, where it does not start.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "streamlit", "run", str(APP), "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1"]
    variables = {**os.environ, **environment, "PYTHONPATH": str(APP.parents[1])}
    with subprocess.Popen(
        command, env=variables, cwd=APP.parents[1], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        try:
            _wait(server, address)
            yield address
        finally:
            server.kill()  # asked politely, it would wait for browsers to close their connections


def _wait(server: "subprocess.Popen[str]", address: str) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            httpx.get(f"{address}/_stcore/health").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    server.kill()
    raise RuntimeError(f"the dashboard does not start: {server.stdout.read() if server.stdout else ''}")


@contextmanager
def browser() -> Iterator["Browser"]:
    """Give a Chromium without a window. Raises RuntimeError where the system has none."""
    from playwright.sync_api import sync_playwright

    program = browser_program()
    if program is None:
        raise RuntimeError("there is no Chromium; install it: apt-get install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def settle(page: "Page") -> None:
    """Wait until the page has drawn all that it is going to draw."""
    page.get_by_test_id("stMain").wait_for()
    page.locator("h1").first.wait_for()
    page.wait_for_function(
        "() => { const app = document.querySelector('[data-testid=stApp]');"
        " return app.dataset.testScriptState === 'notRunning'"
        " && !document.querySelector('[data-stale=true], [data-testid=stSkeleton]'); }"
    )
