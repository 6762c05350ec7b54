"""What do we say on a conversation, to whom, and after what?"""

from datetime import datetime
from typing import TypedDict
from uuid import UUID

from services.tickets.domain import automatic
from services.tickets.domain.automatic import Due
from services.tickets.domain.conversation.events import MessageQueued
from services.tickets.domain.people import Recipient
from services.tickets.handlers import claims
from services.tickets.handlers.deciding import Decision, Loaded
from services.tickets.handlers.store import Claim


class Said(TypedDict):
    """Fields of everything that is said on a conversation."""

    conversation_id: UUID
    contact_id: UUID
    connection_id: UUID
    ticket_id: UUID
    occurred_at: datetime


def said(loaded: Loaded) -> Said:
    """On this ticket's conversation, now."""
    return {
        "conversation_id": loaded.state.conversation_id,
        "contact_id": loaded.state.contact_id,
        "connection_id": loaded.state.connection_id,
        "ticket_id": loaded.state.id,
        "occurred_at": loaded.at,
    }


def recipient(loaded: Loaded) -> Recipient:
    """The contact, in the form that Meta gave."""
    contact = loaded.contact.state
    if contact is None:
        return Recipient()
    return Recipient(phone=contact.phone, user_id=contact.user_id)


def queue_text(
    decision: Decision, loaded: Loaded, kind: str, text: str | None, *, final: bool = False
) -> None:
    """Queue the text in the append of its cause (protocols.md 2); none is set, none is sent.

    `final`: it has no variables left.
    """
    contact = loaded.contact.state
    if text is None or (contact is not None and contact.group):
        return
    due = Due(
        kind=kind,
        cause=loaded.asked.command_id,
        text=text,
        at=loaded.at,
        ticket_id=loaded.state.id,
        contact_id=loaded.state.contact_id,
        connection_id=loaded.state.connection_id,
        conversation_id=loaded.state.conversation_id,
        protocol=loaded.state.protocol,
        name=None if contact is None else contact.name,
        recipient=recipient(loaded),
        window_closes_at=loaded.said.window_closes_at,
        after=loaded.said.last_queued_id,
        final=final,
    )
    event = automatic.queue(due)
    decision.take.append(claims.automatic(due.message_id))
    if isinstance(event, MessageQueued):
        decision.conversation.append(event)
    else:
        decision.ticket.append(event)


def open_claim(loaded: Loaded) -> Claim:
    """That this ticket is the contact's open one on the connection."""
    ticket = loaded.state
    return claims.open_ticket(ticket.contact_id, ticket.connection_id, ticket.id)
