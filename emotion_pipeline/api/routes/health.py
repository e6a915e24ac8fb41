"""``/health``, ``/ready`` and ``/metrics``."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

import emotion_pipeline
from emotion_pipeline.api.access import Measuring, Parts
from emotion_pipeline.api.problems import described
from emotion_pipeline.api.schemas import Health, Readiness

router = APIRouter(tags=["service"])


@router.get("/health")
async def health() -> Health:
    """Say that the process answers; nothing else is checked."""
    return Health(status="ok", version=emotion_pipeline.__version__)


@router.get(
    "/ready", response_model=Readiness, responses={503: {"model": Readiness, "description": "Not yet, or no more"}}
)
async def ready(service: Parts) -> Any:
    """Say whether requests are taken: models warm, workers up, database and limits reachable."""
    checks = await service.readiness()
    is_ready = all(state == "ok" for state in checks.values())
    body = {"status": "ready" if is_ready else "not_ready", "checks": checks, "models": service.models}
    return JSONResponse(body, 200 if is_ready else 503)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {CONTENT_TYPE_LATEST: {}}}, **described(401, 403, 429, 503)},
)
async def metrics(service: Parts, _who: Measuring) -> Response:
    """Give the figures in Prometheus' text format; needs the scope ``metrics``."""
    return Response(service.metrics.exposition(), headers={"Content-Type": CONTENT_TYPE_LATEST})
