"""The load that people can put on the service with Locust, in a short form: nothing of it fails."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.service import RunningService, token


@pytest.mark.full
def test_a_mixed_load_is_answered_without_a_failure(service: RunningService, repository: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable, "-m", "locust", "--locustfile", str(repository / "tests" / "load_test.py"), "--headless",
            "--host", service.url, "--users", "8", "--spawn-rate", "8", "--run-time", "4s", "--json",
        ],
        cwd=tmp_path, env={**os.environ, "EMOTION_TOKEN": token("load")},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    requests = {(entry["method"], entry["name"]): entry for entry in json.loads(done.stdout)}
    assert requests["POST", "/v1/predict"]["num_requests"] > 0
    assert sum(entry["num_failures"] for entry in requests.values()) == 0
