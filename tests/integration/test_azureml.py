"""The scoring script of Azure ML, served as its container serves it, answers as the REST service does."""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from support.proxy import free_port
from support.service import eventually

from emotion_pipeline.engine.emotion.model import SHIPPED
from emotion_pipeline.engine.emotion.predictor import EmotionPredictor


@contextmanager
def _served(repository: Path, folder: Path, model: Path, port: int) -> Iterator["subprocess.Popen[str]"]:
    """Run the command of ``deploy/azureml/Dockerfile`` with a registered model beside it, until the block ends."""
    instruction = (repository / "deploy/azureml/Dockerfile").read_text(encoding="utf-8").rpartition("\nCMD ")[2]
    [program, *arguments] = json.loads(instruction)
    assert program == "uvicorn"
    arguments[arguments.index("--app-dir") + 1] = str(repository / "deploy" / "azureml")
    arguments[arguments.index("--port") + 1] = str(port)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("EMOTION_")}
    environment |= {"REGISTERED_MODEL": str(model), "PYTHONPATH": str(repository)}
    command = [sys.executable, "-m", program, *arguments]
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture(scope="module")
def endpoint(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("azureml")
    shutil.copytree(SHIPPED, folder / "model" / "weights")
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with (
        _served(repository, folder, folder / "model", port) as process,
        httpx.Client(base_url=address, timeout=60, trust_env=False) as client,
    ):

        def is_alive() -> bool:
            assert process.poll() is None, process.stderr and process.stderr.read()
            try:
                return client.get("/").status_code == 200
            except httpx.HTTPError:
                return False

        eventually(is_alive, 180.0)
        yield client


def test_the_smoke_request_and_several_texts_are_answered(repository: Path, endpoint: httpx.Client) -> None:
    smoke = (repository / "deploy/azureml/smoke.json").read_text(encoding="utf-8")
    answer = endpoint.post("/score", content=smoke).json()
    [expected] = EmotionPredictor().predict(["Exciting news!"])
    assert answer["base"] == expected.base == "Happiness"
    assert answer["base_probability"] == pytest.approx(expected.base_probability, abs=1e-6)
    many = endpoint.post("/score", json={"texts": ["Exciting news!", "I am furious."]}).json()["results"]
    assert [result["base"] for result in many] == ["Happiness", "Anger"]


def test_a_recording_is_answered_with_its_segments(repository: Path, endpoint: httpx.Client) -> None:
    audio = (repository / "samples/2026-11-03/happy_voice_message.mp3").read_bytes()
    answer = endpoint.post("/score", json={"file": "happy.mp3", "audio": base64.b64encode(audio).decode()})
    assert answer.status_code == 200, answer.text
    assert answer.json()["file"] == "happy.mp3"
    assert answer.json()["segments"]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{", 400, "invalid_json"),
        (b"{}", 422, "invalid_request"),
        (b'{"url": "https://example.org/a.mp3"}', 422, "invalid_request"),
        (b'{"audio": "no base64"}', 422, "invalid_request"),
        (b'{"file": "../../a.wav", "audio": "UklGRg=="}', 422, "unreadable"),
    ],
)
def test_a_request_that_cannot_be_answered_says_why(
    endpoint: httpx.Client, content: bytes, status: int, code: str
) -> None:
    answer = endpoint.post("/score", content=content)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_another_registered_model_than_the_images_is_refused(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.safetensors").write_bytes(b"another")
    with _served(repository, tmp_path, tmp_path / "model", free_port()) as process:
        _, output = process.communicate(timeout=180)
    assert process.returncode != 0
    assert "is not the one in this image" in output
