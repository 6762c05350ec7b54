"""The end of a flow's session, and who has the ticket then."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from services.tickets.domain import refusals
from services.tickets.domain.people import Author
from services.tickets.domain.ticket.events import FlowSessionEnded, TicketEvent
from services.tickets.domain.ticket.facts import about
from services.tickets.domain.ticket.state import Ticket

Reason = Literal["handoff", "human_takeover", "closed", "bot_silent"]


def ended(ticket: Ticket, at: datetime, by: Author, reason: Reason) -> list[TicketEvent]:
    """The end of the running session, if one runs."""
    if ticket.session_id is None:
        return []
    end = FlowSessionEnded(**about(ticket, at, by), session_id=ticket.session_id, reason=reason)
    return [end]


def running(ticket: Ticket, session_id: UUID) -> None:
    """Raises SessionEndedError when another session runs, or none."""
    if ticket.session_id != session_id:
        raise refusals.SessionEndedError
