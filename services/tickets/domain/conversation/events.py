"""Events of a Conversation stream: what was said, in order."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Final
from uuid import UUID

from services.tickets.domain.content import Content, Referral
from services.tickets.domain.people import Author, Recipient, Sender

FLOW: Final = "flow"
"""Kind (`automatic`) of what a flow says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived:
    """The customer said something; `raw` is Meta's own JSON (design.md D11)."""

    TOPIC: ClassVar[str] = "tickets.MessageReceived"
    message_id: UUID
    conversation_id: UUID
    contact_id: UUID
    connection_id: UUID
    ticket_id: UUID
    occurred_at: datetime  # Meta's instant
    window_closes_at: datetime  # counted from the highest `occurred_at`
    wamid_hash: str  # hex
    reply_to: UUID | None = None
    reply_missing: bool = False  # it replies to something that we do not have
    forwarded: bool = False
    frequently_forwarded: bool = False
    catalog_id: str | None = None  # with product_id: it asks about this product
    product_id: str | None = None
    after_close: bool = False
    content: Annotated[Content | None, "personal"]
    sender: Annotated[Sender | None, "personal"]
    wamid: Annotated[str | None, "personal"]
    referral: Annotated[Referral | None, "personal"] = None
    raw: Annotated[str | None, "personal"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageQueued:
    """We say something; carries all that outbound needs (protocols.md 3)."""

    TOPIC: ClassVar[str] = "tickets.MessageQueued"
    message_id: UUID
    conversation_id: UUID
    contact_id: UUID
    connection_id: UUID
    ticket_id: UUID
    occurred_at: datetime
    author: Author
    reply_to: UUID | None = None
    automatic: str | None = None  # kind of an automatic message
    cause: UUID | None = None  # of an automatic message: the command that caused it
    window_closes_at: datetime | None = None
    after: UUID | None = None  # waits until this one was sent (D8)
    content: Annotated[Content | None, "personal"]
    recipient: Annotated[Recipient | None, "personal"]
    reply_to_wamid: Annotated[str | None, "personal"] = None
    session_id: UUID | None = None  # of the flow that says it
    heard: UUID | None = None  # the customer's newest message that it had by then


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesRead:
    """An agent has read up to this message; with `receipt` Meta is told about `wamid`."""

    TOPIC: ClassVar[str] = "tickets.MessagesRead"
    conversation_id: UUID
    contact_id: UUID
    connection_id: UUID
    ticket_id: UUID
    occurred_at: datetime
    up_to: UUID
    by: Author
    receipt: bool
    wamid: Annotated[str | None, "personal"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageCancelRequested:
    """Somebody wants a message back that may not be sent yet; its fate answers."""

    TOPIC: ClassVar[str] = "tickets.MessageCancelRequested"
    message_id: UUID
    conversation_id: UUID
    contact_id: UUID
    connection_id: UUID
    ticket_id: UUID
    occurred_at: datetime
    by: Author
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowAcknowledged:
    """The flow has taken the customer's newest message and says nothing to it."""

    TOPIC: ClassVar[str] = "tickets.FlowAcknowledged"
    conversation_id: UUID
    contact_id: UUID
    connection_id: UUID
    ticket_id: UUID
    occurred_at: datetime
    session_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundDropped:
    """Something was said and not recorded."""

    TOPIC: ClassVar[str] = "tickets.InboundDropped"
    conversation_id: UUID
    contact_id: UUID
    connection_id: UUID
    occurred_at: datetime
    reason: str


ConversationEvent = (
    MessageReceived
    | MessageQueued
    | MessagesRead
    | MessageCancelRequested
    | FlowAcknowledged
    | InboundDropped
)
