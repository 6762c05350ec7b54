"""directory.events: what an administrator set up, one compacted message per entity, no secrets."""

from typing import ClassVar, Final, Literal
from uuid import UUID

from shared.contracts.envelope import Contract, Message, registry_of

MOST_TICKETS: Final = 100
"""The highest limit of tickets that an agent may have."""


class Policies(Contract):
    """Policies of an account, defaults first (domain.md 2.7); `version` rises with a change."""

    version: int = 1
    inbound_after_close: Literal["new_ticket", "reopen_within", "always_reopen"] = "new_ticket"
    reopen_within_minutes: int = 0
    courtesy_minutes: int = 10
    courtesy_max_characters: int = 30
    reopen_manual_target: Literal["attending_by_actor", "attending_by_last_owner", "waiting"] = (
        "attending_by_actor"
    )
    reopen_who: Literal["sector_member", "owner", "supervisor"] = "sector_member"
    reopen_limit_days: int | None = None
    rerun_bot: Literal["always", "after", "never_for_known_sector"] = "always"
    rerun_bot_after_minutes: int = 0
    flow_manual_from: list[Literal["waiting", "attending"]] = ["waiting"]
    farewell: Literal["ask", "always", "never"] = "ask"
    farewell_when_closed_from_waiting: bool = False
    close_reason: Literal["off", "optional", "required"] = "optional"
    close_from_waiting: bool = True
    force_sector_on_accept: bool = True
    greeting_cooldown_minutes: int = 60
    read_receipts: bool = True


class AccountChanged(Message):
    """A company that uses Guichê."""

    TYPE: ClassVar[str] = "directory.AccountChanged.v1"
    id: UUID
    name: str
    timezone: str = "America/Sao_Paulo"
    default_sector_id: UUID | None = None  # "Geral": must be replaced when a ticket is accepted
    policies: Policies = Policies()


class SectorChanged(Message):
    """A queue of people (setor)."""

    TYPE: ClassVar[str] = "directory.SectorChanged.v1"
    id: UUID
    account_id: UUID
    name: str
    active: bool = True


class AgentChanged(Message):
    """A person who answers; roles are `agent`, `supervisor`, `admin`.

    `ticket_limit` is how many tickets they may own at once (1 to MOST_TICKETS; None: any number).
    """

    TYPE: ClassVar[str] = "directory.AgentChanged.v1"
    id: UUID
    account_id: UUID
    name: str
    roles: list[str]
    sector_ids: list[UUID]
    active: bool = True
    ticket_limit: int | None = None


class Texts(Contract):
    """Automatic texts of a connection; None: none is sent. May hold {name} and {protocol}."""

    greeting: str | None = None
    acceptance: str | None = None
    farewell: str | None = None


class ConnectionChanged(Message):
    """A business number at Meta."""

    TYPE: ClassVar[str] = "directory.ConnectionChanged.v1"
    id: UUID
    account_id: UUID
    name: str
    waba_id: str
    phone_number_id: str
    display_phone: str
    graph_url: str  # base, with the version: https://graph.facebook.com/v26.0
    entry: Literal["waiting", "flow", "menu"] = "waiting"
    flow_id: UUID | None = None  # of `entry: flow`
    sector_id: UUID | None = None  # sector of tickets that enter by this number
    texts: Texts = Texts()
    active: bool = True


DIRECTORY_TYPES: Final = registry_of(AccountChanged, SectorChanged, AgentChanged, ConnectionChanged)
