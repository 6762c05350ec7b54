"""Which fields does every fact of a ticket have?"""

from datetime import datetime
from typing import TypedDict
from uuid import UUID

from services.tickets.domain.people import Author
from services.tickets.domain.ticket.state import Ticket


class About(TypedDict):
    """As `TicketFact` names them."""

    ticket_id: UUID
    contact_id: UUID
    connection_id: UUID
    occurred_at: datetime
    by: Author


def about(ticket: Ticket, at: datetime, by: Author) -> About:
    """The fields of a fact about this ticket."""
    return {
        "ticket_id": ticket.id,
        "contact_id": ticket.contact_id,
        "connection_id": ticket.connection_id,
        "occurred_at": at,
        "by": by,
    }
