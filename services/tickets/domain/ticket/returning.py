"""The owner gives a ticket back to the queue of its sector (domain.md 2.3, ReturnToWaiting)."""

from dataclasses import dataclass
from typing import Final

from services.tickets.domain import refusals
from services.tickets.domain.ticket import guards
from services.tickets.domain.ticket.command import AgentCommand
from services.tickets.domain.ticket.events import TicketEvent, TicketQueued
from services.tickets.domain.ticket.facts import about, released
from services.tickets.domain.ticket.state import Ticket

RETURNED: Final = "returned"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnToWaiting(AgentCommand):
    """Any member of the sector may take the ticket again."""


def decide(ticket: Ticket, command: ReturnToWaiting) -> list[TicketEvent]:
    """The ticket waits, without owner. Raises RefusedError."""
    guards.is_open(ticket)
    if ticket.owner_id is None:
        raise refusals.TicketNotOwnedError
    guards.owner(ticket, command.actor)
    by = command.actor.author
    queued = TicketQueued(**about(ticket, command.at, by), reason=RETURNED)
    return [*released(ticket, command.at, by, RETURNED), queued]
