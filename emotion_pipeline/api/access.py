"""Who may ask for what: the checks that stand before every route but those of health.

A token is judged by ``tokens``, limits are counted by ``limits``; here both meet the request.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from emotion_pipeline.api.problems import Problem, overloaded
from emotion_pipeline.api.service import Service
from emotion_pipeline.api.tokens import SCOPES, KeysUnavailableError, Principal, TokenError

# Who asks where everybody is let in.
DEVELOPER: Final = Principal("development", frozenset(SCOPES))

_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="emotion-clf token create --subject you")


def service_of(request: Request) -> Service:
    """Return the parts of this process."""
    return request.app.state.service


Parts = Annotated[Service, Depends(service_of)]


async def _principal(
    request: Request, service: Parts, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Principal:
    if service.judge is None:
        principal = DEVELOPER
    elif credentials is None:
        raise Problem(
            401,
            "token_missing",
            "Send a token: Authorization: Bearer ...",
            headers={"WWW-Authenticate": 'Bearer realm="emotion-pipeline"'},
        )
    else:
        principal = await _judged(service, credentials.credentials)
    request.state.subject = principal.subject
    return principal


async def _judged(service: Service, token: str) -> Principal:
    assert service.judge is not None
    try:
        if service.settings.api.tokens.jwks_url:
            return await asyncio.to_thread(service.judge.principal, token)  # it may ask the server of keys
        return service.judge.principal(token)
    except TokenError as error:
        challenge = f'Bearer realm="emotion-pipeline", error="invalid_token", error_description="{error}"'
        raise Problem(
            401, "token_invalid", f"The token is not believed: {error}.", headers={"WWW-Authenticate": challenge}
        ) from error
    except KeysUnavailableError as error:
        raise overloaded("keys_unavailable", "Tokens cannot be judged now; try again.", 10) from error


def allowed(scope: str) -> Callable[..., Awaitable[Principal]]:
    """Return a dependency that gives who asks, if the token has ``scope`` and the subject's limit is not used up."""

    async def check(
        service: Parts, response: Response, principal: Annotated[Principal, Depends(_principal)]
    ) -> Principal:
        if scope not in principal.scopes:
            challenge = f'Bearer realm="emotion-pipeline", error="insufficient_scope", scope="{scope}"'
            raise Problem(
                403,
                "scope_missing",
                f"The token does not have the scope {scope!r}, which this address asks for.",
                headers={"WWW-Authenticate": challenge},
            )
        standing = await service.limits.take_request(principal.subject)
        response.headers.update(standing.headers())
        return principal

    return check


Predicting = Annotated[Principal, Depends(allowed("predict"))]
OwningJobs = Annotated[Principal, Depends(allowed("jobs"))]
Measuring = Annotated[Principal, Depends(allowed("metrics"))]
