"""Automatic messages: which kind, caused by what, in which words (domain.md 2.6)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from services.tickets.domain.content import Content
from services.tickets.domain.conversation.events import MessageQueued
from services.tickets.domain.conversation.facts import about
from services.tickets.domain.conversation.state import Conversation
from services.tickets.domain.people import SYSTEM, Recipient
from services.tickets.domain.policies import Policies
from services.tickets.domain.ticket import facts
from services.tickets.domain.ticket.events import AutoMessageSkipped
from services.tickets.domain.ticket.state import Ticket


@dataclass(frozen=True, slots=True)
class AutomaticText:
    """A text of some kind; it still has its variables unless it is `final`."""

    kind: str  # greeting | acceptance | transfer | farewell | unclaimed
    text: str
    final: bool = False

    def resolved(self, name: str | None, protocol: str) -> str:
        """The words; the customer's name is never read for variables itself."""
        if self.final:
            return self.text
        parts = self.text.split("{name}")
        return (name or "").join(part.replace("{protocol}", protocol) for part in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An automatic message that its cause asks for; `after` is what it waits for."""

    text: AutomaticText
    cause: UUID  # the command that caused it
    at: datetime
    ticket: Ticket
    name: str | None
    recipient: Recipient
    window_closes_at: datetime | None
    after: UUID | None = None

    @property
    def message_id(self) -> UUID:
        """One per (ticket, kind, cause): the same again is the same message."""
        return uuid5(self.ticket.id, f"{self.text.kind}:{self.cause}")


def greets(conversation: Conversation, policies: Policies, at: datetime) -> bool:
    """Not again within the cool-down, which the stream itself keeps."""
    cooldown = timedelta(minutes=policies.greeting_cooldown_minutes)
    return conversation.greeted_at is None or at - conversation.greeted_at >= cooldown


def queue(due: Due) -> MessageQueued | AutoMessageSkipped:
    """The message with its final words; skipped where the window is closed."""
    if due.window_closes_at is None or due.at >= due.window_closes_at:
        return AutoMessageSkipped(
            **facts.about(due.ticket, due.at, SYSTEM),
            kind=due.text.kind,
            cause=due.cause,
            reason="window_closed",
        )
    words = due.text.resolved(due.name, due.ticket.protocol)
    return MessageQueued(
        **about(due.ticket, due.at),
        message_id=due.message_id,
        author=SYSTEM,
        automatic=due.text.kind,
        cause=due.cause,
        window_closes_at=due.window_closes_at,
        after=due.after,
        content=Content(type="text", text=words),
        recipient=due.recipient,
    )
