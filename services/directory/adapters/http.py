"""The internal API: sessions and entities for the gateway, secrets for each service."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from services.directory.adapters import entities_http
from services.directory.handlers.entities import EntityHandler
from services.directory.handlers.secrets import Secrets, UnknownServiceError
from services.directory.handlers.sessions import InvalidCredentialsError, Sessions
from shared.contracts.internal_api import (
    Credentials,
    RefreshRequest,
    SecretsAnswer,
    SessionAnswer,
)
from shared.plumbing.problems import ProblemError
from shared.plumbing.tokens import Caller, TokenVerifier, caller_dependency


def router(
    sessions: Sessions,
    secrets: Secrets,
    entities: EntityHandler,
    verifier: TokenVerifier,
    seeded: Callable[[], bool],
) -> APIRouter:
    """Routes under /internal; each needs an internal token for `directory`.

    503 until `seeded`: a part of what is set up would be taken for all of it.
    """

    def only_when_seeded() -> None:
        if not seeded():
            code = "not_ready"
            raise ProblemError(code)

    routes = APIRouter(dependencies=[Depends(only_when_seeded)])
    calling = caller_dependency(verifier)

    async def sign_in(
        caller: Annotated[Caller, Depends(calling)], body: Credentials
    ) -> SessionAnswer:
        _only_gateway(caller)
        try:
            return await sessions.sign_in(body)
        except InvalidCredentialsError as error:
            code = "invalid_credentials"
            raise ProblemError(code) from error

    async def renew(
        caller: Annotated[Caller, Depends(calling)], body: RefreshRequest
    ) -> SessionAnswer:
        _only_gateway(caller)
        try:
            return await sessions.renew(body.refresh_token)
        except InvalidCredentialsError as error:
            code = "invalid_credentials"
            raise ProblemError(code) from error

    async def sign_out(
        caller: Annotated[Caller, Depends(calling)], body: RefreshRequest
    ) -> Response:
        _only_gateway(caller)
        await sessions.sign_out(body.refresh_token)
        return Response(status_code=204)

    async def own_secrets(caller: Annotated[Caller, Depends(calling)]) -> SecretsAnswer:
        try:
            return await secrets.of(caller.service)
        except UnknownServiceError as error:
            code = "forbidden"
            raise ProblemError(code) from error

    routes.add_api_route("/internal/sessions", sign_in, methods=["POST"])
    routes.add_api_route("/internal/sessions/refresh", renew, methods=["POST"])
    routes.add_api_route("/internal/sessions/end", sign_out, methods=["POST"])
    routes.add_api_route("/internal/secrets", own_secrets, methods=["GET"])
    routes.include_router(entities_http.router(entities, calling))
    return routes


def _only_gateway(caller: Caller) -> None:
    if caller.service != "gateway":
        code = "forbidden"
        raise ProblemError(code)
