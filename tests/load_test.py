"""A load of people's habits for Locust: mostly texts, now and then a recording, rarely a broken one.

``EMOTION_TOKEN=$(emotion-clf token create --subject load --scope predict --scope jobs) \\
locust -f tests/load_test.py --host http://127.0.0.1:8000 --users 40 --spawn-rate 10``. Raise the limits of one subject
in the service (``EMOTION_API__LIMITS__REQUESTS_PER_MINUTE`` and its neighbours), or refusals are what is counted. A
short form runs with the other tests; ``benchmarks/api.py`` measures.
"""

import os
import time
from pathlib import Path

from locust import HttpUser, between, task

SAMPLE = Path(__file__).parents[1] / "samples" / "2026-11-03" / "happy_voice_message.mp3"
_ENDED = ("succeeded", "failed")
_ASK_EVERY_S = 1.0


class Person(HttpUser):
    """Somebody who waits a little between requests, and for the answer to a recording."""

    wait_time = between(0.1, 1.0)

    def on_start(self) -> None:
        self.client.headers["Authorization"] = f"Bearer {os.environ['EMOTION_TOKEN']}"
        self._recording = SAMPLE.read_bytes()

    @task(20)
    def one_text(self) -> None:
        with self.client.post("/v1/predict", json={"text": "Exciting news!"}, catch_response=True) as answer:
            if answer.ok and answer.json()["base"] != "Happiness":
                answer.failure(f"it is said to be {answer.json()['base']}")

    @task(5)
    def several_texts(self) -> None:
        texts = ["Exciting news!", "I am furious."] * 8
        with self.client.post(
            "/v1/predict", json={"texts": texts}, catch_response=True, name="/v1/predict, 16 texts"
        ) as answer:
            if answer.ok and [result["text"] for result in answer.json()["results"]] != texts:
                answer.failure("the results are not those of the texts")

    @task(1)
    def a_recording(self) -> None:
        files = {"file": ("news.mp3", self._recording)}
        accepted = self.client.post("/v1/predict/audio", files=files, headers={"Prefer": "respond-async"})
        if accepted.status_code != 202:
            return
        path, name = f"/v1/jobs/{accepted.json()['id']}", "/v1/jobs/{job_id}"
        status = "queued"
        while status not in _ENDED:
            time.sleep(_ASK_EVERY_S)  # of this person alone: Locust has made it give way to the others
            with self.client.get(path, name=name, catch_response=True) as job:
                if not job.ok:
                    return
                status = job.json()["status"]
                if status == "failed":
                    job.failure(job.json()["failure"]["code"])
        self.client.delete(path, name=name)

    @task(1)
    def a_broken_recording(self) -> None:
        files = {"file": ("a.wav", b"RIFF")}
        with self.client.post(
            "/v1/predict/audio", files=files, catch_response=True, name="/v1/predict/audio, broken"
        ) as answer:
            if answer.status_code == 422:
                answer.success()
            else:
                answer.failure(f"{answer.status_code} instead of 422")
