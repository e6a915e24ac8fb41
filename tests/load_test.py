"""A load of people's habits for Locust: mostly texts, now and then a recording, rarely a broken one.

``EMOTION_TOKEN=$(emotion-clf token create --subject load --scope predict --scope jobs) \\
locust -f tests/load_test.py --host http://127.0.0.1:8000 --users 40 --spawn-rate 10``. It is no test that pytest runs;
``benchmarks/api.py`` measures.
"""

import os
from pathlib import Path

from locust import HttpUser, between, task

SAMPLE = Path(__file__).parents[1] / "samples" / "2026-11-03" / "happy_voice_message.mp3"


class Person(HttpUser):
    """Somebody who waits a little between requests."""

    wait_time = between(0.1, 1.0)

    def on_start(self) -> None:
        self.client.headers["Authorization"] = f"Bearer {os.environ['EMOTION_TOKEN']}"
        self._recording = SAMPLE.read_bytes()

    @task(20)
    def one_text(self) -> None:
        self.client.post("/v1/predict", json={"text": "Exciting news!"})

    @task(5)
    def several_texts(self) -> None:
        self.client.post("/v1/predict", json={"texts": ["Exciting news!", "I am furious."] * 8})

    @task(1)
    def a_recording(self) -> None:
        files = {"file": ("news.mp3", self._recording)}
        accepted = self.client.post("/v1/predict/audio", files=files, headers={"Prefer": "respond-async"})
        if accepted.status_code == 202:
            job = accepted.json()["id"]
            self.client.get(f"/v1/jobs/{job}", name="/v1/jobs/{job_id}")

    @task(1)
    def a_broken_recording(self) -> None:
        with self.client.post(
            "/v1/predict/audio", files={"file": ("a.wav", b"RIFF")}, catch_response=True, name="broken upload"
        ) as answer:
            if answer.status_code == 422:
                answer.success()
