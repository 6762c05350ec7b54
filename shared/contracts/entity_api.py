"""Bodies of the HTTP calls about entities: what people write, and what directory answers.

gateway → directory, below `/internal/entities/{collection}`: POST `/query` (EntityQuery →
EntityPage), POST `/{id}/create` and `/{id}/replace` (form_of → EntityRecord), POST
`/{id}/deactivate` and `/{id}/reactivate` (→ EntityRecord), POST `/{id}/history/query`
(HistoryQuery → EntityHistory). Changes of what exists may carry `X-Expected-Version`.
"""

from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, create_model
from pydantic.fields import FieldInfo

from shared.contracts.entities import Entity, Managed, Written
from shared.contracts.envelope import Contract
from shared.contracts.internal_api import Request

_NOT_WRITTEN = frozenset({"id", "account_id", "active"})


@cache
def form_of(kind: type[Entity]) -> type[BaseModel]:
    """What people write to create or replace an entity: an unknown field is an error."""
    name = kind.__name__.removesuffix("Changed")
    return _form(kind, f"{name}Form", f"A {kind.kind().replace('_', ' ')}, as it is to be.")


def written_fields(kind: type[BaseModel]) -> dict[str, tuple[Any, Any]]:
    """The fields of a form, for `create_model`: type and default."""
    return {
        name: _written(field)
        for name, field in kind.model_fields.items()
        if name not in _NOT_WRITTEN and not _marks(field, Managed)
    }


def example_of(kind: type[Entity]) -> dict[str, Any]:
    """An example of `form_of(kind)`, of those fields that have one."""
    return {
        name: mark.example
        for name, field in kind.model_fields.items()
        for mark in _marks(field, Written)
        if name not in _NOT_WRITTEN and mark.example is not None
    }


def _form(kind: type[BaseModel], name: str, about: str) -> type[BaseModel]:
    strict = ConfigDict(frozen=True, extra="forbid")
    fields = cast("dict[str, Any]", written_fields(kind))
    return create_model(name, __config__=strict, __doc__=about, **fields)


def _written(field: FieldInfo) -> tuple[Any, Any]:
    annotation = field.annotation
    if isinstance(annotation, type) and issubclass(annotation, Contract):
        part = _form(annotation, f"{annotation.__name__}Form", annotation.__doc__ or "")
        return part, Field(default_factory=part)
    form: Any = next((mark.form for mark in _marks(field, Written)), field.annotation)
    return form, ... if field.is_required() else field.get_default(call_default_factory=True)


def _marks(field: FieldInfo, kind: type[Any]) -> list[Any]:
    return [mark for mark in field.metadata if isinstance(mark, kind)]


class EntityQuery(Request):
    """A page of a collection, by name; `sector_ids` drops what is limited to other sectors."""

    id: UUID | None = None
    q: str | None = None
    active: bool | None = True
    sector_ids: list[UUID] | None = None
    after: tuple[str, UUID] | None = None  # folded name and id of the last one
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class EntityRecord(Contract):
    """An entity as it stands; `version` rises with every change."""

    version: int
    changed_at: datetime
    entity: dict[str, JsonValue]


class EntityPage(Contract):
    """A page, and where the next one begins."""

    items: list[EntityRecord]
    next_after: tuple[str, UUID] | None


EntityAction = Literal["created", "changed", "deactivated", "reactivated"]


class EntityChange(Contract):
    """One change; without an actor it came from the seed."""

    version: int
    at: datetime
    actor_id: UUID | None
    action: EntityAction
    before: dict[str, JsonValue] | None
    after: dict[str, JsonValue]


class HistoryQuery(Request):
    """A page of changes, newest first."""

    before: int | None = None  # a version
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class EntityHistory(Contract):
    """Changes, newest first; the next page begins before `next_before`."""

    items: list[EntityChange]
    next_before: int | None
