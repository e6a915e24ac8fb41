"""``POST /predict/audio``: a recording that is sent; short ones are answered at once, long ones become jobs."""

import json
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, Response

from emotion_pipeline.api.access import Parts, Predicting
from emotion_pipeline.api.jobs.records import FAILED, SUCCEEDED, JobRecord
from emotion_pipeline.api.jobs.store import NewJob, request_digest
from emotion_pipeline.api.limits import Standing
from emotion_pipeline.api.problems import Problem, described
from emotion_pipeline.api.routes.jobs import accept, job_of
from emotion_pipeline.api.routes.text import IdempotencyKey, check_webhook
from emotion_pipeline.api.schemas import Job, RecordingResult
from emotion_pipeline.api.tokens import Principal
from emotion_pipeline.api.uploads import Kept, file_of, keep, look_at, read_form, text_of

router = APIRouter(tags=["predict"])

_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {
            "type": "string",
            "format": "binary",
            "description": "A recording in any usual format, also the sound of a video.",
        },
        "webhook_url": {
            "type": "string",
            "description": "Gets a message when the job has ended; see Standard Webhooks.",
        },
    },
}
# Failures of the service, not of the recording.
_SERVICE_FAILURES: Final = frozenset({"internal_error", "worker_lost", "job_timeout"})


@router.post(
    "/predict/audio",
    response_model=RecordingResult,
    responses={
        202: {"model": Job, "description": "It became a job"},
        **described(400, 401, 403, 409, 413, 415, 422, 429, 500, 503),
    },
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}}},
)
async def predict_audio(
    request: Request,
    service: Parts,
    who: Predicting,
    key: IdempotencyKey = None,
    prefer: Annotated[
        str | None, Header(description="respond-async (RFC 7240): answer with a job, however short it is.")
    ] = None,
) -> Response:
    """Say what a recording expresses: with its result if it is short, else with 202 and a job."""
    uploads = service.settings.api.uploads
    form = await read_form(request)
    try:
        webhook_url, file = text_of(form, "webhook_url"), file_of(form)
        check_webhook(webhook_url, service)
        kept = await service.in_probe(lambda: keep(file, service.folders.uploads))
    finally:
        await form.close()
    is_accepted = False
    try:
        seconds = await service.in_probe(lambda: look_at(kept.path, uploads.max_seconds))
        standing = await service.limits.take_audio(who.subject, seconds or uploads.short_seconds)
        is_short = seconds is not None and seconds <= uploads.short_seconds and "respond-async" not in (prefer or "")
        new = _new_job(who, kept, seconds, webhook_url, key, is_short=is_short)
        job, is_accepted = await accept(service, new)
    finally:
        if not is_accepted:  # refused, or asked for before: no job needs this file
            kept.path.unlink(missing_ok=True)
    if is_short:
        await service.workers.wait_for(job.id, uploads.answer_within)
        job = await service.in_database(lambda: service.jobs.get(job.id, who.subject)) or job
    return _answer(job, standing)


def _new_job(
    who: Principal, kept: Kept, seconds: float | None, webhook_url: str, key: str | None, *, is_short: bool
) -> NewJob:
    return NewJob(
        who.subject,
        file=kept.file,
        upload=kept.path.name,
        audio_seconds=seconds,
        short=is_short,
        webhook_url=webhook_url or None,
        idempotency_key=key,
        request_digest=request_digest(kept.sha256, webhook_url),
    )


def _answer(job: JobRecord, standing: Standing) -> Response:
    where = f"/v1/jobs/{job.id}"
    headers = {**standing.headers(), "Content-Location": where}
    if job.status == SUCCEEDED and job.short:
        return JSONResponse(json.loads(job.result or "{}"), headers=headers)
    if job.status == FAILED and job.short:
        status = 500 if job.failure_code in _SERVICE_FAILURES else 422
        raise Problem(status, job.failure_code or "internal_error", job.failure_detail or "", headers=headers)
    return JSONResponse(job_of(job).model_dump(mode="json"), 202, {**standing.headers(), "Location": where})
