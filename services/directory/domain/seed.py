"""What does a seed file say? Checked, with ids that are the same each time it is applied."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from shared.contracts.directory import (
    MOST_TICKETS,
    AccountChanged,
    AgentChanged,
    ConnectionChanged,
    Policies,
    SectorChanged,
    Texts,
)

_NAMESPACE: Final = UUID("5d0c5b5e-0a3c-5d5f-9a53-6f1f0d7a7b11")
_VARIABLE: Final = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")

Name = Annotated[str, Field(min_length=1, max_length=200)]
Key = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class SeedError(ValueError):
    """The seed names something that does not exist."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SeedSector(_Part):
    """A sector."""

    key: Key
    name: Name
    active: bool = True


class SeedAgent(_Part):
    """An agent with a login; sectors by key."""

    key: Key
    name: Name
    login: Name
    password: Name
    roles: list[Literal["agent", "supervisor", "admin"]]
    sectors: list[Key] = []
    active: bool = True
    ticket_limit: int | None = Field(default=None, ge=1, le=MOST_TICKETS)


class SeedConnection(_Part):
    """A business number and the token with which it sends."""

    key: Key
    name: Name
    waba_id: Name
    phone_number_id: Name
    display_phone: Name
    graph_url: Name
    access_token: Name
    entry: Literal["waiting", "flow", "menu"] = "waiting"
    flow: Key | None = None  # of `entry: flow`; a ready flow of the bot, by its key
    sector: Key | None = None
    texts: Texts = Texts()
    active: bool = True


class SeedApp(_Part):
    """A Meta app whose secret signs webhooks; two secrets while they rotate."""

    key: Key
    app_secrets: Annotated[list[Name], Field(min_length=1, max_length=2)]
    verify_token: Name
    waba_ids: list[Name]


class SeedAccount(_Part):
    """One account and everything in it."""

    key: Key
    name: Name
    timezone: str = "America/Sao_Paulo"
    default_sector: Key | None = None
    policies: Policies = Policies()
    sectors: list[SeedSector]
    agents: list[SeedAgent]
    connections: list[SeedConnection]
    apps: list[SeedApp]


class Seed(_Part):
    """The file."""

    accounts: list[SeedAccount]


Entity = AccountChanged | SectorChanged | AgentChanged | ConnectionChanged


@dataclass(frozen=True, slots=True)
class Seeded:
    """A seeded account in the words of the contracts."""

    account_id: UUID
    entities: tuple[Entity, ...]
    logins: tuple[tuple[UUID, SeedAgent], ...]
    tokens: tuple[tuple[UUID, str], ...]  # connection, access token
    apps: tuple[tuple[str, SeedApp], ...]


def with_variables(value: JsonValue, variables: Mapping[str, str]) -> JsonValue:
    """The YAML's values with `${NAME}` replaced; raises SeedError for an unknown name."""
    match value:
        case str():
            return _VARIABLE.sub(lambda found: _variable(found[1], variables), value)
        case dict():
            return {key: with_variables(part, variables) for key, part in value.items()}
        case list():
            return [with_variables(part, variables) for part in value]
        case _:
            return value


def to_entities(account: SeedAccount) -> Seeded:
    """The account's entities, every reference resolved; raises SeedError."""
    account_id = uuid5(_NAMESPACE, account.key)
    sectors = {part.key: uuid5(account_id, f"sector:{part.key}") for part in account.sectors}
    agents = [(uuid5(account_id, f"agent:{part.key}"), part) for part in account.agents]
    numbers = [(uuid5(account_id, f"connection:{part.key}"), part) for part in account.connections]
    return Seeded(
        account_id=account_id,
        entities=(
            _account(account, account_id, sectors),
            *(_sector(part, account_id, sectors) for part in account.sectors),
            *(_agent(part, id_, account_id, sectors) for id_, part in agents),
            *(_connection(part, id_, account_id, sectors) for id_, part in numbers),
        ),
        logins=tuple(agents),
        tokens=tuple((id_, part.access_token) for id_, part in numbers),
        apps=tuple((f"{account.key}/{part.key}", part) for part in account.apps),
    )


def _variable(name: str, variables: Mapping[str, str]) -> str:
    if name not in variables:
        message = f"the seed names the variable {name}, which is not set"
        raise SeedError(message)
    return variables[name]


def _resolve(key: str, sectors: Mapping[str, UUID]) -> UUID:
    if key not in sectors:
        message = f"the seed names the sector {key}, which it does not define"
        raise SeedError(message)
    return sectors[key]


def _resolve_all(keys: Iterable[str], sectors: Mapping[str, UUID]) -> list[UUID]:
    return [_resolve(key, sectors) for key in keys]


def _account(part: SeedAccount, id_: UUID, sectors: Mapping[str, UUID]) -> AccountChanged:
    default = None if part.default_sector is None else _resolve(part.default_sector, sectors)
    return AccountChanged(
        id=id_,
        name=part.name,
        timezone=part.timezone,
        default_sector_id=default,
        policies=part.policies,
    )


def _sector(part: SeedSector, account_id: UUID, sectors: Mapping[str, UUID]) -> SectorChanged:
    return SectorChanged(
        id=sectors[part.key], account_id=account_id, name=part.name, active=part.active
    )


def _agent(
    part: SeedAgent, id_: UUID, account_id: UUID, sectors: Mapping[str, UUID]
) -> AgentChanged:
    return AgentChanged(
        id=id_,
        account_id=account_id,
        name=part.name,
        roles=list(part.roles),
        sector_ids=_resolve_all(part.sectors, sectors),
        active=part.active,
        ticket_limit=part.ticket_limit,
    )


def _connection(
    part: SeedConnection, id_: UUID, account_id: UUID, sectors: Mapping[str, UUID]
) -> ConnectionChanged:
    return ConnectionChanged(
        id=id_,
        account_id=account_id,
        name=part.name,
        waba_id=part.waba_id,
        phone_number_id=part.phone_number_id,
        display_phone=part.display_phone,
        graph_url=part.graph_url,
        entry=part.entry,
        flow_id=_flow(part, account_id),
        sector_id=None if part.sector is None else _resolve(part.sector, sectors),
        texts=part.texts,
        active=part.active,
    )


def _flow(part: SeedConnection, account_id: UUID) -> UUID | None:
    """The bot makes the same id of the same key."""
    if part.flow is not None:
        return uuid5(account_id, f"flow:{part.flow}")
    if part.entry == "flow":
        message = f"the connection {part.key} has entry: flow and names no flow"
        raise SeedError(message)
    return None
