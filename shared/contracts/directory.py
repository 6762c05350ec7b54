"""directory.events: what an administrator set up, one compacted message per entity, no secrets."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.entities import (
    AccountEntity,
    Entity,
    Managed,
    Name,
    Refers,
    SectorLimited,
    Written,
)
from shared.contracts.envelope import Contract, registry_of

MOST_TICKETS: Final = 100
"""The highest limit of tickets that an agent may have."""


class Policies(Contract):
    """Policies of an account, defaults first (domain.md 2.7).

    `version` rises with every change of any entity of the account; events carry it as
    `policy_version`, so it tells under which configuration something was decided.
    """

    version: Annotated[int, Managed()] = 1
    inbound_after_close: Literal["new_ticket", "reopen_within", "always_reopen"] = "new_ticket"
    reopen_within_minutes: int = 0
    courtesy_minutes: int = 10
    courtesy_max_characters: int = 30
    reopen_manual_target: Literal["attending_by_actor", "attending_by_last_owner", "waiting"] = (
        "attending_by_actor"
    )
    reopen_who: Literal["sector_member", "owner", "supervisor"] = "sector_member"
    reopen_limit_days: int | None = None
    on_inbound_while_paused: Literal["resume", "stay_and_flag", "to_waiting_after"] = "resume"
    paused_to_waiting_minutes: int = 60  # of `to_waiting_after`
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


class AccountChanged(Entity):
    """A company that uses Guichê."""

    TYPE: ClassVar[str] = "directory.AccountChanged.v1"
    COLLECTION: ClassVar[str] = "accounts"
    timezone: str = "America/Sao_Paulo"
    default_sector_id: Annotated[UUID | None, Refers("sector")] = None  # "Geral": until accepted
    policies: Policies = Policies()


class SectorChanged(AccountEntity):
    """A queue of people (setor)."""

    TYPE: ClassVar[str] = "directory.SectorChanged.v1"
    COLLECTION: ClassVar[str] = "sectors"


class AgentChanged(AccountEntity):
    """A person who answers; roles are `agent`, `supervisor`, `admin`.

    `ticket_limit` is how many tickets they may own at once (1 to MOST_TICKETS; None: any number).
    """

    TYPE: ClassVar[str] = "directory.AgentChanged.v1"
    COLLECTION: ClassVar[str] = "agents"
    roles: Annotated[list[str], Written(list[Literal["agent", "supervisor", "admin"]])]
    sector_ids: Annotated[list[UUID], Refers("sector")]
    ticket_limit: Annotated[
        int | None, Written(Annotated[int | None, Field(ge=1, le=MOST_TICKETS)])
    ] = None


class Texts(Contract):
    """Automatic texts of a connection; None: none is sent. May hold {name} and {protocol}."""

    greeting: str | None = None
    acceptance: str | None = None
    transfer: str | None = None
    farewell: str | None = None


class ConnectionChanged(AccountEntity):
    """A business number at Meta."""

    TYPE: ClassVar[str] = "directory.ConnectionChanged.v1"
    COLLECTION: ClassVar[str] = "connections"
    waba_id: Annotated[str, Written(Name)]
    phone_number_id: Annotated[str, Written(Name)]
    display_phone: Annotated[str, Written(Name)]
    graph_url: Annotated[str, Written(Name)]  # with version: https://graph.facebook.com/v26.0
    # a menu of its own is not built (a flow's menu is): `menu` may stand in older entities only
    entry: Annotated[Literal["waiting", "flow", "menu"], Written(Literal["waiting", "flow"])] = (
        "waiting"
    )
    flow_id: Annotated[UUID | None, Refers("flow", defined=False)] = None  # of `entry: flow`
    sector_id: Annotated[UUID | None, Refers("sector")] = None  # of tickets that enter by it
    texts: Texts = Texts()


class CloseReasonChanged(SectorLimited):
    """Why a ticket was closed (motivo de encerramento)."""

    TYPE: ClassVar[str] = "directory.CloseReasonChanged.v1"
    COLLECTION: ClassVar[str] = "close_reasons"
    EDITABLE: ClassVar[bool] = True
    UNIQUE_NAMES: ClassVar[bool] = True
    name: Annotated[str, Written(Name, example="Resolvido")]


ENTITIES: Final[tuple[type[Entity], ...]] = (
    AccountChanged,
    SectorChanged,
    AgentChanged,
    ConnectionChanged,
    CloseReasonChanged,
)
"""Every class of entity, in the order in which a seed is read."""
COLLECTIONS: Final[Mapping[str, type[Entity]]] = {kind.COLLECTION: kind for kind in ENTITIES}
DIRECTORY_TYPES: Final = registry_of(*ENTITIES)
