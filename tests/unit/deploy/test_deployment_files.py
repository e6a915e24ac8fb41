"""Images, compose file, workflows and alert rules: what their own linters and schemas say, and what they promise."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from prometheus_client.parser import text_string_to_metric_families

from deploy.lock import IMAGES
from emotion_pipeline.api.metrics import Metrics
from emotion_pipeline.config.settings import load_settings

ALERTS = "deploy/chart/files/alerts.yaml"
# Programs that no wheel carries, and what brings them.
OF_THE_SYSTEM = {"haproxy": "haproxy", "promtool": "prometheus"}


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _check(repository: Path, program: str, *arguments: str) -> None:
    """Run a program of the virtual environment, which has to be there, or of the system; skips where that is not."""
    found = shutil.which(program, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin")
    if found is None and program in OF_THE_SYSTEM:
        pytest.skip(f"{program} is not installed (Debian's package {OF_THE_SYSTEM[program]})")
    assert found is not None, f"{program} is not in the virtual environment; the extra dev has it"
    done = subprocess.run([found, *arguments], cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", ["deploy/Dockerfile", "deploy/azureml/Dockerfile"])
def test_hadolint_finds_nothing_in_the_images(repository: Path, path: str) -> None:
    _check(repository, "hadolint", path)


def test_actionlint_finds_nothing_in_the_workflows(repository: Path) -> None:
    _check(repository, "actionlint", *(str(path) for path in (repository / ".github/workflows").glob("*.yaml")))


def test_the_compose_file_fits_its_schema(repository: Path) -> None:
    _check(repository, "check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml")


def test_the_proxy_reads_its_configuration(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHBOARD_PASSWORD", "of the test")
    _check(repository, "haproxy", "-c", "-f", "deploy/proxy/haproxy.cfg")


def test_prometheus_reads_its_configuration_and_rules(repository: Path) -> None:
    _check(repository, "promtool", "check", "config", "--syntax-only", "deploy/prometheus/prometheus.yaml")
    _check(repository, "promtool", "check", "rules", ALERTS)


def test_alerts_fire_when_they_should_and_only_then(repository: Path) -> None:
    _check(repository, "promtool", "test", "rules", "tests/unit/deploy/alerts_test.yaml")


def _alerts(repository: Path) -> list[dict[str, Any]]:
    return [rule for group in _yaml(repository / ALERTS)["groups"] for rule in group["rules"]]


def test_every_alert_has_a_page_and_every_page_an_alert(repository: Path) -> None:
    pages = re.findall(r"^## (\w+)$", (repository / "docs" / "alerts.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert [alert["alert"] for alert in _alerts(repository)] == pages
    for alert in _alerts(repository):
        assert alert["annotations"]["runbook"] == f"docs/alerts.md#{alert['alert'].lower()}"


def test_alerts_ask_for_figures_that_exist(repository: Path) -> None:
    metrics = Metrics()
    metrics.oldest_queued_job_seconds.set(0)
    names = {family.name for family in text_string_to_metric_families(metrics.exposition().decode())}
    [collector] = _yaml(repository / "deploy/prometheus/pipeline.yaml")["collectors"]
    names |= {metric["metric_name"] for metric in collector["metrics"]}
    for alert in _alerts(repository):
        for name in re.findall(r"emotion_(?:api|pipeline)_\w+", alert["expr"]):
            assert re.sub(r"_(total|bucket)$", "", name) in names, alert["alert"]


def test_compose_has_no_default_for_a_secret(repository: Path) -> None:
    text = (repository / "compose.yaml").read_text(encoding="utf-8")
    for name, default in re.findall(r"\$\{(\w*(?:PASSWORD|SECRET)\w*)(.*?)\}", text):
        assert default.startswith(":?"), name
    example = (repository / "deploy/compose.env.example").read_text(encoding="utf-8")
    assert re.findall(r"^\w+=(?=\S)", example, re.MULTILINE) == []


def _environments(repository: Path) -> Iterator[tuple[str, dict[str, str]]]:
    for name, service in _yaml(repository / "compose.yaml")["services"].items():
        if isinstance(service.get("environment"), dict):
            yield name, service["environment"]
    for name in ("values.yaml", "values-aks.yaml"):
        values = _yaml(repository / "deploy/chart" / name)
        yield name, {**values["settings"], **values["api"].get("settings", {})}
    image = (repository / "deploy/Dockerfile").read_text(encoding="utf-8")
    yield "image", dict(re.findall(r"\b(EMOTION_\w+)=(\S+)", image))


def test_all_settings_of_a_deployment_exist(repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, environment in _environments(repository):
        with monkeypatch.context() as patch:
            for key, value in environment.items():
                secret = "x" * 40 if key == "EMOTION_JWT_SECRET" else str(value)
                patch.setenv(key, secret)
            assert load_settings(), name


def test_steps_of_the_workflows_only_call_make(repository: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (repository / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for path in (repository / ".github/workflows").glob("*.yaml"):
        for job in _yaml(path)["jobs"].values():
            for step in job.get("steps", []):
                command = step.get("run", "make check")
                if not command.startswith("sudo apt-get "):
                    assert re.fullmatch(r"make ([a-z-]+)( .*)?", command), command
                    assert command.split()[1] in targets


@pytest.mark.parametrize(
    "name", [*(f"{image}-{accelerator}" for image in IMAGES for accelerator in ("cpu", "cuda")), "build"]
)
def test_every_package_of_the_images_has_a_hash(repository: Path, name: str) -> None:
    text = (repository / "deploy/requirements" / f"{name}.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith(("#", "--"))]
    assert len(lines) > 5
    for line in lines:
        assert re.fullmatch(r"[\w.-]+==[\w.+!-]+ --hash=sha256:[0-9a-f]{64}", line), line


def _pins(path: Path) -> dict[str, str]:
    found = re.findall(r"^([\w.-]+)==([\w.!-]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


@pytest.mark.parametrize("image", IMAGES)
def test_the_images_hold_the_versions_that_the_tests_ran_with(repository: Path, image: str) -> None:
    constraints = _pins(repository / "constraints.txt")
    held = _pins(repository / "deploy/requirements" / f"{image}-cpu.txt")
    assert {name: version for name, version in held.items() if constraints.get(name, version) != version} == {}
    assert set(held) <= set(constraints) | {"setuptools", "wheel"}


@pytest.mark.parametrize("accelerator", ["cpu", "cuda"])
@pytest.mark.parametrize("image", IMAGES)
def test_an_image_holds_what_the_project_and_its_extras_ask_for(repository: Path, image: str, accelerator: str) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras, left_out, beside = IMAGES[image]
    further = [line for extra in extras.split(",") for line in project["optional-dependencies"][extra]]
    asked = {canonicalize_name(Requirement(line).name) for line in (*project["dependencies"], *further, *beside)}
    held = set(_pins(repository / "deploy/requirements" / f"{image}-{accelerator}.txt"))
    assert asked - left_out <= held
    assert held.isdisjoint(left_out)


def _imported(where: Path) -> set[str]:
    """The top-level packages that modules import anywhere, at their top or where they are first needed."""
    found: set[str] = set()
    for module in [where] if where.is_file() else where.rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names


@pytest.mark.parametrize(("image", "own"), [("api", ("api", "analyzer.py")), ("dashboard", ("report", "warehouse"))])
def test_an_image_holds_what_its_code_imports(repository: Path, image: str, own: tuple[str, ...]) -> None:
    package = repository / "emotion_pipeline"
    folders = [package / name for name in (*own, "engine", "config", "schema")]
    if image == "dashboard":
        folders.append(repository / "dashboard")
    modules = set[str]().union(*map(_imported, folders)) - {"emotion_pipeline", "dashboard"}
    held = set(_pins(repository / "deploy/requirements" / f"{image}-cpu.txt"))
    optional = tomllib.loads((repository / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    # What an extra brings that the image does not have, its users install.
    extras = set(optional) - set(IMAGES[image][0].split(","))
    of_users = {canonicalize_name(Requirement(line).name) for extra in extras for line in optional[extra]}
    carriers = packages_distributions()
    absent = {name for name in modules if not {canonicalize_name(each) for each in carriers[name]} & (held | of_users)}
    assert absent == set()


def test_nothing_gets_into_an_image_by_accident(repository: Path) -> None:
    lines = (repository / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert "**/.env*" in rules[rules.index("*") :]
    image = (repository / "deploy/Dockerfile").read_text(encoding="utf-8")
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", image, re.MULTILINE):
        assert {f"!{name}" for name in source.split()} <= set(rules)
