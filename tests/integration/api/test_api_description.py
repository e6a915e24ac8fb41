"""The OpenAPI description is kept: whatever Schemathesis makes of it, no answer fails or differs from it."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from support.service import RunningService, token

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.full
def test_generated_requests_are_answered_as_described(service: RunningService, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "--no-color", "run", f"{service.url}/openapi.json",
            "--header", f"Authorization: Bearer {token('schemathesis')}",
            "--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", "15", "--seed", "7",
        ],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6_000:]
    assert httpx.get(f"{service.url}/ready").status_code == 200


def test_addresses_are_described_with_and_without_their_version(service: RunningService) -> None:
    paths = httpx.get(f"{service.url}/openapi.json").json()["paths"]
    unversioned = {path for path in paths if not path.startswith("/v1")}
    assert unversioned == {"/predict", "/predict/audio", "/jobs/{job_id}", "/health", "/ready", "/metrics"}
    assert {f"/v1{path}" for path in unversioned} == set(paths) - unversioned
