"""What can be asked of a ticket. Time, ids and policies are in the command (D2)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.tickets.domain.people import Actor
from services.tickets.domain.policies import Policies
from services.tickets.domain.unclaimed import Unclaimed


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenByInbound:
    """A customer's message opens an episode, in the sector and with the flow of `entering`."""

    ticket_id: UUID
    message_id: UUID
    contact_id: UUID
    connection_id: UUID
    conversation_id: UUID
    protocol: str
    sector_id: UUID | None
    flow_id: UUID | None = None
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


@dataclass(frozen=True, slots=True, kw_only=True)
class StartFlow:
    """An agent lets a flow answer; `flow_id` None: the connection has none."""

    actor: Actor
    session_id: UUID
    flow_id: UUID | None
    window_closes_at: datetime | None
    at: datetime
    policies: Policies


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignSector:
    """The flow moves the ticket; `sector_active` says whether the sector may be used."""

    session_id: UUID
    sector_id: UUID
    sector_active: bool = True
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOff:
    """The flow lets people go on; `sector_id` is where the ticket waits (None: where it is)."""

    session_id: UUID
    sector_id: UUID | None
    reason: str
    summary: str | None = None
    note_id: UUID
    unclaimed: Unclaimed | None = None
    unclaimed_text: str | None = None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseByFlow:
    """The flow answered everything."""

    session_id: UUID
    reason_id: UUID | None = None
    farewell: bool = False
    at: datetime
    policies: Policies


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSilentSession:
    """The bot said nothing for too long: people go on; `sector_id` where the ticket has none."""

    session_id: UUID
    sector_id: UUID | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ActOnUnclaimed:
    """Nobody has taken the ticket in time; the timer says since which hand-off.

    A flow that starts again is the connection's (`flow_id` None: it has none); `heard` is the
    customer's newest message.
    """

    timer_id: UUID
    session_id: UUID
    flow_id: UUID | None
    heard: UUID | None
    window_closes_at: datetime | None
    at: datetime
    policies: Policies


FlowCommand = AssignSector | HandOff | CloseByFlow | EndSilentSession
"""What is only taken while the session that it names runs."""
TicketCommand = Accept | Close | Reopen | ReopenByInbound | StartFlow | ActOnUnclaimed | FlowCommand
"""All but the one that opens."""
