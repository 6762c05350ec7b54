"""Automatic messages: which kind, caused by what, in which words (domain.md 2.6)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from services.tickets.domain.content import Content
from services.tickets.domain.conversation.events import MessageQueued
from services.tickets.domain.conversation.state import Conversation
from services.tickets.domain.people import SYSTEM, Recipient
from services.tickets.domain.policies import Policies
from services.tickets.domain.ticket.events import AutoMessageSkipped


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An automatic message that its cause asks for; `text` still has its variables."""

    kind: str  # greeting | acceptance | farewell | unclaimed
    cause: UUID  # the command that caused it
    text: str
    at: datetime
    ticket_id: UUID
    contact_id: UUID
    connection_id: UUID
    conversation_id: UUID
    protocol: str
    name: str | None
    recipient: Recipient
    window_closes_at: datetime | None
    after: UUID | None = None
    final: bool = False  # the text has no variables left, whatever it looks like

    @property
    def message_id(self) -> UUID:
        """One per (ticket, kind, cause): the same again is the same message."""
        return uuid5(self.ticket_id, f"{self.kind}:{self.cause}")


def greets(conversation: Conversation, policies: Policies, at: datetime) -> bool:
    """Not again within the cool-down, which the stream itself keeps."""
    cooldown = timedelta(minutes=policies.greeting_cooldown_minutes)
    return conversation.greeted_at is None or at - conversation.greeted_at >= cooldown


def queue(due: Due) -> MessageQueued | AutoMessageSkipped:
    """The message with its final text; skipped where the window is closed."""
    if due.window_closes_at is None or due.at >= due.window_closes_at:
        return AutoMessageSkipped(
            ticket_id=due.ticket_id,
            contact_id=due.contact_id,
            connection_id=due.connection_id,
            occurred_at=due.at,
            by=SYSTEM,
            kind=due.kind,
            cause=due.cause,
            reason="window_closed",
        )
    return MessageQueued(
        message_id=due.message_id,
        conversation_id=due.conversation_id,
        contact_id=due.contact_id,
        connection_id=due.connection_id,
        ticket_id=due.ticket_id,
        occurred_at=due.at,
        author=SYSTEM,
        automatic=due.kind,
        cause=due.cause,
        window_closes_at=due.window_closes_at,
        after=due.after,
        content=Content(type="text", text=_words(due)),
        recipient=due.recipient,
    )


def _words(due: Due) -> str:
    return due.text if due.final else resolved(due.text, due.name, due.protocol)


def resolved(text: str, name: str | None, protocol: str) -> str:
    """The text with its variables; the customer's name is never read for variables itself."""
    parts = text.split("{name}")
    return (name or "").join(part.replace("{protocol}", protocol) for part in parts)
