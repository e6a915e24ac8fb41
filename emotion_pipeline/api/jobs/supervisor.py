"""The worker processes of one server: starting, waking, restarting and stopping them, and reading their messages.

The server, not the worker, renews the claim on a worker's job: a recogniser may block its process for seconds. A job
that was deleted, or that takes too long, is ended by killing its process.
"""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from joblib import cpu_count  # as many as a container may use, not as the machine has

from emotion_pipeline.api.jobs.store import Claim, JobStore
from emotion_pipeline.api.logs import logger
from emotion_pipeline.api.metrics import Metrics
from emotion_pipeline.api.problems import Problem
from emotion_pipeline.config.service_settings import Jobs

# Longest pause before a worker is started again.
_LONGEST_PAUSE_S: Final = 30.0
# A worker that lived this long did not end because of its set-up: it is started again after the shortest pause.
_STEADY_S: Final = 60.0
# How long workers may take to stop.
_STOP_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class _InWork:
    claim: Claim
    began: float


class Supervisor:
    """Keeps ``jobs.workers`` alive; of two or more the first takes only jobs whose request waits for them.

    :param ask: calls the store in a thread; raises Problem where the database does not answer
    """

    def __init__(
        self, jobs: Jobs, metrics: Metrics, ask: Callable[[Callable[[JobStore], bool]], Awaitable[bool]]
    ) -> None:
        count = jobs.workers
        self._threads = str(max(1, cpu_count() // count))
        self._lanes = [["--short-only"] if index == 0 and count > 1 else [] for index in range(count)]
        self._jobs, self._metrics, self._ask = jobs, metrics, ask
        self._processes: dict[int, asyncio.subprocess.Process] = {}
        self._in_work: dict[int, _InWork] = {}
        self._ready: set[int] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._ended: dict[str, asyncio.Event] = {}
        # Fingerprints of the workers' models, once one worker is ready.
        self.models: Mapping[str, str] = {}

    @property
    def is_ready(self) -> bool:
        """Whether there is a worker for every kind of job."""
        return self._ready >= {0, len(self._lanes) - 1}

    def start(self) -> None:
        keep = [asyncio.create_task(self._keep(index), name=f"worker-{index}") for index in range(len(self._lanes))]
        self._tasks = [*keep, asyncio.create_task(self._keep_claims(), name="claims")]

    async def stop(self) -> None:
        """Stop the workers; they release their jobs."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for process in self._processes.values():
            if process.stdin is not None:
                process.stdin.close()
        waits = [process.wait() for process in self._processes.values()]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*waits), _STOP_S)
        for index, process in self._processes.items():
            if process.returncode is None:  # it was in the middle of something that cannot be interrupted
                process.kill()
                await process.wait()
                if index in self._in_work:
                    claim = self._in_work[index].claim
                    await self._ask(lambda store, claim=claim: store.release(claim))

    def end(self, job_id: str) -> None:
        """Kill the worker that works on a job, if it is one of this server's."""
        for index, work in self._in_work.items():
            if work.claim.job_id == job_id:
                logger().info("job_taken_away", job=job_id)
                self._kill(index)

    def wake(self) -> None:
        """Let idle workers look for a new job."""
        for process in self._processes.values():
            if process.returncode is None and process.stdin is not None and not process.stdin.is_closing():
                process.stdin.write(b"\n")

    async def wait_for(self, job_id: str, timeout_s: float) -> None:
        """Return when a worker of this server has ended the job, or after the time."""
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
            try:
                await self._run(index)
            except OSError as error:  # no memory, or too many processes: try again
                logger().error("worker_not_started", worker=index, error=type(error).__name__)
            pause_s = 1.0 if time.monotonic() - started > _STEADY_S else min(2 * pause_s, _LONGEST_PAUSE_S)
            await asyncio.sleep(pause_s)

    async def _run(self, index: int) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "emotion_pipeline.api.jobs.worker",
            "--threads",
            self._threads,
            *self._lanes[index],
            # Workers share the cores: threads that wait for a core of another worker make both slower.
            env={"OMP_NUM_THREADS": self._threads, "LOKY_MAX_CPU_COUNT": self._threads, **os.environ},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._processes[index] = process
        try:
            assert process.stdout is not None
            async for line in process.stdout:
                self._receive(index, json.loads(line))
            code = await process.wait()
            logger().warning("worker_ended", worker=index, code=code)
        finally:
            self._ready.discard(index)
            if process.returncode is not None:
                self._in_work.pop(index, None)

    async def _keep_claims(self) -> None:
        while True:
            await asyncio.sleep(self._jobs.lease_seconds / 3)
            for index, work in list(self._in_work.items()):
                with contextlib.suppress(Problem):  # the database does not answer: the next time, or the lease lapses
                    await self._keep_claim(index, work)

    async def _keep_claim(self, index: int, work: _InWork) -> None:
        if time.monotonic() - work.began > self._jobs.timeout:
            detail = f"It took longer than {self._jobs.timeout:g} s."
            await self._ask(lambda store: store.fail(work.claim, "job_timeout", detail))
        elif await self._ask(lambda store: store.renew(work.claim)):
            return
        if self._in_work.get(index) is work:  # it may have ended while the database was asked
            logger().info("job_taken_away", job=work.claim.job_id)
            self._kill(index)

    def _kill(self, index: int) -> None:
        process = self._processes[index]
        if process.returncode is None:
            process.kill()

    def _receive(self, index: int, message: Mapping[str, Any]) -> None:
        match message["event"]:
            case "ready":
                self._ready.add(index)
                self.models = message["models"]
                self._metrics.model_load_seconds.labels("worker").set(message["load_seconds"])
            case "began":
                self._in_work[index] = _InWork(Claim(message["job"], message["token"]), time.monotonic())
            case "ended":
                self._in_work.pop(index, None)
                self._metrics.jobs.labels(message["status"]).inc()
                self._metrics.job_seconds.observe(message["seconds"])
                self._metrics.audio_seconds.inc(message["audio_seconds"])
                event = self._ended.get(message["job"])
                if event is not None:
                    event.set()
            case "webhook":
                self._metrics.webhooks.labels("delivered" if message["delivered"] else "failed").inc()
            case other:
                raise ValueError(f"a worker sent the unknown event {other!r}")
