"""Access: the dependencies that verify the token, the scope and the limit of every request but those for health."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from emotion_pipeline.api.problems import Problem, overloaded
from emotion_pipeline.api.service import Service
from emotion_pipeline.api.tokens import SCOPES, KeysUnavailableError, Principal, TokenError

# The subject of all requests where no tokens are needed.
DEVELOPER: Final = Principal("development", frozenset(SCOPES))

_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="emotion-clf token create --subject you")


def service_of(request: Request) -> Service:
    """Return the parts of this process."""
    return request.app.state.service


Parts = Annotated[Service, Depends(service_of)]


async def _principal(
    request: Request, service: Parts, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Principal:
    if service.tokens is None:
        principal = DEVELOPER
    elif credentials is None:
        raise Problem(
            401,
            "token_missing",
            "Send a token: Authorization: Bearer ...",
            headers={"WWW-Authenticate": 'Bearer realm="emotion-pipeline"'},
        )
    else:
        principal = await _verified(service, credentials.credentials)
    request.state.subject = principal.subject
    return principal


async def _verified(service: Service, token: str) -> Principal:
    assert service.tokens is not None
    try:
        if service.settings.api.tokens.jwks_url:
            return await asyncio.to_thread(service.tokens.verify, token)  # it may ask the key server
        return service.tokens.verify(token)
    except TokenError as error:
        challenge = f'Bearer realm="emotion-pipeline", error="invalid_token", error_description="{error}"'
        raise Problem(
            401, "token_invalid", f"The token is not accepted: {error}.", headers={"WWW-Authenticate": challenge}
        ) from error
    except KeysUnavailableError as error:
        raise overloaded("keys_unavailable", "Tokens cannot be verified now; try again.", 10) from error


def require(scope: str) -> Callable[..., Awaitable[Principal]]:
    """Return a dependency: the principal, if the token has ``scope`` and the subject's limit is not used up."""

    async def check(
        service: Parts, response: Response, principal: Annotated[Principal, Depends(_principal)]
    ) -> Principal:
        if scope not in principal.scopes:
            challenge = f'Bearer realm="emotion-pipeline", error="insufficient_scope", scope="{scope}"'
            raise Problem(
                403,
                "scope_missing",
                f"The token does not have the scope {scope!r}, which this address needs.",
                headers={"WWW-Authenticate": challenge},
            )
        standing = await service.limits.take_request(principal.subject)
        response.headers.update(standing.headers())
        return principal

    return check


Predicting = Annotated[Principal, Depends(require("predict"))]
OwningJobs = Annotated[Principal, Depends(require("jobs"))]
Measuring = Annotated[Principal, Depends(require("metrics"))]
