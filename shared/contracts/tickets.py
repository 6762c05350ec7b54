"""tickets.events: what happened to contacts, conversations, tickets and messages, in plain text.

Every stored version of a stream is published once (D4); `Internal` stands where nothing may be
told. Headers carry account, stream, version and position; bodies name every id that a reader needs.
"""

from datetime import datetime
from typing import ClassVar, Final, Literal
from uuid import UUID

from shared.contracts.content import ProviderError, PublishedContent
from shared.contracts.envelope import Contract, Message, registry_of
from shared.contracts.inbound import Referral


class Author(Contract):
    """Who said or did it."""

    kind: Literal["contact", "agent", "bot", "system"]
    agent_id: UUID | None = None


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
    via: Literal["queue", "transfer", "reopen", "outbound"] = "queue"
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


class ConversationFact(Message):
    """Common to what is said on a conversation (a contact on a connection)."""

    conversation_id: UUID
    contact_id: UUID
    connection_id: UUID
    ticket_id: UUID
    occurred_at: datetime


class MessageReceived(ConversationFact):
    """The customer said something; the window counts from the highest `occurred_at`."""

    TYPE: ClassVar[str] = "tickets.MessageReceived.v1"
    message_id: UUID
    content: PublishedContent
    reply_to: UUID | None = None
    forwarded: bool = False
    referral: Referral | None = None
    after_close: bool = False
    window_closes_at: datetime
    wamid_hash: str  # hex HMAC of connection and wamid


class MessageQueued(ConversationFact):
    """We said something; its fate follows on the Message stream."""

    TYPE: ClassVar[str] = "tickets.MessageQueued.v1"
    message_id: UUID
    author: Author
    content: PublishedContent
    reply_to: UUID | None = None
    automatic: str | None = None
    window_closes_at: datetime | None = None


class MessagesRead(ConversationFact):
    """An agent has read everything up to this message."""

    TYPE: ClassVar[str] = "tickets.MessagesRead.v1"
    up_to: UUID
    by: Author


class MessageCancelRequested(ConversationFact):
    """Somebody wants a message back; MessageCancelled or another fate follows on its stream."""

    TYPE: ClassVar[str] = "tickets.MessageCancelRequested.v1"
    message_id: UUID
    by: Author
    reason: str


class InboundDropped(Message):
    """An item that says something was not recorded (blocked contact)."""

    TYPE: ClassVar[str] = "tickets.InboundDropped.v1"
    conversation_id: UUID
    contact_id: UUID
    connection_id: UUID
    occurred_at: datetime
    reason: str


class MessageFact(Message):
    """Common to what became of one message."""

    message_id: UUID
    occurred_at: datetime


class MessageAccepted(MessageFact):
    """Meta took it."""

    TYPE: ClassVar[str] = "tickets.MessageAccepted.v1"
    wamid_hash: str


class MessageSent(MessageFact):
    """Status `sent`."""

    TYPE: ClassVar[str] = "tickets.MessageSent.v1"


class MessageDelivered(MessageFact):
    """Status `delivered`."""

    TYPE: ClassVar[str] = "tickets.MessageDelivered.v1"


class MessageRead(MessageFact):
    """Status `read`."""

    TYPE: ClassVar[str] = "tickets.MessageRead.v1"


class MessagePlayed(MessageFact):
    """Status `played`."""

    TYPE: ClassVar[str] = "tickets.MessagePlayed.v1"


class MessageFailed(MessageFact):
    """Refused for good."""

    TYPE: ClassVar[str] = "tickets.MessageFailed.v1"
    reason: str
    errors: list[ProviderError] = []


class MessageOutcomeUnknown(MessageFact):
    """Nobody knows whether Meta took it."""

    TYPE: ClassVar[str] = "tickets.MessageOutcomeUnknown.v1"
    reason: str


class MessageCancelled(MessageFact):
    """Taken back before it was sent."""

    TYPE: ClassVar[str] = "tickets.MessageCancelled.v1"
    reason: str


class MessageMediaStored(MessageFact):
    """Its file is here: `GET /v1/media/{media_id}`."""

    TYPE: ClassVar[str] = "tickets.MessageMediaStored.v1"
    media_id: UUID
    mime_type: str
    size: int  # bytes
    sha256: str  # hex


class MessageMediaUnavailable(MessageFact):
    """Its file cannot be had; it may still be stored later."""

    TYPE: ClassVar[str] = "tickets.MessageMediaUnavailable.v1"
    media_id: UUID
    reason: str


class MessageEdited(MessageFact):
    """The customer changed it."""

    TYPE: ClassVar[str] = "tickets.MessageEdited.v1"
    text: str | None


class MessageRevoked(MessageFact):
    """The customer took it back."""

    TYPE: ClassVar[str] = "tickets.MessageRevoked.v1"


class ReactionChanged(MessageFact):
    """A reaction to it; without emoji it was taken back."""

    TYPE: ClassVar[str] = "tickets.ReactionChanged.v1"
    by: Author
    emoji: str | None


class MessageLinked(MessageFact):
    """Two streams turned out to be one message: facts of `message_id` belong to `same_as`."""

    TYPE: ClassVar[str] = "tickets.MessageLinked.v1"
    same_as: UUID


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
