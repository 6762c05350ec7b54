"""What a seed declares, checked; ids are the same each time it is applied."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, cast
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, create_model

from services.directory.entities import (
    IN_ACCOUNT,
    FieldError,
    Ids,
    Key,
    account_id_of,
    id_of,
    seed_form_of,
    to_entity,
)
from shared.contracts.directory import AccountChanged, AgentChanged, ConnectionChanged
from shared.contracts.entities import Entity, Name
from shared.plumbing.transient import FatalError

_VARIABLE: Final = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


class SeedError(FatalError, ValueError):
    """`field` of the seed is wrong; `file` is added by who read it."""

    def __init__(self, field: str, text: str, file: str = "the seed") -> None:
        super().__init__(f"{file}: {field}: {text}" if field else f"{file}: {text}")
        self.field = field
        self.text = text

    def of(self, file: str) -> "SeedError":
        """The same, with the name of the file."""
        return SeedError(self.field, self.text, file)


class SeedApp(BaseModel):
    """A Meta app whose secret signs webhooks; two secrets while they rotate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Key
    app_secrets: Annotated[list[Name], Field(min_length=1, max_length=2)]
    verify_token: Name
    waba_ids: list[Name]


@dataclass(frozen=True, slots=True)
class DeclaredLogin:
    """A login with its password; `field` is where the seed says so."""

    agent_id: UUID
    login: str
    password: str
    field: str


@dataclass(frozen=True, slots=True)
class Declared:
    """What a seed declares of one account.

    `collections` are those that it writes down: of any other it says nothing, not even that it is
    empty. None as `apps` says nothing of apps.
    """

    account_id: UUID
    entities: tuple[Entity, ...]
    fields: Mapping[UUID, str]
    collections: frozenset[type[Entity]]
    logins: tuple[DeclaredLogin, ...]
    tokens: tuple[tuple[UUID, str], ...]  # connection, access token
    apps: tuple[tuple[str, SeedApp], ...] | None


def _list_of(form: type[BaseModel]) -> Any:  # noqa: ANN401  a type that is known at run time
    return list[form]


def _account_form() -> type[BaseModel]:
    collections: dict[str, Any] = {
        kind.COLLECTION: (_list_of(seed_form_of(kind)), []) for kind in IN_ACCOUNT
    }
    base = seed_form_of(AccountChanged)
    return create_model("SeedAccount", __base__=base, apps=(list[SeedApp], []), **collections)


_SEED: Final = create_model(
    "Seed",
    __config__=ConfigDict(frozen=True, extra="forbid"),
    accounts=(_list_of(_account_form()), ...),
)


def declared(raw: JsonValue, variables: Mapping[str, str]) -> list[Declared]:
    """What the YAML says, `${NAME}` replaced; raises SeedError with the first wrong field."""
    value = _with_variables(raw, variables, ())
    try:
        seed = _SEED.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise SeedError(_named(first["loc"], value), first["msg"]) from None
    accounts = cast("list[BaseModel]", seed.accounts)  # pyright: ignore[reportAttributeAccessIssue]
    found = [_account(account) for account in accounts]
    _once(
        "key", [(str(each.account_id), f"accounts.{number}") for number, each in enumerate(found)]
    )
    _once("login", [(one.login.casefold(), one.field) for each in found for one in each.logins])
    return found


def _account(part: BaseModel) -> Declared:
    values: dict[str, Any] = dict(part)
    key, account_id = values["key"], account_id_of(values["key"])
    listed = [
        (kind, each, f"accounts.{key}.{kind.COLLECTION}.{each.key}")
        for kind in IN_ACCOUNT
        for each in values[kind.COLLECTION]
    ]
    _once("key", [(field, field) for _, _, field in listed])
    ids: Ids = {
        (kind.kind(), each.key): id_of(kind, account_id, each.key) for kind, each, _ in listed
    }
    entities = [_entity(AccountChanged, part, f"accounts.{key}", account_id, account_id, ids)]
    for kind, each, field in listed:
        id_ = ids[kind.kind(), each.key]
        entities.append(_entity(kind, each, field, id_, account_id, ids))
    return Declared(
        account_id=account_id,
        entities=tuple(entities),
        fields=dict(
            zip(
                [e.id for e in entities], [f"accounts.{key}", *(f for *_, f in listed)], strict=True
            )
        ),
        collections=frozenset(k for k in IN_ACCOUNT if k.COLLECTION in part.model_fields_set),
        logins=tuple(
            DeclaredLogin(ids[kind.kind(), each.key], each.login, each.password, f"{field}.login")
            for kind, each, field in listed
            if kind is AgentChanged
        ),
        tokens=tuple(
            (ids[kind.kind(), each.key], each.access_token)
            for kind, each, _ in listed
            if kind is ConnectionChanged
        ),
        apps=tuple((f"{key}/{each.key}", each) for each in values["apps"])
        if "apps" in part.model_fields_set
        else None,
    )


def _entity(
    kind: type[Entity], part: BaseModel, field: str, id_: UUID, account_id: UUID, ids: Ids
) -> Entity:
    try:
        return to_entity(kind, part, id_, account_id, ids)
    except FieldError as error:
        wrong = f"{field}.{error.field}"
        raise SeedError(wrong, str(error)) from None


def _once(what: str, found: Sequence[tuple[str, str]]) -> None:
    """Raises SeedError where two fields have one value; names both."""
    first: dict[str, str] = {}
    for value, field in found:
        if value in first:
            raise SeedError(field, f"this {what} belongs to {first[value]} already")
        first[value] = field


def _with_variables(
    value: JsonValue, variables: Mapping[str, str], at: tuple[str | int, ...]
) -> JsonValue:
    match value:
        case str():
            for name in _VARIABLE.findall(value):
                if name not in variables:
                    raise SeedError(_named(at, None), f"the variable {name} is not set")
            return _VARIABLE.sub(lambda found: variables[found[1]], value)
        case dict():
            return {k: _with_variables(each, variables, (*at, k)) for k, each in value.items()}
        case list():
            return [_with_variables(v, variables, (*at, n)) for n, v in enumerate(value)]
        case _:
            return value


def _named(at: Sequence[str | int], value: JsonValue) -> str:
    """`accounts.demo.agents.ana.login`: the key in a list's place, else the number."""
    return ".".join(_steps(at, value))


def _steps(at: Sequence[str | int], value: JsonValue) -> Iterator[str]:
    for step in at:
        inside: JsonValue = None
        if isinstance(value, list) and isinstance(step, int) and step < len(value):
            inside = value[step]
        elif isinstance(value, dict):
            inside = value.get(str(step))
        key = inside.get("key") if isinstance(inside, dict) and isinstance(step, int) else None
        yield key if isinstance(key, str) else str(step)
        value = inside
