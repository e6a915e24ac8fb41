"""The FastAPI application: routes under ``/v1`` and, with the paths that the public documentation names, at the root.

``create_app`` is what uvicorn calls in each of its processes.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware

import emotion_pipeline
from emotion_pipeline.api.logs import set_up_logs
from emotion_pipeline.api.middleware import RequestMiddleware
from emotion_pipeline.api.problems import ProblemDetails, add_handlers
from emotion_pipeline.api.routes import audio, health, jobs, text
from emotion_pipeline.api.service import Service
from emotion_pipeline.api.tracing import trace
from emotion_pipeline.config.logs import to_logging
from emotion_pipeline.config.settings import Settings, load_settings

_DESCRIPTION: Final = """
What texts and recordings express. Every address also exists without `/v1`. Failures are problem details (RFC 9457)
with a stable `code`; RateLimit fields say how much you may still ask for.
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application; its parts start with its lifespan.

    :raises TokenSetupError: there is no key to verify tokens with
    :raises ConfigurationError: settings contradict each other
    """
    settings = settings or load_settings()
    set_up_logs(settings.log_level)
    to_logging()
    service = Service(settings)
    app = FastAPIOffline(  # the pages under /docs and /redoc load nothing from elsewhere
        title="emotion-pipeline",
        version=emotion_pipeline.__version__,
        description=_DESCRIPTION,
        lifespan=_lifespan,
        redirect_slashes=False,  # a redirect would lead to whatever host the client named
    )
    app.state.service = service
    add_handlers(app)
    for prefix in ("/v1", ""):
        for module in (health, text, audio, jobs):
            app.include_router(module.router, prefix=prefix)
    app.add_middleware(RequestMiddleware, service=service)
    if settings.api.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.api.cors_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Prefer", "X-Request-ID"],
            expose_headers=["Location", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID"],
        )
    if settings.api.tracing:
        trace(app)
    _describe_problems(app)
    return app


def _describe_problems(app: FastAPI) -> None:
    """Describe errors as problem details in OpenAPI, in place of FastAPI's own form."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            description = describe()
            schemas = description["components"]["schemas"]
            schemas["ProblemDetails"] = ProblemDetails.model_json_schema()
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            app.openapi_schema = description
        return app.openapi_schema

    app.openapi = openapi


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.service
    await service.start()
    try:
        yield
    finally:
        await service.stop()
