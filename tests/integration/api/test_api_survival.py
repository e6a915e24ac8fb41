"""Accepted jobs survive whatever ends the service: each ends in one result or one named failure."""

import http.client
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
import sqlalchemy as sa
from support.media import tone, wav
from support.service import RunningService, ended, eventually

# Shorter, and a busy machine would keep no claim alive.
QUICK = {"EMOTION_API__JOBS__LEASE_SECONDS": "10", "EMOTION_API__JOBS__ATTEMPTS": "5"}


def _submit(client: httpx.Client, recordings: Sequence[bytes]) -> list[str]:
    headers = {"Prefer": "respond-async"}
    answers = [
        client.post("/v1/predict/audio", files={"file": (f"{number}.wav", recording)}, headers=headers)
        for number, recording in enumerate(recordings)
    ]
    assert [answer.status_code for answer in answers] == [202] * len(recordings)
    return [answer.json()["id"] for answer in answers]


def _stored(folder: Path) -> dict[str, Any]:
    engine = sa.create_engine(f"sqlite:///{folder / 'api' / 'jobs.db'}")
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT id, status, result, attempts FROM jobs")).mappings().all()
    engine.dispose()
    return {row["id"]: dict(row) for row in rows}


@pytest.mark.timeout(600)
def test_a_kill_during_running_jobs_loses_none_and_doubles_none(tmp_path: Path, speech: bytes) -> None:
    recordings = [speech, *(wav(tone(200.0 + 50 * number, seconds=1.0)) for number in range(6))]
    with RunningService(tmp_path, **QUICK) as service, service.wait_until_ready().client() as client:
        ids = _submit(client, recordings)
        eventually(lambda: any(row["status"] == "running" for row in _stored(tmp_path).values()))
        service.kill()
    before = {job: row for job, row in _stored(tmp_path).items() if row["status"] == "succeeded"}
    assert len(before) < len(ids)
    with RunningService(tmp_path, **QUICK) as service, service.client() as client:
        jobs = [ended(client, job_id, within_s=240.0) for job_id in ids]
        eventually(lambda: not any((tmp_path / "api" / "uploads").iterdir()))
    assert {job["status"] for job in jobs} == {"succeeded"}
    after = _stored(tmp_path)
    assert set(after) == set(ids)
    assert sum(row["attempts"] for row in after.values()) > len(ids)  # what was running was begun again
    assert {job: after[job] for job in before} == before  # what had a result was not


@pytest.mark.full
def test_a_job_that_kills_each_of_its_workers_fails_by_name(tmp_path: Path, long_speech: bytes) -> None:
    variables = {**QUICK, "EMOTION_API__JOBS__ATTEMPTS": "2", "EMOTION_API__JOBS__WORKERS": "1"}
    variables["EMOTION_API__JOBS__LEASE_SECONDS"] = "1"
    with RunningService(tmp_path, **variables) as service, service.wait_until_ready().client() as client:
        [job_id] = _submit(client, [long_speech])
        for attempt in (1, 2):
            eventually(lambda: _stored(tmp_path)[job_id]["attempts"] == attempt)  # noqa: B023
            for worker in psutil.Process(service.process.pid).children():
                worker.kill()
        job = ended(client, job_id)
    assert job["status"] == "failed"
    assert job["failure"]["code"] == "worker_lost"


@pytest.mark.full
def test_a_stop_releases_running_jobs_and_the_next_start_ends_them(tmp_path: Path, long_speech: bytes) -> None:
    with RunningService(tmp_path) as service, service.wait_until_ready().client() as client:
        [job_id] = _submit(client, [long_speech])
        eventually(lambda: _stored(tmp_path)[job_id]["status"] == "running")
        service.process.send_signal(signal.SIGTERM)
        service.process.wait(20)
    row = _stored(tmp_path)[job_id]
    assert (row["status"], row["attempts"]) == ("queued", 0)
    with RunningService(tmp_path) as service, service.client() as client:
        assert ended(client, job_id)["status"] == "succeeded"


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.full)])
def test_a_stop_finishes_requests_refuses_new_ones_and_ends_in_time(
    tmp_path: Path, number: signal.Signals, speech: bytes
) -> None:
    with RunningService(tmp_path) as service, service.wait_until_ready().client() as client:
        parts = iter([speech[:1_000], speech[1_000:]])
        open_request = _SlowUpload(service.url, client.headers["Authorization"])
        open_request.send(next(parts))
        eventually(lambda: "in_flight_requests 2.0" in client.get("/metrics").text)
        service.process.send_signal(number)
        began = time.monotonic()
        eventually(lambda: httpx.get(f"{service.url}/ready").json()["checks"]["serving"] == "draining", 5)
        refused = client.post("/predict", json={"text": "a"})
        assert refused.status_code == 503
        assert refused.json()["code"] == "stopping"
        assert int(refused.headers["retry-after"]) > 0
        open_request.send(next(parts))
        assert open_request.status() in {200, 202}
        service.process.wait(20)
        assert time.monotonic() - began < 20
    assert "Traceback" not in "\n".join(service.log)


class _SlowUpload:
    """A request whose body comes in pieces, when the test says so."""

    def __init__(self, url: str, authorization: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        self._connection.putrequest("POST", "/v1/predict/audio")
        self._connection.putheader("Authorization", authorization)
        self._connection.putheader("Content-Type", "multipart/form-data; boundary=b")
        self._connection.putheader("Transfer-Encoding", "chunked")
        self._connection.putheader("Prefer", "respond-async")
        self._connection.endheaders()
        self._chunk(b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n\r\n')

    def send(self, piece: bytes) -> None:
        self._chunk(piece)

    def status(self) -> int:
        self._chunk(b"\r\n--b--\r\n")
        self._connection.send(b"0\r\n\r\n")
        return self._connection.getresponse().status

    def _chunk(self, data: bytes) -> None:
        self._connection.send(b"%x\r\n%s\r\n" % (len(data), data))
