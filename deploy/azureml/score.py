"""The scoring script of Azure Machine Learning: ``init`` once, then ``run`` for each request, over the same engine.

A request is what ``POST /v1/predict`` takes, ``text`` or ``texts``, with the same answer; or a recording as
``{"file": "call.mp3", "audio": "<base64>"}``, answered as ``POST /v1/predict/audio`` does. There are no jobs here: a
recording has to be done within the endpoint's request timeout, so longer ones belong to the REST service.

``app`` serves them as a container of one's own does: Azure's inference server wants older packages than the engine.
"""

import base64
import binascii
import hashlib
import json
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from emotion_pipeline.analyzer import AudioAnalyzer
from emotion_pipeline.api.schemas import TextRequest
from emotion_pipeline.config.engine_options import backend_choice
from emotion_pipeline.config.settings import load_settings
from emotion_pipeline.engine.backends import Backends
from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.emotion import model as emotion_model
from emotion_pipeline.engine.sentiment.text_scoring import score_texts
from emotion_pipeline.engine.sources.local import found_recording

_WEIGHTS: Final = "weights.safetensors"

_models: dict[str, Any] = {}


class RequestError(Exception):
    """A request that cannot be answered, with the status and the stable code to say so."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


def init() -> None:
    """Load the models and make sure that the registered one is the one in this image.

    :raises BackendUnavailableError: it is not
    """
    settings = load_settings()
    _check_registered(os.environ.get("REGISTERED_MODEL"))
    _models.update(backends=Backends(backend_choice(settings)), analyzer=AudioAnalyzer(settings))
    _score_texts(["Exciting news!"])


def run(raw_data: str | bytes) -> dict[str, Any]:
    """Return the answer to one request. Raises RequestError where there is none."""
    try:
        request = json.loads(raw_data)
    except ValueError as error:
        raise RequestError(400, "invalid_json", "The body is not valid JSON.") from error
    if isinstance(request, dict) and "audio" in request:
        return _recording(request)
    try:
        texts = TextRequest.model_validate(request)
    except ValidationError as error:
        detail = "; ".join(problem["msg"] for problem in error.errors())
        raise RequestError(422, "invalid_request", detail) from error
    if texts.url:
        raise RequestError(422, "invalid_request", "Addresses become jobs, which only the REST service has.")
    scores = _score_texts(texts.texts or [texts.text])
    return {"results": scores} if texts.texts else scores[0]


def _score_texts(texts: list[str]) -> list[dict[str, Any]]:
    backends: Backends = _models["backends"]
    return [score.to_dict() for score in score_texts(texts, backends.emotion, backends.sentiment)]


def _recording(request: dict[str, Any]) -> dict[str, Any]:
    name = Path(str(request.get("file", ""))).name or "recording"
    try:
        audio = base64.b64decode(request["audio"], validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise RequestError(422, "invalid_request", "audio is not the base64 of a recording.") from error
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(audio)
        analyzer: AudioAnalyzer = _models["analyzer"]
        result = analyzer.analyze(found_recording(path, Path(folder)))
    if result.status in {"rejected", "failed"}:
        raise RequestError(422, result.reasons[0], "The recording cannot be used.")
    return result.to_dict()


def _check_registered(folder: str | None) -> None:
    if folder is None:
        return
    shipped = emotion_model.SHIPPED / _WEIGHTS
    found = sorted(Path(folder).rglob(_WEIGHTS))
    if [_digest(path) for path in found] != [_digest(shipped)]:
        raise BackendUnavailableError(
            f"the registered model in {folder} is not the one in this image; register the image's with "
            "az ml model create --file model.yaml, and name its version in deployment.yaml"
        )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@asynccontextmanager
async def _lifespan(_app: FastAPI) -> AsyncIterator[None]:
    await run_in_threadpool(init)
    yield


app = FastAPI(lifespan=_lifespan)


@app.get("/")
async def alive() -> dict[str, str]:
    """Say that the models are loaded; before that nothing listens."""
    return {"status": "ok"}


@app.post("/score")
async def score(request: Request) -> JSONResponse:
    """Answer as ``run`` does, and its errors with ``code`` and ``detail``."""
    try:
        return JSONResponse(await run_in_threadpool(run, await request.body()))
    except RequestError as error:
        return JSONResponse({"status": error.status, "code": error.code, "detail": error.detail}, error.status)
