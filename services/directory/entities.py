"""Entities as a seed writes them, made from their classes: keys for ids, secrets beside them."""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final, NamedTuple
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field, create_model

from shared.contracts.directory import (
    ENTITIES,
    AgentChanged,
    ConnectionChanged,
)
from shared.contracts.entities import AccountEntity, Entity, Name, Refers, references
from shared.contracts.entity_api import written_fields

_KEY: Any = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
Key = Annotated[str, _KEY]
Ids = Mapping[tuple[str, str], UUID]
"""Ids by kind and key, of everything that an account of the seed defines."""

IN_ACCOUNT: Final[tuple[type[Entity], ...]] = tuple(
    kind for kind in ENTITIES if issubclass(kind, AccountEntity)
)
SECRETS: Final[Mapping[type[Entity], Mapping[str, Any]]] = {
    AgentChanged: {"login": (Name, ...), "password": (Name, ...)},
    ConnectionChanged: {"access_token": (Name, ...)},
}
"""What stands beside an entity in the seed, and is never published."""


class FieldError(ValueError):
    """A field of an entity of the seed is wrong."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


class _Reference(NamedTuple):
    field: str
    refers: Refers
    many: bool

    @property
    def written(self) -> str:
        """`sector_ids` is written as `sectors`, `sector_id` as `sector`."""
        return f"{self.field[:-4]}s" if self.many else self.field[:-3]


@cache
def seed_form_of(kind: type[Entity]) -> type[BaseModel]:
    """The part of a seed that declares an entity; for an account, without what is in it."""
    fields = dict(written_fields(kind))
    for reference in _references(kind):
        _, default = fields.pop(reference.field)
        form: Any = list[Key] if reference.many else Annotated[str | None, _KEY]
        fields[reference.written] = (form, [] if reference.many else default)
    if issubclass(kind, AccountEntity):
        fields["active"] = (bool, True)
    extra: dict[str, Any] = {"key": (Key, ...), **fields, **SECRETS.get(kind, {})}
    strict = ConfigDict(frozen=True, extra="forbid")
    return create_model(f"Seed{kind.__name__.removesuffix('Changed')}", __config__=strict, **extra)


def id_of(kind: type[Entity], account_id: UUID, key: str) -> UUID:
    """The same key has the same id each time the seed is applied."""
    return uuid5(account_id, f"{kind.kind()}:{key}")


def to_entity(kind: type[Entity], part: BaseModel, id_: UUID, account_id: UUID, ids: Ids) -> Entity:
    """The entity that a part of the seed declares; raises FieldError."""
    values = part.model_dump()
    for reference in _references(kind):
        keys = values.pop(reference.written)
        found = [_resolved(reference, key, account_id, ids) for key in _listed(keys)]
        values[reference.field] = found if reference.many else next(iter(found), None)
    entity = kind.model_validate({**values, "id": id_, "account_id": account_id})
    if isinstance(entity, ConnectionChanged) and (entity.entry == "flow") > bool(entity.flow_id):
        field = "flow"
        raise FieldError(field, "entry: flow names no flow")
    return entity


def account_id_of(key: str) -> UUID:
    """The id of a seeded account."""
    return uuid5(_NAMESPACE, key)


def _resolved(reference: _Reference, key: str, account_id: UUID, ids: Ids) -> UUID:
    kind = reference.refers.kind
    if not reference.refers.defined:
        return uuid5(account_id, f"{kind}:{key}")  # its owner makes the same id of the same key
    if (kind, key) not in ids:
        raise FieldError(reference.written, f"the seed defines no {kind} {key}")
    return ids[kind, key]


def _references(kind: type[Entity]) -> list[_Reference]:
    return [_Reference(name, mark, name.endswith("_ids")) for name, mark in references(kind)]


def _listed(keys: str | list[str] | None) -> list[str]:
    return [] if keys is None else [keys] if isinstance(keys, str) else keys


_NAMESPACE: Final = UUID("5d0c5b5e-0a3c-5d5f-9a53-6f1f0d7a7b11")
