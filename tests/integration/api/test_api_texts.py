"""Texts over HTTP: the same numbers as everywhere else, shared forward passes, and a problem for whatever is wrong."""

import gzip
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from support.pipeline import Pipeline
from support.service import RunningService, eventually, problem
from typer.testing import CliRunner

from emotion_clf import EmotionPredictor
from emotion_pipeline.cli.app import app
from emotion_pipeline.engine.emotion.taxonomy import BASE_EMOTIONS
from emotion_pipeline.engine.stages.tables import SEGMENTS

DAY = "2026-11-02"

TEXTS = ["Exciting news!", "I am furious with you.", "", "Das ist ein deutscher Satz über nichts.", "ok \U0001f600"]


def _numbers(result: dict[str, Any]) -> dict[str, float]:
    return {**result["label_scores"], **result["base_probabilities"], "base": result["base_probability"]}


def _from_the_command_line(texts: list[str]) -> list[dict[str, Any]]:
    arguments = [word for text in texts for word in ("--text", text)]
    done = CliRunner().invoke(app, ["predict", "--json", *arguments])
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def _from_the_pipeline(texts: list[str], folder: Path) -> list[dict[str, Any]]:
    """What the pipeline's tables hold of segments with these words."""
    pipeline = Pipeline(folder)
    segments = pd.DataFrame(
        {
            "recording_date": date.fromisoformat(DAY), "recording_id": "a" * 64, "file": "call.flac",
            "segment_id": [f"segment-{number}" for number in range(len(texts))],
            "segment_index": range(len(texts)), "audio_uri": "call.flac", "recording_seconds": 60.0, "language": "en",
            "speaker": "speaker_1", "channel": None, "start_seconds": [float(number) for number in range(len(texts))],
            "end_seconds": [number + 0.5 for number in range(len(texts))], "text": texts,
            "word_count": [len(text.split()) for text in texts], "mean_word_probability": 0.9,
            "speaker_confidence": None,
            "model_fingerprint": "a test",
        }
    )  # fmt: skip
    pipeline.lake.path(SEGMENTS, DAY).parent.mkdir(parents=True)
    pipeline.overwrite(SEGMENTS, DAY, segments)
    assert pipeline.run(DAY, ["linguistic_features", "emotion_labels", "sentiment_scores"]).success
    rows = pipeline.rows("emotion_labels", DAY).merge(pipeline.rows("sentiment_scores", DAY), on="segment_id")
    return [
        {
            "label_scores": {score["label"]: score["probability"] for score in row["label_scores"]},
            "base_probabilities": {base: row[f"probability_{base.lower()}"] for base in BASE_EMOTIONS},
            "base_probability": row["base_probability"],
            "labels": list(row["labels"]),
            "sentiment_score": row["sentiment_score"],
        }
        for row in rows.sort_values("segment_id").to_dict("records")
    ]


def test_command_line_python_rest_and_pipeline_give_the_same_numbers(
    client: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # away from a config.yaml
    by_rest = client.post("/v1/predict", json={"texts": TEXTS}).json()["results"]
    by_command = _from_the_command_line(TEXTS)
    by_python = [emotion.to_dict() for emotion in EmotionPredictor().predict(TEXTS)]
    for rest, command, python in zip(by_rest, by_command, by_python, strict=True):
        assert _numbers(rest) == pytest.approx(_numbers(command), abs=1e-6)
        assert _numbers(rest) == pytest.approx(_numbers(python), abs=1e-6)
        assert rest["sentiment_score"] == pytest.approx(command["sentiment_score"], abs=1e-6)
        assert rest["labels"] == command["labels"] == list(python["labels"])
        assert list(rest) == list(command)
    spoken = [text for text in TEXTS if text]  # a segment has at least one word
    by_rest = client.post("/v1/predict", json={"texts": spoken}).json()["results"]
    for rest, stored in zip(by_rest, _from_the_pipeline(spoken, tmp_path), strict=True):
        assert _numbers(rest) == pytest.approx(_numbers(stored), abs=1e-6)
        assert rest["sentiment_score"] == pytest.approx(stored["sentiment_score"], abs=1e-6)
        assert rest["labels"] == stored["labels"]


def test_one_text_is_answered_with_its_result_and_where_the_client_stands(client: httpx.Client) -> None:
    for path in ("/predict", "/v1/predict"):
        answer = client.post(path, json={"text": "Exciting news!"})
        assert answer.status_code == 200
        assert answer.json()["base"] == "Happiness"
        assert answer.headers["ratelimit-policy"] == '"requests";q=1000000;w=60'
        assert answer.headers["ratelimit"].startswith('"requests";r=9')


def test_concurrent_requests_share_passes_and_get_their_own_answers(client: httpx.Client) -> None:
    def passes() -> float:
        lines = client.get("/metrics").text.splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("emotion_api_batch_texts_count"))

    alone = {text: client.post("/predict", json={"text": text}).json() for text in TEXTS}
    before = passes()
    with ThreadPoolExecutor(32) as pool:
        sent = TEXTS * 40
        answers = list(pool.map(lambda text: client.post("/predict", json={"text": text}), sent))
    for text, answer in zip(sent, answers, strict=True):
        assert answer.status_code == 200
        assert _numbers(answer.json()) == pytest.approx(_numbers(alone[text]), abs=1e-3)  # as the engine promises
    assert passes() - before < len(sent)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"text": ', 400, "invalid_json"),
        (b"\xff\xfe", 400, "invalid_json"),
        (b"{}", 422, "invalid_request"),
        (b'{"text": "a", "texts": ["b"]}', 422, "invalid_request"),
        (b'{"text": 5}', 422, "invalid_request"),
        (b'{"text": "\\ud800"}', 422, "invalid_request"),
        (b'{"texts": ["a", "\\udfff"]}', 422, "invalid_request"),
        (b'{"text": "a", "\\ud800": 1}', 422, "invalid_request"),
        (b'{"text": NaN}', 422, "invalid_request"),
        (b'{"texts": []}', 422, "invalid_request"),
        (b'{"txet": "a"}', 422, "invalid_request"),
        (b'{"text": "a", "webhook_url": "https://example.org"}', 422, "invalid_request"),
        (json.dumps({"texts": ["a"] * 257}).encode(), 413, "too_many_texts"),
        (json.dumps({"text": "a" * 20_001}).encode(), 413, "text_too_long"),
        (json.dumps({"text": "a" * 2_000_000}).encode(), 413, "body_too_large"),
    ],
)
def test_every_error_has_the_same_shape(client: httpx.Client, body: bytes, status: int, code: str) -> None:
    answer = client.post("/v1/predict", content=body, headers={"Content-Type": "application/json"})
    problem(answer, status, code)


def test_wrong_content_types_addresses_and_methods_are_problems(client: httpx.Client) -> None:
    problem(client.post("/v1/predict", content=b"text=a"), 415, "not_json")
    problem(client.get("/v1/nothing"), 404, "not_found")
    problem(client.get("/v1/predict"), 405, "method_not_allowed")


def test_a_body_in_another_encoding_is_refused_in_words(client: httpx.Client) -> None:
    def post(body: bytes, **headers: str) -> httpx.Response:
        return client.post("/v1/predict", content=body, headers={"Content-Type": "application/json", **headers})

    answer = post(gzip.compress(b'{"text": "a"}'), **{"Content-Encoding": "gzip"})
    assert "gzip" in problem(answer, 415, "encoding_not_taken")["detail"]
    assert "not UTF-8 (byte 13)" in problem(post(b'{"text": "caf\xe9"}'), 400, "invalid_request")["detail"]


def test_a_slash_at_the_end_of_an_address_does_not_count(client: httpx.Client) -> None:
    answer = client.post("/v1/predict/", json={"text": "a"}, headers={"Host": "evil.example.org"})
    assert (answer.status_code, answer.history) == (200, [])
    assert client.get("/ready/").status_code == 200


@pytest.mark.parametrize("path", ["/health", "/v1/ready"])
def test_head_is_answered_like_get_without_content(client: httpx.Client, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]
    assert client.head("/v1/predict").status_code == 405


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_the_pages_of_the_description_load_nothing_from_elsewhere(client: httpx.Client, page: str) -> None:
    text = client.get(page).text
    loaded = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert loaded
    for address in loaded:
        answer = client.get(address)
        assert address.startswith("/")
        assert (answer.status_code, len(answer.content) > 1_000) == (200, True)


def test_hosts_and_web_sites_are_allowed_by_name(configured: RunningService) -> None:
    with configured.client() as client:
        problem(client.post("/predict", json={}, headers={"Host": "evil.org"}), 400, "host_not_allowed")
        allowed = {"Host": "api.example.org:8000", "Origin": "https://a.org"}
        answer = client.post("/predict", json={}, headers=allowed)
        problem(answer, 422, "invalid_request")
        assert answer.headers["access-control-allow-origin"] == "https://a.org"
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "Authorization"}
        assert client.options("/predict", headers={**allowed, **asked}).status_code == 200
        other = client.post("/predict", json={}, headers={**allowed, "Origin": "https://b.org"})
        assert "access-control-allow-origin" not in other.headers
        assert client.get("/health").status_code == 200, "probes name the address, not the host"


def test_no_web_site_is_allowed_unless_it_is_named(client: httpx.Client) -> None:
    answer = client.get("/health", headers={"Origin": "https://a.org"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_the_log_names_request_subject_and_time_and_no_text(service: RunningService) -> None:
    with service.client("bob-of-the-log") as client:
        client.post("/predict", json={"text": "the word xylograph is said"}, headers={"X-Request-ID": "seen-42"})
        client.get("/xylograph", headers={"X-Request-ID": "evil\tid"})
        authorization = client.headers["Authorization"]

    def both_lines() -> list[dict[str, Any]] | None:
        lines = service.events("request")
        first = next((at for at, line in enumerate(lines) if line["request_id"] == "seen-42"), len(lines))
        return lines[first : first + 2] if len(lines) >= first + 2 else None

    predicted, unknown = eventually(both_lines)  # a line is written after its answer was sent
    assert (predicted["subject"], predicted["status"]) == ("bob-of-the-log", 200)
    assert predicted["latency_ms"] > 0
    assert (unknown["route"], unknown["status"]) == ("unmatched", 404)
    everything = "\n".join(service.log)
    for kept_out in ("xylograph", "evil", authorization.split(".")[2]):
        assert kept_out not in everything
