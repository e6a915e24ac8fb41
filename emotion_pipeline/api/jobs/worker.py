"""The process that works on jobs: ``python -m emotion_pipeline.api.jobs.worker``, started by ``supervisor``.

It is a process of its own so that a recording that crashes a decoder, takes all memory or never ends cannot stop the
service, and so that ``supervisor`` can end a job by ending the process. A line on standard input wakes it. The end of
standard input, which comes when the server ends in whatever way, makes it release its job and exit. Its messages to
the server are JSON objects on standard output, one a line.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import IO, Annotated, Any, Final, NoReturn

import typer

from emotion_pipeline.api.addresses import job_limits
from emotion_pipeline.api.folders import Folders
from emotion_pipeline.api.jobs.analysis import PROGRESS, Outcome, run, warm_up
from emotion_pipeline.api.jobs.database import open_database
from emotion_pipeline.api.jobs.records import DELIVERED, PENDING, UNDELIVERED, JobRecord
from emotion_pipeline.api.jobs.store import Claim, JobStore
from emotion_pipeline.api.jobs.webhook import deliver
from emotion_pipeline.api.logs import error_location, logger, set_up_logs
from emotion_pipeline.config.engine_options import backend_choice
from emotion_pipeline.config.logs import to_logging
from emotion_pipeline.config.service_settings import webhook_key
from emotion_pipeline.config.settings import Settings, load_settings
from emotion_pipeline.engine.backends import Backends
from emotion_pipeline.engine.common.errors import EmotionPipelineError
from emotion_pipeline.engine.sources.router import Sources

# Longest time before a job is noticed that another server accepted.
_IDLE_S: Final = 0.5

# Of the process, added to the server's own.
_NICENESS: Final = 10
_STOPPED, _FAILED = 0, 1
_SERVICE: Final = "assemblyai"


class Worker:
    """Claims and analyses jobs one after the other.

    :param send: sends a message to the server
    :param threads: cores that a recogniser may use
    """

    def __init__(
        self, settings: Settings, store: JobStore, send: Callable[..., None], *, short_only: bool, threads: int
    ) -> None:
        self._api, self._store, self._send, self._short_only = settings.api, store, send, short_only
        self._folders = Folders(settings.api.folder)
        self._limits = job_limits(settings)
        self._sources = Sources(self._limits)
        choice = backend_choice(settings)
        self._transcribes_elsewhere = choice.transcriber == _SERVICE
        options = replace(choice.transcriber_options, threads=choice.transcriber_options.threads or threads)
        self._backends = Backends(replace(choice, transcriber_options=options))
        secret = settings.api_secrets.webhook_secret
        self._webhook_key = webhook_key(secret.get_secret_value()) if secret else None
        self._woken = threading.Event()
        self._claim: Claim | None = None
        self._exit_lock = threading.Lock()

    def serve(self, wake: IO[str]) -> NoReturn:
        """Work until ``wake`` ends."""
        self._warm_up()
        threading.Thread(target=self._listen, args=(wake,), daemon=True, name="listen").start()
        if self._webhook_key is not None:
            threading.Thread(
                target=self._send_webhooks, args=(self._webhook_key,), daemon=True, name="webhooks"
            ).start()
        while True:
            claimed = self._store.claim(short_only=self._short_only)
            if claimed is None:
                self._woken.wait(_IDLE_S)
                self._woken.clear()
            else:
                self._work(*claimed)

    def _warm_up(self) -> None:
        started, backends = time.perf_counter(), self._backends
        models = {
            "emotion": backends.emotion.fingerprint,
            "sentiment": backends.sentiment.fingerprint,
            "tone": backends.tone.fingerprint,
            "transcriber": backends.transcript_maker.fingerprint,
        }
        if not self._transcribes_elsewhere:  # a service would charge for the clip
            warm_up(backends)
        self._send(event="ready", load_seconds=time.perf_counter() - started, models=models)

    def _work(self, job: JobRecord, claim: Claim) -> None:
        began, self._claim = time.monotonic(), claim
        self._send(event="began", job=claim.job_id, token=claim.token)
        work = self._folders.work(job.id)
        try:
            outcome = run(job, self._folders.uploads, work, self._sources, self._backends, self._on_stage)
        except Exception as error:  # noqa: BLE001 - an unexpected failure of one job must not stop the others
            logger().error("job_error", job=job.id, error=type(error).__name__, at=error_location(error))
            outcome = Outcome(
                None, None, "internal_error", "The service failed; the operator finds the reason in its log."
            )
        with self._exit_lock:
            self._claim = None
            self._store_outcome(claim, outcome)
        self._folders.remove_job(job.id, job.upload)
        self._report_end(job, outcome, time.monotonic() - began)

    def _store_outcome(self, claim: Claim, outcome: Outcome) -> None:
        if outcome.result is None:
            self._store.fail(claim, outcome.code, outcome.detail)
        else:
            self._store.succeed(claim, json.dumps(outcome.result), outcome.audio_seconds)

    def _report_end(self, job: JobRecord, outcome: Outcome, seconds: float) -> None:
        status = "failed" if outcome.result is None else "succeeded"
        audio_seconds = outcome.audio_seconds or 0.0
        self._send(event="ended", job=job.id, status=status, seconds=seconds, audio_seconds=audio_seconds)
        logger().info(
            "job_ended",
            job=job.id,
            subject=job.subject,
            status=status,
            code=outcome.code or None,
            seconds=round(seconds, 3),
            audio_seconds=audio_seconds,
        )

    def _on_stage(self, stage: str) -> None:
        if self._claim is not None:
            self._store.report(self._claim, stage, PROGRESS[stage])

    def _listen(self, wake: IO[str]) -> None:
        for _line in wake:
            self._woken.set()
        with self._exit_lock:
            if self._claim is not None:
                self._store.release(self._claim)
            os._exit(_STOPPED)

    def _send_webhooks(self, key: bytes) -> NoReturn:
        webhooks = self._api.webhooks
        while True:
            job = self._store.next_webhook()
            if job is None:
                time.sleep(_IDLE_S)
                continue
            status = deliver(job, key, self._limits, webhooks.timeout)
            if status == PENDING and job.webhook_attempts >= webhooks.attempts:
                status = UNDELIVERED
            if status != PENDING:
                self._store.end_webhook(job.id, status)
                self._send(event="webhook", delivered=status == DELIVERED)


def main(
    short_only: Annotated[bool, typer.Option(help="Take only jobs whose request waits for them.")] = False,
    threads: Annotated[int, typer.Option(help="Cores that a recogniser may use.", min=1)] = 1,
) -> None:
    """Work on jobs until standard input ends."""
    # Texts are answered by the server process, which a recording in work must not hold up.
    os.nice(_NICENESS)
    # Prints of libraries go to standard error, not between the messages to the server.
    messages = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the server gets the same signal and ends this process when it is time
    lock = threading.Lock()

    def send(**message: Any) -> None:
        with lock:
            messages.write(json.dumps(message) + "\n")

    settings = load_settings()
    set_up_logs(settings.log_level)
    to_logging()
    store = JobStore(open_database(settings.api, settings.api_secrets), settings.api.jobs, settings.api.webhooks)
    try:
        Worker(settings, store, send, short_only=short_only, threads=threads).serve(sys.stdin)
    except EmotionPipelineError as error:
        logger().error("worker_cannot_start", error=type(error).__name__, reason=str(error))
    except Exception as error:  # noqa: BLE001 - its message may hold secrets, and a trace would hold paths
        logger().error("worker_failed", error=type(error).__name__, at=error_location(error))
    os._exit(_FAILED)


if __name__ == "__main__":
    typer.run(main)
