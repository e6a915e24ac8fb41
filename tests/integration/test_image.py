"""Each image, built by its Dockerfile's own instructions, started as its container would be: user, variables, command,
read-only file system. It needs root and a package index, and is skipped where there is none."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from support.image import BuildError, Image, blank_image
from support.proxy import free_port
from support.service import SECRET, eventually, token
from typer.testing import CliRunner

from deploy.image_size import BASE_MB
from emotion_pipeline.cli.app import app

# A gigabyte of packages is installed for each.
pytestmark = [pytest.mark.full, pytest.mark.timeout(1800)]

USER = 10_001


def _skip_without_index(requirements: Path) -> None:
    """Skip where an index of a target cannot be reached: pip would ask it five times for each of 280 packages."""
    for address in re.findall(r"^--extra-index-url (\S+)", requirements.read_text(encoding="utf-8"), re.MULTILINE):
        try:
            httpx.get(f"{address}/torch/", timeout=30).raise_for_status()
        except httpx.HTTPError as error:
            pytest.skip(f"the package index {address} cannot be reached: {error}")


@contextmanager
def _built(target: str, repository: Path, folder: Path) -> Iterator[Image]:
    _skip_without_index(repository / "deploy" / "requirements" / f"{target}-cpu.txt")
    try:
        with blank_image(repository, folder / "image") as image:
            image.build(target, repository)
            yield image
    except PermissionError as error:
        pytest.skip(f"mounts are not allowed here: {error}")
    except BuildError as error:
        if "No matching distribution found" in str(error):
            pytest.skip(f"there is no package index: {error}")
        raise


def _until(answers: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    def look() -> bool:
        assert process.poll() is None, "it has ended"
        return answers()

    eventually(look, 180.0)


def _ok(address: str) -> bool:
    try:
        return httpx.get(address, timeout=60).status_code == 200
    except httpx.HTTPError:
        return False


def test_the_image_of_the_service_is_small_and_passes_the_smoke_test(repository: Path, tmp_path: Path) -> None:
    port = free_port()
    with _built("api", repository, tmp_path) as image:
        assert image.megabytes("/opt/venv") + BASE_MB < 2500
        names = {part["name"] for part in json.loads(image.read("/opt/venv/sbom.cdx.json"))["components"]}
        assert {"emotion-pipeline", "fastapi", "torch"} <= names
        assert names.isdisjoint({"dagster", "streamlit", "pytest"})
        data = tmp_path / "data"
        with image.started("api", data, port, EMOTION_JWT_SECRET=SECRET, EMOTION_API__JOBS__WORKERS="1") as process:
            _until(lambda: _ok(f"http://127.0.0.1:{port}/ready"), process)
            assert image.healthy("api", port)
            assert psutil.Process(process.pid).uids().real == USER
            smoke = CliRunner().invoke(app, ["smoke", "--url", f"http://127.0.0.1:{port}", "--token", token()])
            assert smoke.exit_code == 0, smoke.output
        assert (data / "api" / "jobs.db").is_file()


def test_the_image_of_the_dashboard_draws_its_first_page(repository: Path, tmp_path: Path) -> None:
    port = free_port()
    with (
        _built("dashboard", repository, tmp_path) as image,
        image.started("dashboard", tmp_path / "data", port) as process,
    ):
        _until(lambda: image.healthy("dashboard", port), process)
        assert psutil.Process(process.pid).uids().real == USER
        page = httpx.get(f"http://127.0.0.1:{port}/dashboard/_stcore/script-health-check", timeout=120)
        assert (page.status_code, page.text) == (200, "ok")


def test_the_image_of_the_pipeline_serves_its_code_location(repository: Path, tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "data" / "dagster").mkdir(parents=True)
    with (
        _built("pipeline", repository, tmp_path) as image,
        image.started("pipeline", tmp_path / "data", port) as process,
    ):
        _until(lambda: image.healthy("pipeline", port), process)
        assert psutil.Process(process.pid).uids().real == USER
