"""What can be asked of a ticket. Time, ids and policies are in the command (D2)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.tickets.domain.people import Actor
from services.tickets.domain.policies import Policies


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenByInbound:
    """A customer's message opens an episode; `sector_id` is the connection's."""

    ticket_id: UUID
    contact_id: UUID
    connection_id: UUID
    conversation_id: UUID
    protocol: str
    sector_id: UUID | None
    previous_ticket_id: UUID | None
    at: datetime
    policies: Policies


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopenByInbound:
    """A customer's message goes on with a closed episode; `last_owner` while still active."""

    last_owner: Actor | None = None
    at: datetime
    policies: Policies


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept:
    """An agent takes the ticket; `sector_active` says whether the named sector may be used."""

    actor: Actor
    sector_id: UUID | None = None
    sector_active: bool = True
    at: datetime
    policies: Policies


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """An agent ends the episode; `farewell` None leaves it to the policy."""

    actor: Actor
    reason_id: UUID | None = None
    note: str | None = None
    farewell: bool | None = None
    at: datetime
    policies: Policies


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen:
    """An agent goes on with a closed episode; `last_owner` while still active."""

    actor: Actor
    last_owner: Actor | None = None
    at: datetime
    policies: Policies


TicketCommand = OpenByInbound | ReopenByInbound | Accept | Close | Reopen
