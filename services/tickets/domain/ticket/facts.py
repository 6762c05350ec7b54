"""Builders of what several capabilities make; they take the ticket, the instant and who acts."""

from datetime import datetime
from typing import TypedDict
from uuid import UUID

from services.tickets.domain.people import Author
from services.tickets.domain.ticket.events import OwnerReleased, SectorAssigned, TicketEvent
from services.tickets.domain.ticket.state import Ticket


class Fact(TypedDict):
    """The fields of `TicketFact`."""

    ticket_id: UUID
    contact_id: UUID
    connection_id: UUID
    occurred_at: datetime
    by: Author


def about(ticket: Ticket, at: datetime, by: Author) -> Fact:
    """The fields of a fact about this ticket."""
    return {
        "ticket_id": ticket.id,
        "contact_id": ticket.contact_id,
        "connection_id": ticket.connection_id,
        "occurred_at": at,
        "by": by,
    }


def assigned(ticket: Ticket, at: datetime, by: Author, sector_id: UUID | None) -> list[TicketEvent]:
    """The move into this sector; nothing where the ticket is in it, or none is named."""
    if sector_id is None or sector_id == ticket.sector_id:
        return []
    moved = SectorAssigned(
        **about(ticket, at, by), sector_id=sector_id, previous_sector_id=ticket.sector_id
    )
    return [moved]


def released(ticket: Ticket, at: datetime, by: Author, reason: str) -> list[TicketEvent]:
    """The end of the ownership, if somebody owns the ticket."""
    if ticket.owner_id is None:
        return []
    return [OwnerReleased(**about(ticket, at, by), owner_id=ticket.owner_id, reason=reason)]
