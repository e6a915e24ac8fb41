"""The parts of one server process, put together, started and stopped; requests find them in ``app.state.service``.

``check_setup`` refuses settings that contradict each other before anything starts.
"""

import asyncio
import contextlib
import ipaddress
import signal
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from emotion_pipeline.api.addresses import job_limits
from emotion_pipeline.api.drain import Drain
from emotion_pipeline.api.folders import Folders
from emotion_pipeline.api.jobs.database import is_current, migrate, open_database
from emotion_pipeline.api.jobs.servers import Server
from emotion_pipeline.api.jobs.store import JobStore
from emotion_pipeline.api.jobs.supervisor import Supervisor
from emotion_pipeline.api.limits import RateLimits
from emotion_pipeline.api.logs import error_location, logger
from emotion_pipeline.api.metrics import Metrics
from emotion_pipeline.api.problems import Problem, overloaded
from emotion_pipeline.api.text import TextService
from emotion_pipeline.api.tokens import TokenVerifier
from emotion_pipeline.config.settings import ConfigurationError, Settings

T = TypeVar("T")

_DATABASE_THREADS: Final = 4
# Uploads that are inspected at once; more would take the cores from recordings in work.
_PROBE_THREADS: Final = 2

# Pauses between two counts of unfinished jobs, and between two removals of old jobs and files.
_COUNT_EVERY_S: Final = 15.0
_TIDY_EVERY_S: Final = 3_600.0
# How long a check of readiness may take, and how long its result is used: anybody may ask for it.
_CHECK_S: Final = 2.0
_CHECK_EVERY_S: Final = 1.0


def check_setup(settings: Settings) -> TokenVerifier | None:
    """Return the verifier of tokens, None where requests need none.

    :raises TokenSetupError: tokens cannot be verified
    :raises ConfigurationError: settings contradict each other
    """
    api, secrets = settings.api, settings.api_secrets
    if api.workers > 1 and secrets.redis_url is None:
        raise ConfigurationError(
            f"api.workers is {api.workers}, and each would count requests for itself; "
            "set EMOTION_REDIS_URL, or set api.workers to 1"
        )
    keyless = secrets.jwt_secret is None and api.tokens.algorithm == "HS256"
    if not (api.development and keyless):
        return TokenVerifier(api.tokens, secrets)
    if not _is_loopback(api.host):
        raise ConfigurationError(
            f"api.development accepts requests without tokens, so api.host must be 127.0.0.1, not {api.host}; "
            "set EMOTION_JWT_SECRET to serve other machines"
        )
    return None


class Service:
    """The parts of one process."""

    def __init__(self, settings: Settings) -> None:
        api, secrets = settings.api, settings.api_secrets
        self.settings = settings
        self.tokens = check_setup(settings)
        self.metrics = Metrics()
        self.drain = Drain(api.leave_seconds)
        self.limits = RateLimits(api.limits, secrets.redis_url.get_secret_value() if secrets.redis_url else None)
        self.fetch_limits = job_limits(settings)
        self.folders = Folders(api.folder)
        self.text = TextService(settings, self.metrics)
        self.workers = Supervisor(api.jobs, self.metrics, lambda call: self.in_database(lambda: call(self.jobs)))
        self._engine = open_database(api, secrets)
        self.jobs = JobStore(self._engine, api.jobs, api.webhooks)
        self._server = Server(self._engine, api.folder)
        self._database = ThreadPoolExecutor(_DATABASE_THREADS, thread_name_prefix="database")
        self._probes = ThreadPoolExecutor(_PROBE_THREADS, thread_name_prefix="probe")
        self._tasks: list[asyncio.Task[None]] = []
        self._text_model = "starting"
        self._checked_at = -_CHECK_EVERY_S
        self._checks: dict[str, str] = {"database": "starting", "limits": "starting"}

    async def start(self) -> None:
        """Take requests; models load meanwhile, and ``readiness`` says when they are loaded."""
        await self.in_database(lambda: migrate(self._engine, self.settings.api.folder))
        await self.in_database(self._server.check_in)
        self.drain.install()
        self.workers.start()
        self.text.start()
        self._tasks = [
            asyncio.create_task(self._warm_up(), name="warm-up"),
            asyncio.create_task(self._count(), name="count"),
            asyncio.create_task(self._tidy(), name="tidy"),
        ]

    async def stop(self) -> None:
        """End everything that ``start`` began."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.text.stop()
        await self.workers.stop()
        with contextlib.suppress(Problem):  # the database does not answer: its row lapses
            await self.in_database(self._server.check_out)
        for pool in (self._database, self._probes):
            pool.shutdown(wait=False, cancel_futures=True)
        self._engine.dispose()

    async def in_database(self, call: Callable[[], T]) -> T:
        """Return the result of ``call``, made in a thread. Raises Problem 503 where the database does not answer."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._database, call)
        except SQLAlchemyError as error:
            logger().error("database_error", error=type(error).__name__, at=error_location(error))
            raise overloaded("database_unavailable", "The database of jobs does not answer; try again.", 5) from error

    async def in_probe(self, call: Callable[[], T]) -> T:
        """Return the result of inspecting an upload, made in one of few threads."""
        return await asyncio.get_running_loop().run_in_executor(self._probes, call)

    def require_text_model(self) -> None:
        """Raise Problem 503 where the text model is not loaded."""
        if self._text_model != "ok":
            raise overloaded("starting", "The text model is not loaded yet; try again.", 2)

    async def readiness(self) -> dict[str, str]:
        """Return the state of each part by name: ``ok``, ``starting``, ``failed`` or ``draining``."""
        return {
            "serving": "draining" if self.drain.has_begun else "ok",
            "text_model": self._text_model,
            "workers": "ok" if self.workers.is_ready else "starting",
            **await self._checked(),
        }

    @property
    def models(self) -> dict[str, str]:
        """Fingerprints of the models in use."""
        return {**self.workers.models, **self.text.models}

    async def _check_database(self) -> None:
        if not await self.in_database(lambda: is_current(self._engine)):
            raise overloaded("database_unavailable", "The tables in the database are of another version.")

    async def _checked(self) -> dict[str, str]:
        if time.monotonic() - self._checked_at >= _CHECK_EVERY_S:
            self._checked_at = time.monotonic()
            self._checks = {
                "database": await self._state_of(self._check_database()),
                "limits": await self._state_of(self.limits.check()),
            }
        return self._checks

    async def _state_of(self, check: Coroutine[Any, Any, None]) -> str:
        try:
            await asyncio.wait_for(check, _CHECK_S)
        except (Problem, TimeoutError):
            return "failed"
        return "ok"

    async def _warm_up(self) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(None, self.text.warm_up)
        except Exception as error:  # noqa: BLE001 - the service stays up and says that it is not ready
            self._text_model = "failed"
            logger().error("text_model_failed", error=type(error).__name__, at=error_location(error))
            return
        self._text_model = "ok"
        logger().info("text_model_ready", models=self.text.models)

    async def _count(self) -> None:
        while True:
            try:
                await self.in_database(self._server.check_in)
                counts = await self.in_database(self.jobs.counts)
                self.metrics.oldest_queued_job_seconds.set(await self.in_database(self.jobs.oldest_queued_s))
            except Problem:
                counts = {}
            except ConfigurationError as error:  # its row had lapsed, and another server took its place
                logger().error("folder_not_shared", reason=str(error))
                signal.raise_signal(signal.SIGTERM)
                return
            for status, count in counts.items():
                self.metrics.unfinished_jobs.labels(status).set(count)
            await asyncio.sleep(_COUNT_EVERY_S)

    async def _tidy(self) -> None:
        while True:
            try:
                forgotten = await self.in_database(self.jobs.forget_old)
                unfinished = await self.in_database(lambda: self.jobs.files(ended=False))
                ended = await self.in_database(lambda: self.jobs.files(ended=True))
                removed = self.folders.remove_abandoned(unfinished, ended)
            except Problem:
                forgotten = removed = 0
            if forgotten or removed:
                logger().info("tidied", jobs_forgotten=forgotten, files_removed=removed)
            await asyncio.sleep(_TIDY_EVERY_S)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
