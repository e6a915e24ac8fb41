"""``/jobs/{id}``: reading and deleting jobs. For other subjects than its owner a job does not exist."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Response

from emotion_pipeline.api.access import OwningJobs, Parts
from emotion_pipeline.api.jobs.records import FAILED, JobRecord
from emotion_pipeline.api.jobs.store import JobStore, KeyTakenError, NewJob, TooManyJobsError
from emotion_pipeline.api.problems import Problem, described
from emotion_pipeline.api.schemas import Job
from emotion_pipeline.api.service import Service

router = APIRouter(tags=["jobs"])

_JobId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="As in the answer that accepted the job.")]
_COME_BACK_S: Final = 30


@router.get("/jobs/{job_id}", responses=described(401, 403, 404, 422, 429, 503))
async def read_job(job_id: _JobId, service: Parts, who: OwningJobs) -> Job:
    """Say where a job stands, with its result when it has one."""
    job = await service.in_database(lambda: service.jobs.get(job_id, who.subject))
    if job is None:
        raise _no_such_job()
    return job_of(job)


@router.delete("/jobs/{job_id}", status_code=204, responses=described(401, 403, 404, 422, 429, 503))
async def delete_job(job_id: _JobId, service: Parts, who: OwningJobs) -> Response:
    """Cancel a job that has not ended, and forget it with its upload and its result."""
    job = await service.in_database(lambda: service.jobs.remove(job_id, who.subject))
    if job is None:
        raise _no_such_job()
    service.workers.end(job_id)
    await asyncio.to_thread(service.folders.remove_job, job_id, job.upload)
    return Response(status_code=204)


def job_of(job: JobRecord) -> Job:
    """Return a job as clients see it."""
    copied: dict[str, Any] = {name: getattr(job, name) for name in ("id", "status", "progress", "stage", "file")}
    return Job(
        **copied,
        created_at=_time(job.created_at),
        started_at=_time(job.started_at) if job.started_at else None,
        finished_at=_time(job.finished_at) if job.finished_at else None,
        audio_seconds=job.audio_seconds,
        result=json.loads(job.result) if job.result else None,
        failure={"code": job.failure_code, "detail": job.failure_detail} if job.status == FAILED else None,  # pyright: ignore[reportArgumentType]
        webhook=job.webhook_status,  # pyright: ignore[reportArgumentType]
    )


async def accept(service: Service, new: NewJob) -> tuple[JobRecord, bool]:
    """Store a job and wake a worker; return it, and whether it is new: the same idempotency key gives the same job.

    Raises Problem: 409 or 422 for a key that belongs to another request, 429 for too many unfinished jobs.
    """
    try:
        job = await service.in_database(lambda: _requested_before(service.jobs, new))
        if job is not None:
            return job, False
        job = await service.in_database(lambda: service.jobs.add(new))
    except TooManyJobsError as error:
        detail = f"{error}; wait for some to end, or delete them."
        raise Problem(429, "too_many_jobs", detail, headers={"Retry-After": str(_COME_BACK_S)}) from error
    except KeyTakenError as error:
        detail = "Another request with this Idempotency-Key is just being accepted; ask for its job in a moment."
        raise Problem(409, "idempotency_conflict", detail) from error
    service.workers.wake()
    return job, True


def _requested_before(jobs: JobStore, new: NewJob) -> JobRecord | None:
    if new.idempotency_key is None:
        return None
    job = jobs.by_key(new.subject, new.idempotency_key)
    if job is not None and job.request_digest != new.request_digest:
        raise Problem(422, "idempotency_key_reused", "This Idempotency-Key belongs to another request of yours.")
    return job


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _no_such_job() -> Problem:
    return Problem(404, "job_not_found", "There is no such job, or it is not yours.")
