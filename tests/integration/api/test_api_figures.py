"""Figures and spans: what Prometheus reads, what the dashboard names, what a collector of traces is sent."""

import json
import re
from pathlib import Path

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families
from support.service import RunningService, eventually

NEEDS_A_GPU = {"emotion_api_gpu_memory_used_bytes", "emotion_api_gpu_utilization_ratio"}


def _samples(client: httpx.Client) -> dict[str, float]:
    families = text_string_to_metric_families(client.get("/metrics").text)
    totals: dict[str, float] = {}
    for family in families:
        for sample in family.samples:
            totals[sample.name] = totals.get(sample.name, 0.0) + sample.value
    return totals


def _names(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:emotion_api|process)_[a-z_]+", expression))


def test_figures_tell_what_was_done(client: httpx.Client, beep: bytes) -> None:
    before = _samples(client)
    assert client.post("/v1/predict", json={"texts": ["a", "b", "c"]}).status_code == 200
    assert client.post("/v1/predict", content=b"{").status_code == 415
    assert client.post("/v1/predict/audio", files={"file": ("a.wav", beep)}).status_code == 200
    after = _samples(client)

    def grew(name: str) -> float:
        return after[name] - before.get(name, 0.0)

    assert grew("emotion_api_requests_total") == 4  # with the first look at the figures
    assert grew("emotion_api_errors_total") == 1
    assert grew("emotion_api_batch_texts_sum") == 3
    assert grew("emotion_api_audio_seconds_total") == 1.0
    assert grew("emotion_api_jobs_total") == 1
    assert after["emotion_api_in_flight_requests"] == 1
    assert after["emotion_api_model_load_seconds"] > 0
    assert after["process_resident_memory_bytes"] > 10_000_000


def test_every_figure_that_the_dashboard_names_exists(client: httpx.Client, repository: Path) -> None:
    dashboard = json.loads((repository / "deploy" / "grafana" / "api.json").read_text())
    client.post("/v1/predict/audio", content=b"")
    text = client.get("/metrics").text
    exposed = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)) | set(re.findall(r"^(\w+)[ {]", text, re.MULTILINE))
    named = set().union(*(_names(target["expr"]) for panel in dashboard["panels"] for target in panel["targets"]))
    assert len(named) > 12
    assert named - exposed == set()
    assert named > NEEDS_A_GPU


def test_a_path_that_nobody_serves_makes_no_figure_of_its_own(client: httpx.Client) -> None:
    client.get("/v1/made-up-path-17")
    assert "made-up-path-17" not in client.get("/metrics").text


def test_spans_go_to_the_collector_and_say_no_text(configured: RunningService, traces: tuple[str, list[bytes]]) -> None:
    _, received = traces

    def spans() -> set[str]:
        exports = [ExportTraceServiceRequest.FromString(body).resource_spans for body in received]
        scopes = [scope for export in exports for part in export for scope in part.scope_spans]
        return {span.name for scope in scopes for span in scope.spans}

    with configured.client() as client:
        client.headers["Host"] = "api.example.org"
        assert client.get("/health").status_code == 200
        eventually(lambda: client.post("/v1/predict", json={"text": "the word xylograph"}).status_code == 200)
    eventually(lambda: "POST /v1/predict" in spans(), 20)
    assert not any("health" in name for name in spans())
    assert not any(b"xylograph" in body for body in received)
