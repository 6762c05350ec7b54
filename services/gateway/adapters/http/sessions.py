"""Sign in, renew, sign out, and who am I."""

from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Request, Response
from limits import parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from services.gateway.adapters.access_tokens import AccessTokens
from services.gateway.adapters.http.openapi import problem_responses
from services.gateway.adapters.http.signed_in import PersonDependency
from services.gateway.adapters.services import Directory
from services.gateway.domain.access import Person
from services.gateway.domain.cards import Named, Names
from shared.contracts.envelope import Contract
from shared.contracts.internal_api import Credentials, RefreshRequest, SessionAnswer
from shared.plumbing.problems import ProblemError

_CREDENTIALS: Final = Body(examples=[{"login": "ana@demo", "password": "correct horse"}])
_REFRESH: Final = Body(examples=[{"refresh_token": "q2pT4Zc1o9nXkV0s7mJbYw"}])


class Session(Contract):
    """Tokens of a session; `expires_in` seconds of the access token."""

    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int


class Me(Contract):
    """Who is signed in."""

    id: UUID
    name: str
    account: Named | None
    roles: list[str]
    sectors: list[Named]


def router(
    directory: Directory,
    tokens: AccessTokens,
    names: Names,
    signed_in: PersonDependency,
    logins_per_minute: int,
) -> APIRouter:
    """`/v1/sessions` and `/v1/me`."""
    routes = APIRouter(prefix="/v1", tags=["sessions"])
    limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
    limit = parse(f"{logins_per_minute}/minute")

    async def sign_in(request: Request, body: Annotated[Credentials, _CREDENTIALS]) -> Session:
        address = request.client.host if request.client else ""
        if not await limiter.hit(limit, "login", address, body.login.casefold()):
            code = "too_many_requests"
            raise ProblemError(code, headers={"Retry-After": "60"})
        return _session(await directory.sign_in(body), tokens)

    async def renew(body: Annotated[RefreshRequest, _REFRESH]) -> Session:
        return _session(await directory.renew(body), tokens)

    async def sign_out(body: Annotated[RefreshRequest, _REFRESH]) -> Response:
        await directory.sign_out(body)
        return Response(status_code=204)

    async def me(person: Annotated[Person, Depends(signed_in)]) -> Me:
        sectors = [names.named(id_) for id_ in person.sector_ids]
        return Me(
            id=person.id,
            name=person.name,
            account=names.named(person.account_id),
            roles=list(person.roles),
            sectors=[sector for sector in sectors if sector is not None],
        )

    add = routes.add_api_route
    add(
        "/sessions",
        sign_in,
        methods=["POST"],
        operation_id="signIn",
        status_code=201,
        responses=problem_responses("invalid_credentials", "too_many_requests", signed_in=False),
    )
    add(
        "/sessions/refresh",
        renew,
        methods=["POST"],
        operation_id="renewSession",
        responses=problem_responses("unauthenticated", signed_in=False),
    )
    add(
        "/sessions",
        sign_out,
        methods=["DELETE"],
        operation_id="signOut",
        status_code=204,
        responses=problem_responses(signed_in=False),
    )
    add("/me", me, methods=["GET"], operation_id="getMe", responses=problem_responses())
    return routes


def _session(answer: SessionAnswer, tokens: AccessTokens) -> Session:
    return Session(
        access_token=tokens.issue(answer.agent_id),
        refresh_token=answer.refresh_token,
        expires_in=int(tokens.life.total_seconds()),
    )
