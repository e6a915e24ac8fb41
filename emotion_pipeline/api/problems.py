"""Answers to requests that fail: problem details (RFC 9457), which say what is wrong and what to do.

No problem holds a path, a secret or a trace; what went wrong inside the service is in the log.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from emotion_pipeline.api.logs import error_location, logger

MEDIA_TYPE: Final = "application/problem+json"

_TITLES: Final = {
    400: "The request cannot be read",
    401: "A valid token is needed",
    403: "The token does not allow this",
    404: "There is nothing here",
    405: "This method does nothing here",
    409: "The request contradicts another",
    413: "The request is too large",
    415: "The content is of another type than this address takes",
    422: "The request cannot be carried out",
    429: "Too many requests",
    500: "The service failed",
    503: "The service cannot take this now",
}


# Code and detail of what the framework refuses.
_FRAMEWORK: Final = {
    400: ("invalid_request", "The request cannot be read."),
    404: ("not_found", "There is nothing at this address; /docs lists the addresses."),
    405: ("method_not_allowed", "This address does not support this method; see the Allow header."),
    413: ("body_too_large", "The body is larger than this address accepts."),
}


class ProblemDetails(BaseModel):
    """Problem details (RFC 9457). ``code`` is stable and made for programs, ``detail`` is made for people."""

    type: str = Field(examples=["urn:emotion-pipeline:problem:invalid_request"])
    title: str
    status: int
    detail: str
    code: str
    instance: str = Field(description="The request, as the log names it.", examples=["urn:uuid:…"])
    errors: list[dict[str, str]] | None = Field(
        default=None, description="Where the request breaks a rule: a JSON pointer and a sentence each."
    )


class Problem(Exception):  # noqa: N818 - it is what RFC 9457 calls it
    """Ends a request with problem details.

    :param code: stable, in small letters with underscores
    :param detail: one or two sentences for people
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, str]] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.headers = dict(headers or {})
        self.errors = [dict(error) for error in errors] if errors is not None else None

    def response(self, request_id: str) -> Response:
        """Return the problem as a response."""
        body: dict[str, Any] = {
            "type": f"urn:emotion-pipeline:problem:{self.code}",
            "title": _TITLES.get(self.status, "The request failed"),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "instance": f"urn:request:{request_id}",
        }
        if self.errors is not None:
            body["errors"] = self.errors
        return JSONResponse(body, self.status, self.headers, MEDIA_TYPE)


def overloaded(code: str, detail: str, retry_after_s: int = 1) -> Problem:
    """Return Problem 503, with the time after which to try again."""
    return Problem(503, code, detail, headers={"Retry-After": str(retry_after_s)})


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the description of these responses for OpenAPI."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    return {status: {"description": _TITLES[status], "content": content} for status in sorted(statuses)}


def request_id_of(request: Request) -> str:
    """Return the id of a request in the log and in problems."""
    return request.scope.get("state", {}).get("request_id", "unknown")


def add_handlers(app: FastAPI) -> None:
    """Answer expected failures with problem details; ``middleware`` does so for all others."""

    @app.exception_handler(Problem)
    async def _problem(request: Request, error: Problem) -> Response:
        return error.response(request_id_of(request))

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        return _of_validation(error).response(request_id_of(request))

    @app.exception_handler(HTTPException)
    async def _of_the_framework(request: Request, error: HTTPException) -> Response:
        return _of_framework(error).response(request_id_of(request))


def unexpected(error: BaseException) -> Problem:
    """Log an unexpected error and return Problem 500."""
    logger().error("unexpected_error", error=type(error).__name__, at=error_location(error))
    return Problem(
        500, "internal_error", "The service failed; the operator finds the reason in the log under this request's id."
    )


def _of_validation(error: RequestValidationError) -> Problem:
    problems = error.errors()
    if any(problem["type"] == "json_invalid" for problem in problems):
        return Problem(400, "invalid_json", "The body is not valid JSON.")
    errors = [
        {"pointer": "/" + "/".join(_pointed(part) for part in problem["loc"]), "detail": problem["msg"]}
        for problem in problems
    ]
    return Problem(422, "invalid_request", "The request breaks the rules named in errors.", errors=errors)


def _pointed(part: object) -> str:
    """Return one step of a JSON pointer (RFC 6901)."""
    name = str(part).encode("utf-8", "replace").decode()  # the name of a field may hold half of a surrogate pair
    return name.replace("~", "~0").replace("/", "~1")


def _of_framework(error: HTTPException) -> Problem:
    code, detail = _FRAMEWORK.get(error.status_code, ("http_error", "The request failed."))
    if isinstance(error.__cause__, UnicodeDecodeError):
        detail = f"The body is not UTF-8 (byte {error.__cause__.start}); send JSON in that encoding."
    elif isinstance(error.__cause__, RecursionError):
        detail = "The body is nested too deep."
    return Problem(error.status_code, code, detail, headers=error.headers)
