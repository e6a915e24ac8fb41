"""The Helm chart, rendered by Helm itself: its objects fit Kubernetes' schemas and hold together.

Dagster's own chart, which it depends on, cannot be had without its registry and is left out; ``test_deploy.py`` holds
its values to Dagster's classes.
"""

import re
import shutil
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import helm_python
import kubernetes_validate
import pytest
import yaml
from support.helm import laid_over

KUBERNETES = "1.37"
# Custom resources, which the schemas do not describe.
CUSTOM = {"ServiceMonitor", "PrometheusRule", "SecretProviderClass"}
EVERYTHING = {
    "ingress": {"enabled": True},
    "api": {"monitoring": {"enabled": True}, "autoscaling": {"requestsPerSecond": 5}},
}

Render = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def chart(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chart") / "emotion"
    shutil.copytree(repository / "deploy" / "chart", folder)
    description = yaml.safe_load((folder / "Chart.yaml").read_text(encoding="utf-8"))
    assert [dependency["name"] for dependency in description.pop("dependencies")] == ["dagster"]
    (folder / "Chart.yaml").write_text(yaml.safe_dump(description), encoding="utf-8")
    return folder


def _values(chart: Path, *parts: str | dict[str, Any]) -> dict[str, Any]:
    read = [
        yaml.safe_load((chart / part).read_text(encoding="utf-8")) if isinstance(part, str) else part for part in parts
    ]
    return reduce(laid_over, read, {})


@pytest.fixture(scope="module")
def render(chart: Path) -> Render:
    def rendered(*parts: str | dict[str, Any]) -> list[dict[str, Any]]:
        with helm_python.Chart.load(str(chart)) as loaded:
            files = loaded.render(_values(chart, *parts), name="emotion", namespace="emotion")
        return [document for text in files.values() for document in yaml.safe_load_all(text) if document]

    return rendered


def _one(objects: list[dict[str, Any]], kind: str, name: str | None = None) -> dict[str, Any]:
    of_kind = [resource for resource in objects if resource["kind"] == kind]
    [found] = [resource for resource in of_kind if name in {None, resource["metadata"]["name"]}]
    return found


def _pod(objects: list[dict[str, Any]], name: str = "emotion-api") -> dict[str, Any]:
    return _one(objects, "Deployment", name)["spec"]["template"]["spec"]


PARTS = ("emotion-api", "emotion-dashboard")


@pytest.mark.parametrize("parts", [(), (EVERYTHING,), ("values-aks.yaml", "values-gpu.yaml", EVERYTHING)])
def test_helm_finds_no_fault_and_every_object_fits_its_schema(
    chart: Path, render: Render, parts: tuple[str | dict[str, Any], ...]
) -> None:
    assert helm_python.lint(str(chart), _values(chart, *parts), strict=True)["errors"] == []
    objects = render(*parts)
    assert {"Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy"} <= {
        resource["kind"] for resource in objects
    }
    for resource in objects:
        if resource["kind"] not in CUSTOM:
            kubernetes_validate.validate(resource, KUBERNETES, strict=True)


@pytest.mark.parametrize("part", PARTS)
def test_everything_that_selects_pods_selects_those_of_its_part(render: Render, part: str) -> None:
    objects = render(EVERYTHING)
    labels = _one(objects, "Deployment", part)["spec"]["template"]["metadata"]["labels"]
    selectors = [
        _one(objects, "Deployment", part)["spec"]["selector"]["matchLabels"],
        _one(objects, "Service", part)["spec"]["selector"],
        _one(objects, "NetworkPolicy", part)["spec"]["podSelector"]["matchLabels"],
    ]
    assert labels["app.kubernetes.io/name"] == part
    assert all(selector.items() <= labels.items() for selector in selectors)


@pytest.mark.parametrize("part", PARTS)
def test_prometheus_asks_the_service_of_each_part(render: Render, part: str) -> None:
    objects = render(EVERYTHING)
    labels = _one(objects, "Service", part)["metadata"]["labels"]
    assert _one(objects, "ServiceMonitor", part)["spec"]["selector"]["matchLabels"] == labels


def test_disruptions_are_bounded_for_the_service(render: Render) -> None:
    objects = render(EVERYTHING)
    labels = _one(objects, "Deployment", "emotion-api")["spec"]["template"]["metadata"]["labels"]
    assert _one(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"].items() <= labels.items()


@pytest.mark.parametrize("part", PARTS)
def test_pods_run_without_rights_on_a_read_only_file_system(render: Render, part: str) -> None:
    pod = _pod(render(), part)
    [container] = pod["containers"]
    assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, 10_001)
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/data", "/tmp"}


def test_the_service_leaves_before_it_is_ended(render: Render) -> None:
    pod = _pod(render())
    [container] = pod["containers"]
    probe = container["readinessProbe"]
    leave = next(variable["value"] for variable in container["env"] if variable["name"] == "EMOTION_API__LEAVE_SECONDS")
    assert probe["periodSeconds"] * (probe["failureThreshold"] + 1) <= float(leave)
    assert pod["terminationGracePeriodSeconds"] > float(leave) + 12 + 6


def test_the_dashboard_is_reached_by_a_path_that_asks_who_comes(render: Render, repository: Path) -> None:
    objects = render(EVERYTHING)
    ingress = _one(objects, "Ingress", "emotion-dashboard")
    [path] = ingress["spec"]["rules"][0]["http"]["paths"]
    assert (path["path"], path["backend"]["service"]["name"]) == ("/dashboard", "emotion-dashboard")
    assert ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/auth-secret"] == "emotion-dashboard"
    assert "auth-secret" not in str(_one(objects, "Ingress", "emotion-api"))
    # The image serves below that path.
    image = (repository / "deploy/Dockerfile").read_text(encoding="utf-8")
    probes = _pod(objects, "emotion-dashboard")["containers"][0]["readinessProbe"]["httpGet"]
    assert '"--server.baseUrlPath", "dashboard"' in image
    assert probes["path"] == "/dashboard/_stcore/health"


def test_a_dashboard_that_anybody_could_read_is_refused(render: Render) -> None:
    with pytest.raises(helm_python.HelmError, match="authSecretName"):
        render(EVERYTHING, {"dashboard": {"authSecretName": ""}})
    single_sign_on = {"nginx.ingress.kubernetes.io/auth-url": "https://login.example.org/oauth2/auth"}
    assert render(EVERYTHING, {"dashboard": {"authSecretName": "", "ingressAnnotations": single_sign_on}})
    kinds = [resource["metadata"]["name"] for resource in render(EVERYTHING, {"dashboard": {"enabled": False}})]
    assert "emotion-dashboard" not in kinds


def test_a_gpu_brings_its_limit_and_its_nodes(render: Render) -> None:
    pod = _pod(render("values-gpu.yaml"))
    assert pod["containers"][0]["resources"]["limits"] == {"memory": "4Gi", "nvidia.com/gpu": 1}
    assert pod["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    assert "nodeSelector" not in _pod(render())


def test_rules_of_alerts_reach_the_cluster_as_they_are(render: Render, repository: Path) -> None:
    rules = yaml.safe_load((repository / "deploy/chart/files/alerts.yaml").read_text(encoding="utf-8"))
    assert _one(render(EVERYTHING), "PrometheusRule")["spec"] == rules


def test_several_pods_without_a_shared_folder_are_refused(render: Render) -> None:
    alone = {"storage": {"accessMode": "ReadWriteOnce"}}
    with pytest.raises(helm_python.HelmError, match="ReadWriteMany"):
        render(alone)
    assert render(alone, {"api": {"replicas": 1, "autoscaling": {"enabled": False}}})


@pytest.mark.parametrize(
    "wrong",
    [
        {"settings": {"EMOTION_JWT_SECRET": "in a config map"}},
        {"api": {"replica": 3}},
        {"api": {"image": {"digest": "latest"}}},
        {"dashboard": {"replicas": 2}},
        {"storage": {"size": "much"}},
    ],
)
def test_values_that_mean_nothing_are_refused(chart: Path, wrong: dict[str, Any]) -> None:
    with helm_python.Chart.load(str(chart)) as loaded, pytest.raises(helm_python.HelmValuesError):
        loaded.validate_schema(laid_over(loaded.values, wrong))


def _images(values: Any, path: str = "") -> dict[str, str]:
    """The last word of every image that values name, by its path as Helm writes it."""
    if isinstance(values, list):
        parts = [(f"{path}[{number}]", item) for number, item in enumerate(values)]
    elif isinstance(values, dict):
        parts = [(f"{path}.{key}".lstrip("."), item) for key, item in values.items()]
    else:
        return {}
    found = {at: item["repository"].rpartition("/")[2] for at, item in parts if at.endswith(".image")}
    return reduce(dict.__or__, (_images(item, at) for at, item in parts), found)


def test_a_release_puts_every_image_of_the_chart_into_the_cluster(chart: Path, repository: Path) -> None:
    makefile = (repository / "Makefile").read_text(encoding="utf-8")
    [deployed] = re.findall(r"^IMAGE_VALUES := (.+)$", makefile, re.MULTILINE)
    [built] = re.findall(r"^IMAGES := (.+)$", makefile, re.MULTILINE)
    images = dict(pair.split("=") for pair in deployed.split())
    assert images == _images(_values(chart, "values.yaml"))
    assert set(images.values()) == set(built.split())


def test_the_volume_that_runs_mount_is_the_one_that_the_chart_makes(chart: Path, render: Render) -> None:
    claim = _one(render(), "PersistentVolumeClaim")["metadata"]["name"]
    [deployment] = _values(chart, "values.yaml")["dagster"]["dagster-user-deployments"]["deployments"]
    assert [volume["persistentVolumeClaim"]["claimName"] for volume in deployment["volumes"]] == [claim]
    assert _one(render(), "ConfigMap")["metadata"]["name"] == deployment["envConfigMaps"][0]["name"]
