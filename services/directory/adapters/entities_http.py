"""The internal API of entities, for the gateway: the same routes for every class."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Header, Request, Response
from pydantic import BaseModel

from services.directory.handlers.entities import (
    EntityHandler,
    EntityNotFoundError,
    EntityVersionError,
    KeyReusedError,
    NameTakenError,
    UnknownReferenceError,
)
from shared.contracts.directory import ENTITIES
from shared.contracts.entities import AccountEntity, Entity
from shared.contracts.entity_api import (
    EntityHistory,
    EntityPage,
    EntityQuery,
    EntityRecord,
    HistoryQuery,
    form_of,
)
from shared.contracts.internal_api import EXPECTED_VERSION_HEADER
from shared.plumbing.problems import ProblemError
from shared.plumbing.tokens import Caller

Calling = Callable[[str], Awaitable[Caller]]
Who = Callable[[Caller], Awaitable[tuple[UUID, UUID]]]
"""The account and the person that the gateway speaks for."""
Expected = Annotated[int | None, Header(alias=EXPECTED_VERSION_HEADER)]
_REFUSALS = (
    EntityNotFoundError,
    EntityVersionError,
    KeyReusedError,
    NameTakenError,
    UnknownReferenceError,
)


def router(handler: EntityHandler, calling: Calling) -> APIRouter:
    """Routes of all classes; the gateway has judged what its caller may see and change."""
    routes = APIRouter()
    who = _who(calling)
    for kind in ENTITIES:
        if issubclass(kind, AccountEntity):
            routes.include_router(_queries(kind, handler, who))
        if kind.EDITABLE:
            routes.include_router(_changes(kind, handler, who))
    return routes


def install_refusals(app: FastAPI) -> None:
    """Answer what the handler refuses as problem+json."""
    for kind in _REFUSALS:
        app.add_exception_handler(kind, _refused(app))


def _who(calling: Calling) -> Who:
    async def who(caller: Annotated[Caller, Depends(calling)]) -> tuple[UUID, UUID]:
        if caller.service != "gateway" or caller.account is None:
            code = "forbidden"
            raise ProblemError(code)
        return caller.account, UUID(caller.principal)

    return who


def _queries(kind: type[Entity], handler: EntityHandler, who: Who) -> APIRouter:
    routes = APIRouter(prefix=f"/internal/entities/{kind.COLLECTION}")
    asked = Depends(who)

    async def query(body: EntityQuery, person: Annotated[tuple[UUID, UUID], asked]) -> EntityPage:
        return await handler.page(kind, person[0], body)

    async def history(
        id_: UUID, body: HistoryQuery, person: Annotated[tuple[UUID, UUID], asked]
    ) -> EntityHistory:
        return await handler.history(kind, person[0], id_, body)

    routes.add_api_route("/query", query, methods=["POST"])
    routes.add_api_route("/{id_}/history/query", history, methods=["POST"])
    return routes


def _changes(kind: type[Entity], handler: EntityHandler, who: Who) -> APIRouter:
    routes = APIRouter(prefix=f"/internal/entities/{kind.COLLECTION}/{{id_}}")
    asked = Depends(who)

    async def create(
        id_: UUID, body: BaseModel, person: Annotated[tuple[UUID, UUID], asked]
    ) -> EntityRecord:
        return await handler.create(kind, person[0], id_, body, person[1])

    async def replace(
        id_: UUID,
        body: BaseModel,
        person: Annotated[tuple[UUID, UUID], asked],
        expected: Expected = None,
    ) -> EntityRecord:
        return await handler.replace(kind, person[0], id_, body, person[1], expected)

    async def deactivate(
        id_: UUID, person: Annotated[tuple[UUID, UUID], asked], expected: Expected = None
    ) -> EntityRecord:
        return await handler.set_active(
            kind, person[0], id_, active=False, actor_id=person[1], expected=expected
        )

    async def reactivate(
        id_: UUID, person: Annotated[tuple[UUID, UUID], asked], expected: Expected = None
    ) -> EntityRecord:
        return await handler.set_active(
            kind, person[0], id_, active=True, actor_id=person[1], expected=expected
        )

    for endpoint in (create, replace):
        endpoint.__annotations__["body"] = form_of(kind)
    add = routes.add_api_route
    add("/create", create, methods=["POST"])
    add("/replace", replace, methods=["POST"])
    add("/deactivate", deactivate, methods=["POST"])
    add("/reactivate", reactivate, methods=["POST"])
    return routes


def _refused(app: FastAPI) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(request: Request, error: Exception) -> Response:
        answer: Any = app.exception_handlers[ProblemError]
        return await answer(request, _problem(error))

    return handle


def _problem(error: Exception) -> ProblemError:
    match error:
        case EntityVersionError():
            return ProblemError(error.code, version=error.version)
        case NameTakenError():
            return ProblemError(error.code, field="name", id=str(error.id))
        case UnknownReferenceError():
            return ProblemError(error.code, field=error.field, reason="unknown_reference")
        case EntityNotFoundError() | KeyReusedError():
            return ProblemError(error.code)
        case _:
            return ProblemError("internal_error")
