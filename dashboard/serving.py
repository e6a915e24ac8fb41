"""Running the dashboard or the Dagster UI for a while, and a browser to look at it: what tests and pictures need."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

APP: Final = Path(__file__).with_name("app.py")
CODE_LOCATION: Final = "emotion_pipeline.definitions"
_STARTS_WITHIN_S: Final = 120.0


def browser_program() -> str | None:
    """Return the path of Chromium where the system has one; on Debian: ``apt-get install chromium``."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def serving(environment: Mapping[str, str]) -> Iterator[str]:
    """Run the dashboard under more environment variables, and give its address.

    Raises RuntimeError, with what it printed, where it does not start.
    """
    command = [sys.executable, "-m", "streamlit", "run", str(APP), "--server.address", "127.0.0.1", "--server.port"]
    # Asked politely to end, it would wait for browsers to close their connections.
    with _running(command, {**os.environ, **environment}, "_stcore/health", signal.SIGKILL) as address:
        yield address


@contextmanager
def serving_dagster(environment: Mapping[str, str]) -> Iterator[str]:
    """Run the Dagster UI with this environment and no other, on the instance that it names; see ``serving``."""
    webserver = Path(sys.executable).with_name("dagster-webserver")
    command = [str(webserver), "--module-name", CODE_LOCATION, "--host", "127.0.0.1", "--port"]
    # Killed, it would leave the process behind that has loaded the code location.
    with _running(command, environment, "server_info", signal.SIGTERM) as address:
        yield address


@contextmanager
def _running(command: Sequence[str], environment: Mapping[str, str], health: str, end: signal.Signals) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    variables = {**environment, "PYTHONPATH": str(APP.parents[1])}
    # Into a file: a pipe that nobody reads would fill up, and who prints into it would wait.
    with (
        tempfile.TemporaryFile("w+") as printed,
        subprocess.Popen(
            [*command, str(port)], env=variables, cwd=APP.parents[1], stdout=printed, stderr=printed
        ) as server,
    ):
        try:
            if not _answers(server, f"{address}/{health}"):
                server.kill()
                printed.seek(0)
                raise RuntimeError(f"{command[0]} does not start: {printed.read()}")
            yield address
        finally:
            server.send_signal(end)


def _answers(server: "subprocess.Popen[bytes]", health: str) -> bool:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            httpx.get(health).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return True
    return False


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
