"""The dashboard as it is deployed: started by its image's command, behind the proxy, which asks who comes."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from support.proxy import PASSWORD, free_port, proxy
from support.service import eventually
from typer.testing import CliRunner, Result

from dashboard.serving import browser, browser_program, settle
from emotion_pipeline.cli.app import app

LOGIN = ("dashboard", PASSWORD)


@dataclass(frozen=True)
class Deployed:
    """Where the dashboard is behind the proxy, and where it is without it."""

    address: str
    direct: str

    def smoke(self, login: str, *, address: str | None = None) -> Result:
        arguments = ["smoke", "--url", "http://127.0.0.1:9", "--dashboard", address or self.address, "--login", login]
        return CliRunner().invoke(app, arguments)


@pytest.fixture(scope="module")
def deployed(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("deployed")
    port = free_port()
    stage = (repository / "deploy/Dockerfile").read_text(encoding="utf-8").partition("AS dashboard\n")[2]
    [program, *arguments] = json.loads(stage.rpartition("\nCMD ")[2].replace("\\\n", " "))
    assert (program, arguments[-2:]) == ("streamlit", ["--server.port", "8501"])
    arguments[1] = str(repository / "dashboard" / "app.py")
    environment = os.environ | dict(re.findall(r"(STREAMLIT_\w+)=(\S+)", stage)) | {"PYTHONPATH": str(repository)}
    with subprocess.Popen(
        [sys.executable, "-m", program, *arguments[:-1], str(port)], env=environment, cwd=folder
    ) as server:
        try:
            direct = f"http://127.0.0.1:{port}/dashboard"
            with proxy(folder, [], dashboard=port) as address:
                eventually(lambda: _status(f"{address}/dashboard/_stcore/health") == 200)
                yield Deployed(f"{address}/dashboard", direct)
        finally:
            server.kill()


def _status(address: str) -> int:
    return httpx.get(address, auth=LOGIN).status_code


def test_only_who_knows_the_password_gets_in(deployed: Deployed) -> None:
    for path in ("", "/", "/calls", "/_stcore/health", "/_stcore/stream", "/media/a.flac"):
        assert httpx.get(f"{deployed.address}{path}").status_code == 401, path
        assert httpx.get(f"{deployed.address}{path}", auth=("dashboard", "wrong")).status_code == 401, path
    assert _status(f"{deployed.address}/") == 200


@pytest.mark.skipif(browser_program() is None, reason="there is no Chromium: apt-get install chromium")
def test_a_browser_sees_its_pages_through_the_proxy(deployed: Deployed) -> None:
    with browser() as chromium:
        context = chromium.new_context(http_credentials={"username": LOGIN[0], "password": LOGIN[1]})
        page = context.new_page()
        page.goto(f"{deployed.address}/calls", timeout=120_000)
        settle(page)
        assert page.locator("h1").first.inner_text() == "Calls"
        # Nothing has been analysed in this folder, which a page says in its own words.
        assert "marts" in page.get_by_test_id("stMain").inner_text()


def test_prometheus_is_told_figures_where_it_is_told_to_look(deployed: Deployed, repository: Path) -> None:
    jobs = yaml.safe_load((repository / "deploy/prometheus/prometheus.yaml").read_text("utf-8"))["scrape_configs"]
    [path] = [job["metrics_path"] for job in jobs if job["job_name"] == "emotion-dashboard"]
    answer = httpx.get(deployed.direct.removesuffix("/dashboard") + path)
    assert answer.status_code == 200
    assert list(text_string_to_metric_families(answer.text))


def test_the_smoke_test_says_whether_the_dashboard_is_well(deployed: Deployed) -> None:
    assert "ok      dashboard: asks for a login" in deployed.smoke(":".join(LOGIN)).output
    wrong = deployed.smoke("dashboard:wrong")
    assert wrong.exit_code == 1
    assert re.search(r"FAILED  dashboard: \S+/script-health-check answered 401", wrong.output)


def test_the_smoke_test_notices_a_dashboard_that_anybody_may_read(deployed: Deployed) -> None:
    output = deployed.smoke(":".join(LOGIN), address=deployed.direct).output
    assert "answered 200 to somebody without a login" in output.replace("\n", " ")
