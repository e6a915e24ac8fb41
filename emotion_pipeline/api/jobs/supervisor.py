"""The worker processes of one server: started, woken, heard from, started again when they end, stopped with it."""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

from emotion_pipeline.api.logs import logger
from emotion_pipeline.api.metrics import Metrics

_LONGEST_PAUSE_S: Final = 30.0
_STEADY_S: Final = 60.0
"""A worker that lived this long ended for a reason of its own, not of its set-up."""

_STOP_S: Final = 3.0


class Supervisor:
    """Keeps ``count`` workers alive; of two or more the first takes only jobs that somebody waits for."""

    def __init__(self, count: int, metrics: Metrics) -> None:
        self._lanes = [["--short-only"] if index == 0 and count > 1 else [] for index in range(count)]
        self._metrics = metrics
        self._processes: dict[int, asyncio.subprocess.Process] = {}
        self._ready: set[int] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._ended: dict[str, asyncio.Event] = {}
        self.models: Mapping[str, str] = {}
        """Fingerprints of what the workers use, once one is ready."""

    @property
    def is_ready(self) -> bool:
        """Whether there is a worker for every kind of job."""
        return self._ready >= {0, len(self._lanes) - 1}

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._keep(index), name=f"worker-{index}") for index in range(len(self._lanes))
        ]

    async def stop(self) -> None:
        """End the workers; they give back what they work on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for process in self._processes.values():
            if process.stdin is not None:
                process.stdin.close()
        waits = [process.wait() for process in self._processes.values()]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*waits), _STOP_S)
        for process in self._processes.values():
            if process.returncode is None:
                process.kill()

    def wake(self) -> None:
        """Say that there is a new job."""
        for process in self._processes.values():
            if process.returncode is None and process.stdin is not None and not process.stdin.is_closing():
                process.stdin.write(b"\n")

    async def wait_for(self, job_id: str, timeout_s: float) -> None:
        """Return when a worker of this server ended the job, or after the time."""
        event = self._ended.setdefault(job_id, asyncio.Event())
        try:
            await asyncio.wait_for(event.wait(), timeout_s)
        except TimeoutError:
            return
        finally:
            self._ended.pop(job_id, None)

    async def _keep(self, index: int) -> None:
        pause_s = 1.0
        while True:
            started = time.monotonic()
            await self._run(index)
            pause_s = 1.0 if time.monotonic() - started > _STEADY_S else min(2 * pause_s, _LONGEST_PAUSE_S)
            await asyncio.sleep(pause_s)

    async def _run(self, index: int) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "emotion_pipeline.api.jobs.worker",
            *self._lanes[index],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._processes[index] = process
        try:
            assert process.stdout is not None
            async for line in process.stdout:
                self._hear(index, json.loads(line))
            code = await process.wait()
            logger().warning("worker_ended", worker=index, code=code)
        finally:
            self._ready.discard(index)

    def _hear(self, index: int, said: Mapping[str, Any]) -> None:
        match said["event"]:
            case "ready":
                self._ready.add(index)
                self.models = said["models"]
                self._metrics.model_load_seconds.labels("worker").set(said["load_seconds"])
            case "ended":
                self._metrics.jobs.labels(said["status"]).inc()
                self._metrics.job_seconds.observe(said["seconds"])
                self._metrics.audio_seconds.inc(said["audio_seconds"])
                event = self._ended.get(said["job"])
                if event is not None:
                    event.set()
            case "webhook":
                self._metrics.webhooks.labels("delivered" if said["delivered"] else "failed").inc()
            case other:
                raise ValueError(f"a worker said {other!r}, which nobody understands")
