"""``POST /predict``: texts at once, the address of a recording as a job."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import JSONResponse, Response

from emotion_pipeline.api.access import Parts, Predicting
from emotion_pipeline.api.addresses import check_address
from emotion_pipeline.api.jobs.store import NewJob, request_digest
from emotion_pipeline.api.problems import Problem, described
from emotion_pipeline.api.routes.jobs import accept, job_of
from emotion_pipeline.api.schemas import Job, TextEmotion, TextEmotions, TextRequest
from emotion_pipeline.api.service import Service
from emotion_pipeline.api.tokens import Principal
from emotion_pipeline.engine.sources.addresses import name_of

router = APIRouter(tags=["predict"])

# What an address counts as in the limit of audio seconds: its length is not known yet.
_ADDRESS_AUDIO_S: Final = 60.0

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern="^[!-~]+$",
        description="The same key and request give the same job, however often they are sent.",
    ),
]


async def takes_json(request: Request) -> None:
    """Refuse a body of another type. Raises Problem 415."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem(415, "not_json", "Send JSON, with the header Content-Type: application/json.")


SentAsJson = Annotated[None, Depends(takes_json)]


@router.post(
    "/predict",
    response_model=TextEmotion | TextEmotions,
    responses={
        202: {"model": Job, "description": "The address became a job"},
        **described(400, 401, 403, 409, 413, 415, 422, 429, 503),
    },
)
async def predict(
    body: TextRequest, service: Parts, who: Predicting, _json: SentAsJson, key: IdempotencyKey = None
) -> Any:
    """Say what a text expresses, or several; or accept the address of a recording or of a page with a video.

    A text is answered with its result, several with ``results``, an address with 202 and a job.
    """
    if body.url:
        return await _as_job(body, service, who, key)
    texts = body.texts or [body.text]
    _check_size(texts, service)
    service.require_text_model()
    results = await service.text.score(texts)
    return {"results": results} if body.texts else results[0]


async def _as_job(body: TextRequest, service: Service, who: Principal, key: str | None) -> Response:
    check_address(body.url, service.fetch_limits)
    check_webhook(body.webhook_url, service)
    standing = await service.limits.take_audio(who.subject, _ADDRESS_AUDIO_S)
    new = NewJob(
        who.subject,
        file=name_of(body.url),
        address=body.url,
        webhook_url=body.webhook_url or None,
        idempotency_key=key,
        request_digest=request_digest(body.url, body.webhook_url),
    )
    job, _is_new = await accept(service, new)
    headers = {**standing.headers(), "Location": f"/v1/jobs/{job.id}"}
    return JSONResponse(job_of(job).model_dump(mode="json"), 202, headers)


def check_webhook(address: str, service: Service) -> None:
    """Refuse the address of a webhook that is not allowed, or any without a secret to sign with. Raises Problem 422."""
    if not address:
        return
    if service.settings.api_secrets.webhook_secret is None:
        detail = "This service has no secret to sign webhooks with; read the job instead."
        raise Problem(422, "webhooks_disabled", detail)
    check_address(address, service.fetch_limits, webhook=True)


def _check_size(texts: list[str], service: Service) -> None:
    limits = service.settings.api.limits
    if len(texts) > limits.texts:
        raise Problem(413, "too_many_texts", f"{len(texts)} texts were sent; {limits.texts} may be in one request.")
    longest = max(map(len, texts))
    if longest > limits.text_characters:
        detail = f"A text has {longest} characters; {limits.text_characters} are allowed."
        raise Problem(413, "text_too_long", detail)
