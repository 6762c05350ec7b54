"""The fields that every event of a conversation about a ticket has."""

from datetime import datetime
from typing import TypedDict
from uuid import UUID

from services.tickets.domain.ticket.state import Ticket


class Fact(TypedDict):
    """As the events name them."""

    conversation_id: UUID
    contact_id: UUID
    connection_id: UUID
    ticket_id: UUID
    occurred_at: datetime


def about(ticket: Ticket, at: datetime) -> Fact:
    """On this ticket's conversation, at this instant."""
    return {
        "conversation_id": ticket.conversation_id,
        "contact_id": ticket.contact_id,
        "connection_id": ticket.connection_id,
        "ticket_id": ticket.id,
        "occurred_at": at,
    }
