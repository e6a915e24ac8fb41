"""Recordings over HTTP: short ones at once, long ones as jobs that only their owner sees."""

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import httpx
import numpy as np
import pytest
from standardwebhooks import Webhook
from support.media import tone, wav
from support.service import WEBHOOK_SECRET, RunningService, ended, eventually, problem
from support.site import Site

LOOPBACK = {"EMOTION_SOURCES__ALLOWED_NETWORKS": '["127.0.0.0/8"]'}
SHORT_LEASE = {"EMOTION_API__JOBS__LEASE_SECONDS": "6"}


@pytest.fixture(scope="module")
def neighbour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """A service that may read from this machine, retries webhooks soon and notices deleted jobs soon."""
    variables = {**LOOPBACK, **SHORT_LEASE, "EMOTION_API__WEBHOOKS__FIRST_PAUSE": "0.2"}
    variables["EMOTION_API__WEBHOOKS__TIMEOUT"] = "0.5"
    with RunningService(tmp_path_factory.mktemp("neighbour"), **variables) as running:
        yield running.wait_until_ready()


def _send(client: httpx.Client, recording: bytes, name: str = "a.wav", **headers: str) -> httpx.Response:
    return client.post("/v1/predict/audio", files={"file": (name, recording)}, headers=headers)


def test_a_short_recording_is_answered_at_once(client: httpx.Client, beep: bytes) -> None:
    answer = _send(client, beep, "../../beep.wav")
    assert answer.status_code == 200
    result = answer.json()
    assert result["file"] == "beep.wav"
    assert result["status"] == "accepted"
    assert result["tone_sentiment_match"] == "Unknown"
    stored = client.get(answer.headers["content-location"]).json()
    assert stored["status"] == "succeeded"
    assert stored["result"] == result
    assert stored["audio_seconds"] == pytest.approx(1.0)


def test_speech_becomes_a_job_with_progress_and_a_result(
    service: RunningService, client: httpx.Client, speech: bytes
) -> None:
    accepted = _send(client, speech, "news.wav", Prefer="respond-async")
    assert accepted.status_code == 202
    job = accepted.json()
    assert accepted.headers["location"] == f"/v1/jobs/{job['id']}"
    assert job["status"] in {"queued", "running"}
    done = ended(client, job["id"])
    assert done["status"] == "succeeded"
    assert done["progress"] == 1.0
    assert done["result"]["sentiment_score"] > 0
    assert done["result"]["segments"]
    assert done["started_at"] >= done["created_at"]
    everything = "\n".join(service.log)
    assert "news.wav" not in everything
    assert "wonderful" not in everything


def test_nobody_else_sees_reads_or_deletes_a_job(service: RunningService, client: httpx.Client, beep: bytes) -> None:
    path = _send(client, beep).headers["content-location"]
    with service.client("mallory") as other:
        problem(other.get(path), 404, "job_not_found")
        problem(other.delete(path), 404, "job_not_found")
    assert client.get(path).status_code == 200
    assert client.delete(path).status_code == 204
    problem(client.get(path), 404, "job_not_found")
    problem(client.delete(path), 404, "job_not_found")
    problem(client.get("/v1/jobs/..%2f..%2fetc"), 404, "not_found")
    problem(client.get("/v1/jobs/1"), 422, "invalid_request")


def test_a_key_gives_the_same_job_again_and_no_other_request(client: httpx.Client, beep: bytes) -> None:
    first = _send(client, beep, **{"Idempotency-Key": "k1", "Prefer": "respond-async"})
    again = _send(client, beep, **{"Idempotency-Key": "k1", "Prefer": "respond-async"})
    assert first.json()["id"] == again.json()["id"]
    other = _send(client, wav(tone(seconds=2.0)), **{"Idempotency-Key": "k1"})
    problem(other, 422, "idempotency_key_reused")


def test_a_running_job_that_is_deleted_ends_and_the_next_is_taken(
    neighbour: RunningService, long_speech: bytes, beep: bytes
) -> None:
    with neighbour.client("dora") as client:
        job = _send(client, long_speech, "long.mp3", Prefer="respond-async").json()
        path = f"/v1/jobs/{job['id']}"
        eventually(lambda: client.get(path).json()["status"] == "running")
        assert client.delete(path).status_code == 204
        eventually(lambda: neighbour.events("job_taken_away"))
        after = _send(client, beep, Prefer="respond-async").json()
        assert ended(client, after["id"])["status"] == "succeeded"


def test_an_address_is_fetched_and_analysed_and_its_secrets_are_not_shown(
    neighbour: RunningService, beep: bytes
) -> None:
    with Site() as site, neighbour.client() as client:
        site.answers["/beep.wav"] = beep
        accepted = client.post("/predict", json={"url": site.address("/beep.wav?sig=abcdefgh")})
        assert accepted.status_code == 202
        done = ended(client, accepted.json()["id"])
        missing = ended(client, client.post("/predict", json={"url": site.address("/none.wav")}).json()["id"])
    assert done["status"] == "succeeded"
    assert "abcdefgh" not in json.dumps(done)
    assert missing["failure"]["code"] == "not_found"


class _Receiver:
    """Keeps what is posted to it. Its first answers have the given statuses, all others 204."""

    def __init__(self, *statuses: int) -> None:
        self.posts: list[tuple[dict[str, str], bytes]] = []
        next_statuses, posts = list(statuses), self.posts

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                posts.append((dict(self.headers.items()), body))
                self.send_response(next_statuses.pop(0) if next_statuses else 204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _job_with_webhook(client: httpx.Client, recording: bytes, receiver: _Receiver) -> str:
    """The path of a job whose webhook is ``receiver``."""
    files, fields = {"file": ("a.wav", recording)}, {"webhook_url": receiver.url}
    return client.post("/v1/predict/audio", files=files, data=fields).headers["content-location"]


def test_a_webhook_is_retried_and_each_attempt_can_be_verified(neighbour: RunningService, beep: bytes) -> None:
    receiver = _Receiver(500)
    with neighbour.client() as client:
        path = _job_with_webhook(client, beep, receiver)
        eventually(lambda: client.get(path).json()["webhook"] == "delivered")
        job = client.get(path).json()
    receiver.close()
    assert len(receiver.posts) == 2
    for headers, body in receiver.posts:
        message = Webhook(WEBHOOK_SECRET).verify(body, headers)
        assert message["type"] == "job.succeeded"
        assert message["data"] == {"job": job["id"], "status": "succeeded", "failure": None}
        assert datetime.fromisoformat(message["timestamp"]) == datetime.fromisoformat(job["finished_at"])
        assert headers["webhook-id"] == job["id"]


def test_a_webhook_that_answers_gone_is_not_tried_again(neighbour: RunningService, beep: bytes) -> None:
    receiver = _Receiver(410)
    with neighbour.client() as client:
        path = _job_with_webhook(client, beep, receiver)
        eventually(lambda: client.get(path).json()["webhook"] == "failed")
    receiver.close()
    assert len(receiver.posts) == 1


def test_a_webhook_to_a_private_address_is_refused(client: httpx.Client, beep: bytes) -> None:
    for address in ("http://127.0.0.1:1/", "http://[::1]/", "http://user:pw@example.org/", "ftp://example.org/"):
        answer = client.post("/v1/predict/audio", files={"file": ("a.wav", beep)}, data={"webhook_url": address})
        assert answer.status_code == 422
        assert answer.json()["code"] in {"blocked_address", "unsupported_address"}


def test_unusable_forms_are_refused_with_a_code(client: httpx.Client, beep: bytes) -> None:
    problem(client.post("/v1/predict/audio", json={}), 415, "not_multipart")
    problem(client.post("/v1/predict/audio", data={"file": "a"}, files={"other": ("a", b"")}), 422, "file_missing")
    malformed = {"Content-Type": "multipart/form-data"}
    answer = client.post("/v1/predict/audio", content=b"x", headers=malformed)
    assert "boundary" in problem(answer, 400, "invalid_request")["detail"]
    two = [("file", ("a.wav", beep)), ("file", ("b.wav", beep))]
    answer = client.post("/v1/predict/audio", files=two)
    assert "more than one file" in problem(answer, 400, "invalid_request")["detail"]
    whole = client.build_request("POST", "/v1/predict/audio", files=two[:1])
    cut = {"content": whole.read()[:-20], "headers": {"Content-Type": whole.headers["content-type"]}}
    answer = client.post("/v1/predict/audio", **cut)
    assert "breaks off" in problem(answer, 400, "invalid_request")["detail"]


def test_an_upload_that_is_too_large_or_too_long_is_refused(configured: RunningService) -> None:
    with configured.client() as client:
        client.headers["Host"] = "api.example.org"
        problem(_send(client, wav(tone(seconds=20.0))), 413, "too_long")
        problem(_send(client, bytes(2_000_000)), 413, "body_too_large")

        def endless() -> Iterator[bytes]:
            yield b"--b\r\nContent-Disposition: form-data; name=file; filename=a.wav\r\n\r\n"
            for _ in range(20):
                yield bytes(100_000)

        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        problem(client.post("/v1/predict/audio", content=endless(), headers=headers), 413, "body_too_large")
        assert list((configured.folder / "api" / "uploads").glob("*")) == []


def _broken(number: int, whole: bytes, rng: np.random.Generator) -> bytes:
    """One of many kinds of files that are no usable recording."""
    kinds = [
        lambda: b"",
        lambda: rng.bytes(int(rng.integers(1, 20_000))),
        lambda: whole[: int(rng.integers(4, 44))],
        lambda: b"RIFF" + rng.bytes(2_000),
        lambda: b"<!DOCTYPE html><html><body>404</body></html>",
        lambda: b"#EXTM3U\n#EXTINF:2,\nfile:///etc/passwd\n",
        lambda: b"ffconcat version 1.0\nfile /etc/passwd\n",
        lambda: wav(np.zeros((1, 16_000), np.float32)),
        lambda: wav(tone(seconds=0.01)),
        lambda: wav(tone(), data_bytes=40_000_000),
        lambda: wav(tone(), declared_rate=1),
        lambda: b"ID3\x04" + rng.bytes(3_000),
        lambda: b"OggS" + rng.bytes(3_000),
        lambda: b"fLaC" + rng.bytes(3_000),
        lambda: b"\x1aE\xdf\xa3" + rng.bytes(3_000),
    ]
    return kinds[number % len(kinds)]()


@pytest.mark.full
def test_500_broken_uploads_get_reasons_and_the_service_stays_ready(
    service: RunningService, beep: bytes, rng: np.random.Generator
) -> None:
    files = [_broken(number, beep, rng) for number in range(500)]
    digests = {hashlib.sha256(file).hexdigest() for file in files}
    assert len(digests) > 200
    with service.client("breaker", timeout=300.0) as client, ThreadPoolExecutor(500) as pool:

        def send(recording: bytes) -> dict[str, Any]:
            answer = _send(client, recording, "upload.wav")
            assert 400 <= answer.status_code < 500, (answer.status_code, answer.text)
            return answer.json()

        problems = list(pool.map(send, files))
        assert all(refusal["code"] and refusal["detail"] for refusal in problems)
        assert {refusal["code"] for refusal in problems} >= {"empty_file", "unreadable", "silent", "too_short"}
        assert not any(word in json.dumps(problems) for word in ("/etc", "uploads"))
        assert client.get("/ready").status_code == 200
        assert _send(client, beep).status_code == 200
