"""The process that works on jobs: ``python -m emotion_pipeline.api.jobs.worker``, started by ``supervisor``.

It is a process of its own so that a recording that kills a decoder, takes all memory or never ends cannot stop the
service, and so that a job can be ended from outside: by ending the process. A line on standard input wakes it; the end
of standard input, which comes when the server ends in whatever way, makes it give its job back and leave. What it has
to say goes to standard output, one JSON object a line.
"""

import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, Annotated, Any, Final, NoReturn

import typer
from sqlalchemy.exc import SQLAlchemyError

from emotion_pipeline.api.addresses import job_limits
from emotion_pipeline.api.explanation import where
from emotion_pipeline.api.folders import Folders
from emotion_pipeline.api.jobs.analysis import PROGRESS, Outcome, run
from emotion_pipeline.api.jobs.database import open_database
from emotion_pipeline.api.jobs.store import Claim, JobStore
from emotion_pipeline.api.jobs.webhook import deliver
from emotion_pipeline.api.logs import logger, set_up_logs
from emotion_pipeline.choices import backend_choice
from emotion_pipeline.engine.backends import Backends
from emotion_pipeline.engine.errors import EmotionPipelineError
from emotion_pipeline.engine.sources.hub import Sources
from emotion_pipeline.logs import to_logging
from emotion_pipeline.settings import Settings, load_settings

_IDLE_S: Final = 0.5
"""Longest time before a job is found that another server accepted."""

_ENDED, _FAILED, _CLAIM_LOST, _TIMED_OUT = 0, 1, 3, 4
_WARM_UP: Final = ("Exciting news!", "I am furious with you.")


class Worker:
    """Claims jobs one after the other, until standard input ends.

    :param say: tells the server something
    """

    def __init__(self, settings: Settings, store: JobStore, say: Callable[..., None], *, short_only: bool) -> None:
        self._api, self._store, self._say, self._short_only = settings.api, store, say, short_only
        self._folders = Folders(settings.api.folder)
        self._limits = job_limits(settings)
        self._sources = Sources(self._limits)
        choice = backend_choice(settings)
        options = replace(choice.transcriber_options, workers=choice.transcriber_options.workers or 1)
        self._backends = Backends(replace(choice, transcriber_options=options))
        self._secret = settings.api_secrets.webhook_secret
        self._woken = threading.Event()
        self._claim: Claim | None = None
        self._began = 0.0
        self._leaving = threading.Lock()

    def serve(self, wake: IO[str]) -> NoReturn:
        """Work until ``wake`` ends."""
        self._warm_up()
        for target in (self._listen, self._keep_claim, self._tell_webhooks):
            arguments = (wake,) if target == self._listen else ()
            threading.Thread(target=target, args=arguments, daemon=True, name=target.__name__).start()
        while True:
            claim = self._store.claim(short_only=self._short_only)
            if claim is None:
                self._woken.wait(_IDLE_S)
                self._woken.clear()
            else:
                self._work(claim)

    def _warm_up(self) -> None:
        import numpy as np

        started = time.perf_counter()
        backends = self._backends
        models = {
            "emotion": backends.emotion.fingerprint,
            "sentiment": backends.sentiment.fingerprint,
            "tone": backends.tone.fingerprint,
            "transcriber": backends.listener.fingerprint,
        }
        backends.emotion.predict(_WARM_UP)
        backends.tone.score([np.random.default_rng(0).normal(0.0, 0.1, 16_000).astype(np.float32)])
        self._say(event="ready", load_seconds=time.perf_counter() - started, models=models)

    def _work(self, claim: Claim) -> None:
        self._began, self._claim = time.monotonic(), claim
        job, work = claim.job, self._folders.work(claim.job.id)
        try:
            outcome = run(job, self._folders.uploads, work, self._sources, self._backends, self._on_stage)
        except Exception as error:  # noqa: BLE001 - one job that fails in a way nobody foresaw must not stop the others
            logger().error("job_error", job=job.id, error=type(error).__name__, at=where(error))
            outcome = Outcome(None, None, "internal_error", "The service failed; the operator finds why in its log.")
        with self._leaving:
            self._claim = None
            stored = self._store_outcome(claim, outcome)
        self._clean_up(claim, work)
        if stored:
            self._say_ended(claim, outcome)

    def _store_outcome(self, claim: Claim, outcome: Outcome) -> bool:
        if outcome.result is None:
            return self._store.fail(claim, outcome.code, outcome.detail)
        return self._store.succeed(claim, json.dumps(outcome.result), outcome.audio_seconds)

    def _say_ended(self, claim: Claim, outcome: Outcome) -> None:
        status, seconds = ("failed" if outcome.result is None else "succeeded"), time.monotonic() - self._began
        audio_seconds = outcome.audio_seconds or 0.0
        self._say(event="ended", job=claim.job.id, status=status, seconds=seconds, audio_seconds=audio_seconds)
        logger().info(
            "job_ended",
            job=claim.job.id,
            subject=claim.job.subject,
            status=status,
            code=outcome.code or None,
            seconds=round(seconds, 3),
            audio_seconds=audio_seconds,
        )

    def _clean_up(self, claim: Claim, work: Path) -> None:
        shutil.rmtree(work, ignore_errors=True)
        if claim.job.upload is not None:
            (self._folders.uploads / claim.job.upload).unlink(missing_ok=True)

    def _on_stage(self, stage: str) -> None:
        claim = self._claim
        if claim is not None and not self._store.report(claim, stage, PROGRESS[stage]):
            self._leave_without(claim)

    def _listen(self, wake: IO[str]) -> None:
        for _line in wake:
            self._woken.set()
        with self._leaving:
            if self._claim is not None:
                self._store.release(self._claim)
            os._exit(_ENDED)

    def _keep_claim(self) -> None:
        """Renew the lease; end this process where the job is no longer its own or takes too long."""
        while True:
            time.sleep(self._api.jobs.lease_seconds / 3)
            with self._leaving:
                claim = self._claim
                if claim is None:
                    continue
                if time.monotonic() - self._began > self._api.jobs.timeout:
                    detail = f"It took longer than {self._api.jobs.timeout:g} s."
                    self._store.fail(claim, "job_timeout", detail)
                    self._clean_up(claim, self._folders.work(claim.job.id))
                    os._exit(_TIMED_OUT)
                try:
                    is_ours = self._store.renew(claim)
                except SQLAlchemyError as error:
                    logger().warning("lease_not_renewed", job=claim.job.id, error=type(error).__name__)
                    continue
                if not is_ours:
                    self._leave_without(claim)

    def _leave_without(self, claim: Claim) -> NoReturn:
        logger().info("job_taken_away", job=claim.job.id)
        os._exit(_CLAIM_LOST)

    def _tell_webhooks(self) -> None:
        webhooks, secret = self._api.webhooks, self._secret
        while secret is not None:
            job = self._store.next_webhook()
            if job is None:
                time.sleep(_IDLE_S)
                continue
            delivered = deliver(job, secret.get_secret_value(), self._limits, webhooks.timeout)
            if delivered or job.webhook_attempts >= webhooks.attempts:
                self._store.webhook_told(job.id, delivered=delivered)
                self._say(event="webhook", delivered=delivered)


def main(
    short_only: Annotated[bool, typer.Option(help="Take only jobs that somebody waits for.")] = False,
) -> None:
    """Work on jobs until standard input ends."""
    # What libraries print must not come between the lines for the server.
    told = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the server, which gets the same signal, ends this process in its time
    lock = threading.Lock()

    def say(**what: Any) -> None:
        with lock:
            told.write(json.dumps(what) + "\n")

    settings = load_settings()
    set_up_logs(settings.log_level)
    to_logging()
    store = JobStore(open_database(settings.api, settings.api_secrets), settings.api.jobs, settings.api.webhooks)
    try:
        Worker(settings, store, say, short_only=short_only).serve(sys.stdin)
    except EmotionPipelineError as error:
        logger().error("worker_cannot_start", error=type(error).__name__, reason=str(error))
    except Exception as error:  # noqa: BLE001 - its message may hold anything, and a trace would hold paths
        logger().error("worker_failed", error=type(error).__name__, at=where(error))
    os._exit(_FAILED)


if __name__ == "__main__":
    typer.run(main)
