"""The states of jobs: every change is one statement or transaction of the database.

A worker claims a job with a token and a lease. Only the holder of the newest token can write: after the lease lapsed
and another worker claimed the job, the old token writes nothing. So a job that two processes worked on has one result.
"""

import hashlib
import time
import uuid
from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, and_, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from emotion_pipeline.api.jobs.records import (
    FAILED,
    NO_WEBHOOK,
    PENDING,
    QUEUED,
    RUNNING,
    SUCCEEDED,
    UNFINISHED,
    JobRecord,
)
from emotion_pipeline.config.service_settings import Jobs, Webhooks
from emotion_pipeline.engine.common.errors import EmotionPipelineError

WORKER_LOST: Final = "worker_lost"
_DAY_S: Final = 86_400.0


class TooManyJobsError(EmotionPipelineError):
    """A subject has too many unfinished jobs."""


class KeyTakenError(EmotionPipelineError):
    """Another request has the same idempotency key."""


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to store; its recording is ``upload``, a file in the folder of uploads, or ``address``."""

    subject: str
    file: str
    upload: str | None = None
    address: str | None = None
    audio_seconds: float | None = None
    short: bool = False
    webhook_url: str | None = None
    idempotency_key: str | None = None
    request_digest: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """Lets its holder, and nobody else, write to a job."""

    job_id: str
    token: str


class JobStore:
    """The jobs of one database; safe to share between threads.

    :param now: seconds since 1970
    """

    def __init__(self, engine: Engine, jobs: Jobs, webhooks: Webhooks, now: Callable[[], float] = time.time) -> None:
        self._engine, self._jobs, self._webhooks, self._now = engine, jobs, webhooks, now

    def add(self, new: NewJob) -> JobRecord:
        """Store a job; when this returns it is accepted.

        :raises TooManyJobsError: the subject has too many unfinished jobs
        :raises KeyTakenError: another job has the same idempotency key
        """
        record = JobRecord(
            id=uuid.uuid4().hex,
            status=QUEUED,
            progress=0.0,
            attempts=0,
            created_at=self._now(),
            webhook_status=PENDING if new.webhook_url else NO_WEBHOOK,
            webhook_attempts=0,
            **{name: getattr(new, name) for name in NewJob.__slots__},
        )
        try:
            with self._session() as session, session.begin():
                unfinished = and_(JobRecord.subject == new.subject, JobRecord.status.in_(UNFINISHED))
                if (session.scalar(select(func.count()).where(unfinished)) or 0) >= self._jobs.most_unfinished:
                    raise TooManyJobsError(f"{self._jobs.most_unfinished} jobs have not ended yet")
                session.add(record)
        except IntegrityError as error:
            raise KeyTakenError("another job has this idempotency key") from error
        return record

    def get(self, job_id: str, subject: str) -> JobRecord | None:
        """Return a job, None where it does not exist or belongs to another subject."""
        with self._session() as session:
            return session.scalar(select(JobRecord).where(JobRecord.id == job_id, JobRecord.subject == subject))

    def by_key(self, subject: str, key: str) -> JobRecord | None:
        """Return a subject's job by its idempotency key."""
        with self._session() as session:
            where = and_(JobRecord.subject == subject, JobRecord.idempotency_key == key)
            return session.scalar(select(JobRecord).where(where))

    def remove(self, job_id: str, subject: str) -> JobRecord | None:
        """Delete a subject's job and return it; the claim of its worker ends."""
        with self._session() as session, session.begin():
            where = and_(JobRecord.id == job_id, JobRecord.subject == subject)
            return session.scalar(delete(JobRecord).where(where).returning(JobRecord))

    def claim(self, *, short_only: bool = False) -> tuple[JobRecord, Claim] | None:
        """Claim and return the next job, short ones first, or None; a job whose lease lapsed is claimed again.

        A job that was begun too often, and whose workers all died, fails with the code ``WORKER_LOST``.
        """
        self._fail_lost_jobs()
        token = uuid.uuid4().hex
        with self._session() as session, session.begin():
            session.connection()  # wait for another writer before the clock is read
            now = self._now()
            waiting = or_(JobRecord.status == QUEUED, _lapsed(now))
            next_job = (
                select(JobRecord)
                .where(waiting, *([JobRecord.short] if short_only else []))
                .order_by(JobRecord.short.desc(), JobRecord.created_at)
                .limit(1)
            )
            job = session.scalar(next_job.with_for_update(skip_locked=True))
            if job is None:
                return None
            job.status, job.claim, job.lease_until = RUNNING, token, now + self._jobs.lease_seconds
            job.attempts += 1
            job.started_at = job.started_at or now
        return job, Claim(job.id, token)

    def renew(self, claim: Claim) -> bool:
        """Prolong a claim. Return False where it has ended: the job was deleted, or another worker claimed it."""
        return self._update_claimed(claim, {"lease_until": self._now() + self._jobs.lease_seconds})

    def report(self, claim: Claim, stage: str, progress: float) -> bool:
        """Store the progress, [0, 1]. Returns as ``renew``."""
        return self._update_claimed(claim, {"stage": stage, "progress": progress})

    def release(self, claim: Claim) -> bool:
        """Give back an unfinished job, because its worker has to stop. Returns as ``renew``."""
        attempts = JobRecord.attempts - 1
        values = {"status": QUEUED, "claim": None, "lease_until": None, "attempts": attempts, "stage": None}
        return self._update_claimed(claim, values)

    def succeed(self, claim: Claim, result: str, audio_seconds: float | None) -> bool:
        """Store the result. Returns as ``renew``: False stores nothing."""
        ended = {"status": SUCCEEDED, "result": result, "progress": 1.0, "audio_seconds": audio_seconds}
        return self._end(claim, ended)

    def fail(self, claim: Claim, code: str, detail: str) -> bool:
        """Store a failure. Returns as ``renew``."""
        return self._end(claim, {"status": FAILED, "failure_code": code, "failure_detail": detail})

    def files(self, *, ended: bool) -> dict[str, str | None]:
        """Return the jobs that have ended, or those that have not, with the name of the upload of each."""
        unfinished = JobRecord.status.in_(UNFINISHED)
        with self._session() as session:
            rows = session.execute(select(JobRecord.id, JobRecord.upload).where(~unfinished if ended else unfinished))
            return {row.id: row.upload for row in rows}

    def forget_old(self) -> int:
        """Delete jobs that ended more than ``keep_days`` ago and return how many."""
        before = self._now() - self._jobs.keep_days * _DAY_S
        with self._session() as session, session.begin():
            removed = session.scalars(
                delete(JobRecord).where(JobRecord.finished_at < before).returning(JobRecord.id)
            ).all()
        return len(removed)

    def of_recordings(
        self, recording_ids: Collection[str], addresses: Collection[str], before: float
    ) -> dict[str, str | None]:
        """Return the jobs of uploads with these bytes, of these addresses, or from before a time, with their uploads.

        A job knows its recording by the digest of its request only: it forgets bytes and address when it ends.
        """
        columns = (
            JobRecord.id,
            JobRecord.upload,
            JobRecord.request_digest,
            JobRecord.webhook_url,
            JobRecord.created_at,
        )
        with self._session() as session:
            jobs = session.execute(select(*columns)).all()
        asked = [*recording_ids, *addresses]
        return {
            job.id: job.upload
            for job in jobs
            if job.created_at < before
            or job.request_digest in {request_digest(what, job.webhook_url) for what in asked}
        }

    def erase(self, job_ids: Collection[str]) -> None:
        """Delete jobs of whatever subject; of SQLite also what its log still holds of them."""
        with self._session() as session, session.begin():
            session.execute(delete(JobRecord).where(JobRecord.id.in_(job_ids)))
        if self._engine.dialect.name == "sqlite":
            with closing(self._engine.raw_connection()) as connection:  # a transaction would keep the log
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def counts(self) -> dict[str, int]:
        """Return the numbers of queued and of running jobs, by status."""
        with self._session() as session:
            query = select(JobRecord.status, func.count()).where(JobRecord.status.in_(UNFINISHED))
            rows = session.execute(query.group_by(JobRecord.status)).tuples()
            return dict.fromkeys(UNFINISHED, 0) | dict(rows.all())

    def oldest_queued_s(self) -> float:
        """Return the age of the oldest job that waits, 0 where none does."""
        with self._session() as session:
            oldest = session.scalar(select(func.min(JobRecord.created_at)).where(JobRecord.status == QUEUED))
        return 0.0 if oldest is None else max(0.0, self._now() - oldest)

    def next_webhook(self) -> JobRecord | None:
        """Return the next job whose webhook is due, or None; it is due again after a pause until ``end_webhook``."""
        now = self._now()
        ended = JobRecord.status.in_((SUCCEEDED, FAILED))
        due = and_(JobRecord.webhook_status == PENDING, ended, JobRecord.webhook_due_at <= now)
        first = select(JobRecord).where(due).order_by(JobRecord.webhook_due_at).limit(1)
        with self._session() as session, session.begin():
            job = session.scalar(first.with_for_update(skip_locked=True))
            if job is not None:
                pause = self._webhooks.first_pause * 2.0**job.webhook_attempts
                job.webhook_attempts += 1
                job.webhook_due_at = now + self._webhooks.timeout + pause
            return job

    def end_webhook(self, job_id: str, status: str) -> None:
        """Make no further attempt at a job's webhook; ``status`` is ``DELIVERED`` or ``UNDELIVERED``."""
        with self._session() as session, session.begin():
            session.execute(update(JobRecord).where(JobRecord.id == job_id).values(webhook_status=status))

    def _fail_lost_jobs(self) -> None:
        detail = f"Work on it began {self._jobs.attempts} times and ended each time with the loss of its process."
        values = {"status": FAILED, "failure_code": WORKER_LOST, "failure_detail": detail, **self._ended()}
        lost = and_(_lapsed(self._now()), JobRecord.attempts >= self._jobs.attempts)
        with self._session() as session, session.begin():
            session.execute(update(JobRecord).where(lost).values(values))

    def _end(self, claim: Claim, values: dict[str, Any]) -> bool:
        return self._update_claimed(claim, {**values, **self._ended()})

    def _ended(self) -> dict[str, Any]:
        now = self._now()
        gone = dict.fromkeys(("claim", "lease_until", "address", "stage"))
        return {**gone, "finished_at": now, "webhook_due_at": now}

    def _update_claimed(self, claim: Claim, values: dict[str, Any]) -> bool:
        held = and_(JobRecord.id == claim.job_id, JobRecord.claim == claim.token, JobRecord.status == RUNNING)
        with self._session() as session, session.begin():
            return session.scalar(update(JobRecord).where(held).values(values).returning(JobRecord.id)) is not None

    def _session(self) -> Session:
        return Session(self._engine, expire_on_commit=False)


def request_digest(what: str, webhook_url: str | None) -> str:
    """Return what identifies a request: the SHA-256 of its upload, or its address, together with its webhook."""
    return hashlib.sha256(f"{what}\n{webhook_url or ''}".encode()).hexdigest()


def _lapsed(now: float) -> ColumnElement[bool]:
    return and_(JobRecord.status == RUNNING, JobRecord.lease_until < now)
