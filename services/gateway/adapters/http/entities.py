"""What an administrator sets up: the same routes for every class of entity."""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Header, Path, Query, Response
from pydantic import BaseModel, Field, JsonValue, create_model

from services.gateway.adapters.entities import Entities
from services.gateway.adapters.http.openapi import problem_responses
from services.gateway.adapters.http.signed_in import (
    PersonDependency,
    command_of,
    expected_version,
)
from services.gateway.domain.access import Person, edits, usable_sectors
from services.gateway.domain.cards import Named, Names
from services.gateway.domain.cursors import InvalidCursorError, opened_text, signed_text
from shared.contracts.directory import ENTITIES
from shared.contracts.entities import AccountEntity, Entity
from shared.contracts.entity_api import (
    EntityAction,
    EntityPage,
    EntityQuery,
    EntityRecord,
    HistoryQuery,
    example_of,
    form_of,
)
from shared.contracts.envelope import Contract
from shared.contracts.internal_api import WITHOUT_NUL
from shared.plumbing.problems import ProblemError

IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=255)]
EntityId = Annotated[UUID, Path(alias="id")]
_ACTIVE = {"true": True, "false": False, "all": None}


class ListParameters(BaseModel):
    """What a collection may be asked for."""

    q: str | None = Field(None, max_length=100, pattern=WITHOUT_NUL)
    active: Literal["true", "false", "all"] = "true"
    sector: UUID | None = None
    cursor: str | None = None
    limit: int = Field(50, ge=1, le=200)


class HistoryParameters(BaseModel):
    """What a history may be asked for."""

    before: int | None = Field(None, ge=1, le=2**62)
    limit: int = Field(50, ge=1, le=200)


class Change(Contract):
    """One change of an entity; without `by` it came from the seed."""

    version: int
    at: datetime
    action: EntityAction
    by: Named | None
    before: dict[str, JsonValue] | None
    after: dict[str, JsonValue]


class History(Contract):
    """Changes, newest first; `next_before` asks for the next page, None on the last one."""

    items: list[Change]
    next_before: int | None


class EntityRoutes:
    """`/v1/sectors`, `/v1/agents`…; those that are editable have routes to change them."""

    def __init__(
        self,
        entities: Entities,
        names: Names,
        signed_in: PersonDependency,
        cursor_key: bytes,
        new_id: Callable[[], UUID],
    ) -> None:
        self._entities = entities
        self._names = names
        self._signed_in = signed_in
        self._administrator = _administrator_dependency(signed_in)
        self._cursor_key = cursor_key
        self._new_id = new_id

    def router(self) -> APIRouter:
        """The routes of all classes."""
        routes = APIRouter()
        for kind in ENTITIES:
            if issubclass(kind, AccountEntity):
                routes.include_router(self._reading(kind))
            if kind.EDITABLE:
                routes.include_router(self._changing(kind))
        return routes

    def _reading(self, kind: type[Entity]) -> APIRouter:
        routes, name = _routes(kind), kind.__name__.removesuffix("Changed")
        routes.add_api_route(
            "",
            self._list(kind),
            methods=["GET"],
            response_model=_page_of(kind),
            operation_id=f"list{_plural(kind)}",
            responses=problem_responses("forbidden", "invalid_cursor"),
        )
        routes.add_api_route(
            "/{id}",
            self._get(kind),
            methods=["GET"],
            response_model=_view_of(kind),
            operation_id=f"get{name}",
            responses=problem_responses("not_found"),
        )
        routes.add_api_route(
            "/{id}/history",
            self._history(kind),
            methods=["GET"],
            operation_id=f"get{name}History",
            responses=problem_responses("forbidden", "not_found"),
        )
        return routes

    def _changing(self, kind: type[Entity]) -> APIRouter:
        routes, name = _routes(kind), kind.__name__.removesuffix("Changed")
        verbs = (
            ("POST", "", self._create(kind), "create", ("idempotency_key_reused", "name_taken")),
            ("PUT", "/{id}", self._replace(kind), "replace", (*_FOUND, "name_taken")),
            ("DELETE", "/{id}", self._set_active(kind, "deactivate"), "deactivate", _FOUND),
            (
                "POST",
                "/{id}/reactivate",
                self._set_active(kind, "reactivate"),
                "reactivate",
                (*_FOUND, "name_taken"),
            ),
        )
        for method, path, endpoint, verb, codes in verbs:
            routes.add_api_route(
                path,
                endpoint,
                methods=[method],
                response_model=_view_of(kind),
                operation_id=f"{verb}{name}",
                status_code=201 if verb == "create" else 200,
                responses=problem_responses("forbidden", *codes),
            )
        return routes

    def _list(self, kind: type[Entity]) -> Callable[..., object]:
        purpose = kind.COLLECTION

        async def listed(
            person: Annotated[Person, Depends(self._signed_in)],
            asked: Annotated[ListParameters, Query()],
        ) -> dict[str, Any]:
            if asked.active != "true" and not edits(person):
                code = "forbidden"
                raise ProblemError(code)
            query = EntityQuery(
                q=asked.q,
                active=_ACTIVE[asked.active],
                sector_ids=usable_sectors(person, asked.sector),
                after=None if asked.cursor is None else self._opened(asked.cursor, purpose),
                limit=asked.limit,
            )
            page = await self._entities.page(person, kind, query)
            return {
                "items": [_shown(record) for record in page.items],
                "next_cursor": self._next_cursor(page, purpose),
            }

        return listed

    def _get(self, kind: type[Entity]) -> Callable[..., object]:
        async def get(
            person: Annotated[Person, Depends(self._signed_in)],
            id_: EntityId,
            response: Response,
        ) -> dict[str, Any]:
            active = None if edits(person) else True
            query = EntityQuery(id=id_, active=active, sector_ids=usable_sectors(person, None))
            return _answer(await self._entities.one(person, kind, query), response)

        return get

    def _history(self, kind: type[Entity]) -> Callable[..., object]:
        async def history(
            person: Annotated[Person, Depends(self._administrator)],
            id_: EntityId,
            asked: Annotated[HistoryParameters, Query()],
        ) -> History:
            query = HistoryQuery(before=asked.before, limit=asked.limit)
            found = await self._entities.history(person, kind, id_, query)
            changes = [
                Change(by=self._names.named(each.actor_id), **each.model_dump(exclude={"actor_id"}))
                for each in found.items
            ]
            return History(items=changes, next_before=found.next_before)

        return history

    def _create(self, kind: type[Entity]) -> Callable[..., object]:
        async def create(
            person: Annotated[Person, Depends(self._administrator)],
            response: Response,
            body: BaseModel,
            idempotency_key: IdempotencyKey = None,
        ) -> dict[str, Any]:
            id_ = command_of(person, idempotency_key, self._new_id)
            record = await self._entities.change(person, kind, id_, "create", body)
            response.headers["Location"] = f"{_path(kind)}/{id_}"
            return _answer(record, response)

        create.__annotations__["body"] = _body_of(kind)
        return create

    def _replace(self, kind: type[Entity]) -> Callable[..., object]:
        async def replace(
            person: Annotated[Person, Depends(self._administrator)],
            response: Response,
            id_: EntityId,
            body: BaseModel,
            if_match: Annotated[str, Header(alias="If-Match", examples=['"7"'])],
        ) -> dict[str, Any]:
            expected = expected_version(if_match)
            record = await self._entities.change(
                person, kind, id_, "replace", body, expected_version=expected
            )
            return _answer(record, response)

        replace.__annotations__["body"] = _body_of(kind)
        return replace

    def _set_active(
        self, kind: type[Entity], verb: Literal["deactivate", "reactivate"]
    ) -> Callable[..., object]:
        async def set_active(
            person: Annotated[Person, Depends(self._administrator)],
            response: Response,
            id_: EntityId,
            if_match: Annotated[str | None, Header(alias="If-Match", examples=['"7"'])] = None,
        ) -> dict[str, Any]:
            expected = expected_version(if_match)
            record = await self._entities.change(person, kind, id_, verb, expected_version=expected)
            return _answer(record, response)

        return set_active

    def _opened(self, cursor: str, purpose: str) -> tuple[str, UUID]:
        try:
            id_, _, name = opened_text(cursor, purpose, self._cursor_key).partition("|")
        except InvalidCursorError as error:
            code = "invalid_cursor"
            raise ProblemError(code, field="cursor") from error
        return name, UUID(id_)

    def _next_cursor(self, page: EntityPage, purpose: str) -> str | None:
        if page.next_after is None:
            return None
        name, id_ = page.next_after
        return signed_text(f"{id_}|{name}", purpose, self._cursor_key)


_FOUND = ("not_found", "version_mismatch")


def _administrator_dependency(signed_in: PersonDependency) -> Callable[..., Any]:
    async def administrator(person: Annotated[Person, Depends(signed_in)]) -> Person:
        if not edits(person):
            code = "forbidden"
            raise ProblemError(code)
        return person

    return administrator


@cache
def _view_of(kind: type[Entity]) -> type[BaseModel]:
    """An entity as it is shown: its fields, its version, and when it changed."""
    fields: dict[str, Any] = {
        name: (field.annotation, field)
        for name, field in kind.model_fields.items()
        if name != "account_id"
    }
    fields |= {"version": (int, ...), "changed_at": (datetime, ...)}
    name = kind.__name__.removesuffix("Changed")
    return create_model(name, __base__=Contract, __doc__=kind.__doc__, **fields)


@cache
def _page_of(kind: type[Entity]) -> type[BaseModel]:
    view: Any = _view_of(kind)
    name = f"{view.__name__}Page"
    about = "A page by name; `next_cursor` is None on the last one."
    fields: dict[str, Any] = {"items": (list[view], ...), "next_cursor": (str | None, ...)}
    return create_model(name, __base__=Contract, __doc__=about, **fields)


def _body_of(kind: type[Entity]) -> Any:  # noqa: ANN401  a type that is known at run time
    return Annotated[form_of(kind), Body(examples=[example_of(kind)])]


def _routes(kind: type[Entity]) -> APIRouter:
    return APIRouter(prefix=_path(kind), tags=[kind.COLLECTION])


def _path(kind: type[Entity]) -> str:
    return f"/v1/{kind.COLLECTION.replace('_', '-')}"


def _plural(kind: type[Entity]) -> str:
    return kind.COLLECTION.title().replace("_", "")


def _shown(record: EntityRecord) -> dict[str, Any]:
    return {**record.entity, "version": record.version, "changed_at": record.changed_at}


def _answer(record: EntityRecord, response: Response) -> dict[str, Any]:
    response.headers["ETag"] = f'"{record.version}"'
    return _shown(record)
