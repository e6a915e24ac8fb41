"""``emotion-clf smoke`` against services that are broken: red, with the reason."""

from pathlib import Path

from support.service import RunningService, eventually, token
from typer.testing import CliRunner, Result

from emotion_pipeline.cli.app import app


def _smoke(url: str, given: str, timeout: str = "60") -> Result:
    return CliRunner().invoke(app, ["smoke", "--url", url, "--token", given, "--timeout", timeout])


def test_a_wrong_token_is_named(service: RunningService) -> None:
    done = _smoke(service.url, "none")
    assert done.exit_code == 1
    assert "ok      ready" in done.output
    assert "FAILED  text: /v1/predict answered 401, not 200: token_invalid: The token is not accepted" in done.output


def test_a_token_without_a_scope_is_named(service: RunningService) -> None:
    done = _smoke(service.url, token("alice", "predict", "jobs"))
    assert "FAILED  metrics: /metrics answered 403, not 200: scope_missing" in done.output
    assert done.output.count("FAILED") == 1


def test_a_service_without_its_models_is_named(tmp_path: Path) -> None:
    variables = {"EMOTION_TONE__BACKEND": "wav2vec2", "EMOTION_TONE__MODEL": str(tmp_path / "absent")}
    with RunningService(tmp_path, **variables) as running:
        eventually(lambda: running.events("worker_cannot_start"), 180.0)
        done = _smoke(running.url, token(), timeout="3")
    assert done.exit_code == 1
    assert "workers is starting" in done.output


def test_a_server_that_is_not_there_is_named() -> None:
    done = _smoke("http://127.0.0.1:9", token())
    assert done.exit_code == 1
    assert "FAILED  health: [Errno 111] Connection refused" in done.output
