"""tickets.events: what happened to contacts, conversations, tickets and messages, in plain text.

Every stored version of a stream is published once (D4); `Internal` stands where nothing may be
told. Headers carry account, stream, version and position; bodies name every id that a reader needs.
"""

from datetime import datetime
from typing import ClassVar, Final, Literal
from uuid import UUID

from shared.contracts.conversations import (
    Author,
    ConversationFact,  # noqa: F401  # pyright: ignore[reportUnusedImport]  read from here, too
    InboundDropped,
    MessageAccepted,
    MessageCancelled,
    MessageCancelRequested,
    MessageDelivered,
    MessageEdited,
    MessageFact,  # noqa: F401  # pyright: ignore[reportUnusedImport]
    MessageFailed,
    MessageLinked,
    MessageMediaStored,
    MessageMediaUnavailable,
    MessageOutcomeUnknown,
    MessagePlayed,
    MessageQueued,
    MessageRead,
    MessageReceived,
    MessageRevoked,
    MessageSent,
    MessagesRead,
    ReactionChanged,
)
from shared.contracts.envelope import Message, registry_of


class ContactIdentified(Message):
    """A person appeared, or one more identity of theirs; None: not known or forgotten."""

    TYPE: ClassVar[str] = "tickets.ContactIdentified.v1"
    contact_id: UUID
    name: str | None
    phone: str | None
    user_id: str | None
    username: str | None
    occurred_at: datetime


class ContactRenamed(Message):
    """The profile name changed."""

    TYPE: ClassVar[str] = "tickets.ContactRenamed.v1"
    contact_id: UUID
    name: str | None
    previous_name: str | None
    occurred_at: datetime


class ContactFieldSet(Message):
    """A field of the contact has this value; None: forgotten."""

    TYPE: ClassVar[str] = "tickets.ContactFieldSet.v1"
    contact_id: UUID
    name: str
    value: str | None
    previous_value: str | None = None
    by: Author
    occurred_at: datetime


class IdentityConflict(Message):
    """Phone and user id point to two contacts: a person must merge (protocols.md 1)."""

    TYPE: ClassVar[str] = "tickets.IdentityConflict.v1"
    contact_id: UUID
    other_contact_id: UUID
    kind: str
    occurred_at: datetime


class TicketFact(Message):
    """Common to what happens to a ticket."""

    ticket_id: UUID
    contact_id: UUID
    connection_id: UUID
    occurred_at: datetime
    by: Author


class TicketOpened(TicketFact):
    """A service episode began."""

    TYPE: ClassVar[str] = "tickets.TicketOpened.v1"
    conversation_id: UUID
    protocol: str
    origin: Literal["customer", "agent"]
    lifecycle: Literal["bot", "waiting", "attending"]
    previous_ticket_id: UUID | None = None


class SectorAssigned(TicketFact):
    """The ticket belongs to this sector now."""

    TYPE: ClassVar[str] = "tickets.SectorAssigned.v1"
    sector_id: UUID
    previous_sector_id: UUID | None = None


class TicketQueued(TicketFact):
    """The ticket waits for a person again."""

    TYPE: ClassVar[str] = "tickets.TicketQueued.v1"
    reason: str


class TicketAccepted(TicketFact):
    """An agent took the ticket and owns it."""

    TYPE: ClassVar[str] = "tickets.TicketAccepted.v1"
    owner_id: UUID
    sector_id: UUID | None
    via: Literal["queue", "transfer", "reopen", "outbound", "flow"] = "queue"
    override_by: UUID | None = None  # a supervisor outside the sector (domain.md 2.8, 3)


class OwnerReleased(TicketFact):
    """The owner does not hold the ticket any more."""

    TYPE: ClassVar[str] = "tickets.OwnerReleased.v1"
    owner_id: UUID
    reason: str


class TicketPaused(TicketFact):
    """The owner set the ticket aside; `until` None: until it is resumed."""

    TYPE: ClassVar[str] = "tickets.TicketPaused.v1"
    until: datetime | None = None
    reason: str | None = None


class TicketResumed(TicketFact):
    """The owner goes on; `by` is who did it: an agent, the customer, or the end of the pause."""

    TYPE: ClassVar[str] = "tickets.TicketResumed.v1"


class TicketTransferred(TicketFact):
    """The ticket goes to a sector or an agent; the events that follow carry it out."""

    TYPE: ClassVar[str] = "tickets.TicketTransferred.v1"
    kind: Literal["sector", "agent"]
    sector_id: UUID | None
    previous_sector_id: UUID | None
    owner_id: UUID | None = None
    previous_owner_id: UUID | None = None
    reason: str | None = None


class TicketFlagged(TicketFact):
    """The customer wrote while the ticket was paused; with `return_at` it waits again from then."""

    TYPE: ClassVar[str] = "tickets.TicketFlagged.v1"
    reason: str  # inbound_while_paused
    message_id: UUID
    return_at: datetime | None = None


class TicketClosed(TicketFact):
    """The episode ended."""

    TYPE: ClassVar[str] = "tickets.TicketClosed.v1"
    owner_id: UUID | None
    reason_id: UUID | None = None
    note: str | None = None
    farewell: bool = False
    disposition: str = "closed"


class TicketReopened(TicketFact):
    """The episode goes on; `lifecycle` is where it went."""

    TYPE: ClassVar[str] = "tickets.TicketReopened.v1"
    lifecycle: Literal["waiting", "attending"]


class FlowSessionStarted(TicketFact):
    """A flow answers from now on; which of its versions is the bot's to pin (protocols.md 8)."""

    TYPE: ClassVar[str] = "tickets.FlowSessionStarted.v1"
    session_id: UUID
    flow_id: UUID
    conversation_id: UUID
    opened_by: UUID | None = None  # the message that opened the ticket: no answer to the flow
    return_to: UUID | None = None  # the agent who started it by hand
    protocol: str | None = None  # of the ticket


class FlowSessionEnded(TicketFact):
    """The flow answers no more."""

    TYPE: ClassVar[str] = "tickets.FlowSessionEnded.v1"
    session_id: UUID
    reason: str  # handoff | human_takeover | closed | bot_silent


class NoteAdded(TicketFact):
    """Something that people read and the customer does not."""

    TYPE: ClassVar[str] = "tickets.NoteAdded.v1"
    note_id: UUID
    text: str | None  # None: forgotten


class AutoMessageSkipped(TicketFact):
    """An automatic message was due and not sent."""

    TYPE: ClassVar[str] = "tickets.AutoMessageSkipped.v1"
    kind: str
    cause: UUID
    reason: str


class Internal(Message):
    """A version whose content is private or unreadable; stands so that no version is skipped."""

    TYPE: ClassVar[str] = "tickets.Internal.v1"


TICKETS_EVENTS_TYPES: Final = registry_of(
    ContactIdentified,
    ContactRenamed,
    ContactFieldSet,
    IdentityConflict,
    TicketOpened,
    SectorAssigned,
    TicketQueued,
    TicketAccepted,
    OwnerReleased,
    TicketTransferred,
    TicketPaused,
    TicketResumed,
    TicketFlagged,
    TicketClosed,
    TicketReopened,
    FlowSessionStarted,
    FlowSessionEnded,
    NoteAdded,
    AutoMessageSkipped,
    MessageReceived,
    MessageQueued,
    MessagesRead,
    MessageCancelRequested,
    InboundDropped,
    MessageAccepted,
    MessageSent,
    MessageDelivered,
    MessageRead,
    MessagePlayed,
    MessageFailed,
    MessageOutcomeUnknown,
    MessageCancelled,
    MessageMediaStored,
    MessageMediaUnavailable,
    MessageEdited,
    MessageRevoked,
    ReactionChanged,
    MessageLinked,
    Internal,
)
