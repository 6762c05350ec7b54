"""The part of tickets.events about what was said, and what became of each message."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from shared.contracts.content import ProviderError, PublishedContent
from shared.contracts.envelope import Contract, Message
from shared.contracts.inbound import Referral


class Author(Contract):
    """Who said or did it."""

    kind: Literal["contact", "agent", "bot", "system"]
    agent_id: UUID | None = None


class ConversationFact(Message):
    """Common to what is said on a conversation (a contact on a connection)."""

    conversation_id: UUID
    contact_id: UUID
    connection_id: UUID
    ticket_id: UUID
    occurred_at: datetime


class Circumstances(Contract):
    """What stands around a customer's message: what it answers, forwards, asks about, came by."""

    reply_to: UUID | None = None
    reply_missing: bool = False  # it replies to something that we do not have
    forwarded: bool = False
    frequently_forwarded: bool = False
    catalog_id: str | None = None  # with product_id: it asks about this product
    product_id: str | None = None
    referral: Referral | None = None
    after_close: bool = False


class MessageReceived(ConversationFact, Circumstances):
    """The customer said something; the window counts from the highest `occurred_at`."""

    TYPE: ClassVar[str] = "tickets.MessageReceived.v1"
    message_id: UUID
    content: PublishedContent
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
