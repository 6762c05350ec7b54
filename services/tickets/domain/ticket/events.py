"""Events of a Ticket stream: one service episode."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from services.tickets.domain.people import Author
from services.tickets.domain.unclaimed import Unclaimed


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFact:
    """Common to what happens to a ticket; `occurred_at` is ours or the agent's instant."""

    ticket_id: UUID
    contact_id: UUID
    connection_id: UUID
    occurred_at: datetime
    by: Author


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketOpened(TicketFact):
    """An episode began."""

    TOPIC: ClassVar[str] = "tickets.TicketOpened"
    conversation_id: UUID
    protocol: str
    origin: Literal["customer", "agent"]
    lifecycle: Literal["bot", "waiting", "attending"]
    previous_ticket_id: UUID | None = None
    policy_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SectorAssigned(TicketFact):
    """The ticket belongs to this sector now."""

    TOPIC: ClassVar[str] = "tickets.SectorAssigned"
    sector_id: UUID
    previous_sector_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketQueued(TicketFact):
    """The ticket waits for a person again; `unclaimed` says what follows when nobody comes."""

    TOPIC: ClassVar[str] = "tickets.TicketQueued"
    reason: str
    unclaimed: Unclaimed | None = None
    unclaimed_text: Annotated[str | None, "personal"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketAccepted(TicketFact):
    """An agent owns the ticket; `override_by` when the owner is not of its sector."""

    TOPIC: ClassVar[str] = "tickets.TicketAccepted"
    owner_id: UUID
    sector_id: UUID | None
    via: Literal["queue", "transfer", "reopen", "outbound", "flow"] = "queue"
    override_by: UUID | None = None
    slot: int | None = None  # of the owner's limit, where there is one


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerReleased(TicketFact):
    """The owner does not hold the ticket any more."""

    TOPIC: ClassVar[str] = "tickets.OwnerReleased"
    owner_id: UUID
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketPaused(TicketFact):
    """The owner keeps the ticket and sets it aside; `until` None: until it is resumed."""

    TOPIC: ClassVar[str] = "tickets.TicketPaused"
    until: datetime | None = None
    reason: Annotated[str | None, "personal"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketResumed(TicketFact):
    """The owner goes on; `by` says whether they, the customer or the end of the pause did it."""

    TOPIC: ClassVar[str] = "tickets.TicketResumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketTransferred(TicketFact):
    """The ticket goes to a sector or an agent; what follows in the same append carries it out."""

    TOPIC: ClassVar[str] = "tickets.TicketTransferred"
    kind: Literal["sector", "agent"]
    sector_id: UUID | None
    previous_sector_id: UUID | None
    owner_id: UUID | None = None
    previous_owner_id: UUID | None = None
    reason: Annotated[str | None, "personal"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFlagged(TicketFact):
    """The customer wrote while the ticket was paused; with `return_at` it waits again from then."""

    TOPIC: ClassVar[str] = "tickets.TicketFlagged"
    reason: Literal["inbound_while_paused"]
    message_id: UUID
    return_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketClosed(TicketFact):
    """The episode ended; `owner_id` is who held it until now."""

    TOPIC: ClassVar[str] = "tickets.TicketClosed"
    owner_id: UUID | None
    reason_id: UUID | None = None
    farewell: bool = False
    disposition: str = "closed"
    policy_version: int
    note: Annotated[str | None, "personal"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketReopened(TicketFact):
    """The episode goes on; where `lifecycle` is attending, TicketAccepted follows at once."""

    TOPIC: ClassVar[str] = "tickets.TicketReopened"
    lifecycle: Literal["waiting", "attending"]
    policy_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowSessionStarted(TicketFact):
    """A flow answers from now on; which of its versions is the bot's to pin (protocols.md 8)."""

    TOPIC: ClassVar[str] = "tickets.FlowSessionStarted"
    session_id: UUID
    flow_id: UUID
    conversation_id: UUID
    opened_by: UUID | None = None  # the message that opened the ticket
    return_to: UUID | None = None  # the owner who gave the ticket to the flow
    again_after: UUID | None = None  # the customer's newest message, where nobody took the ticket
    protocol: str | None = None  # not in what was stored before flows could start again


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowSessionEnded(TicketFact):
    """The flow answers no more; what follows in the same append says who does."""

    TOPIC: ClassVar[str] = "tickets.FlowSessionEnded"
    session_id: UUID
    reason: Literal["handoff", "human_takeover", "closed", "bot_silent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketUnclaimed(TicketFact):
    """Nobody took the ticket in time; it waits on. `refused` says why nothing else followed."""

    TOPIC: ClassVar[str] = "tickets.TicketUnclaimed"
    timer_id: UUID
    refused: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteAdded(TicketFact):
    """Something that people read and the customer does not."""

    TOPIC: ClassVar[str] = "tickets.NoteAdded"
    note_id: UUID
    text: Annotated[str | None, "personal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoMessageSkipped(TicketFact):
    """An automatic message was due and not queued."""

    TOPIC: ClassVar[str] = "tickets.AutoMessageSkipped"
    kind: str
    cause: UUID
    reason: str


TicketEvent = (
    TicketOpened
    | SectorAssigned
    | TicketQueued
    | TicketAccepted
    | OwnerReleased
    | TicketTransferred
    | TicketPaused
    | TicketResumed
    | TicketFlagged
    | TicketClosed
    | TicketReopened
    | FlowSessionStarted
    | FlowSessionEnded
    | TicketUnclaimed
    | NoteAdded
    | AutoMessageSkipped
)
