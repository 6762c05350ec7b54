"""The owner sets a ticket aside for a while (domain.md 2.3, Pause and Resume)."""

from dataclasses import dataclass
from datetime import datetime

from services.tickets.domain import refusals
from services.tickets.domain.people import SYSTEM
from services.tickets.domain.ticket import guards
from services.tickets.domain.ticket.command import AgentCommand, TimerCommand
from services.tickets.domain.ticket.events import TicketEvent, TicketPaused, TicketResumed
from services.tickets.domain.ticket.facts import about
from services.tickets.domain.ticket.state import Lifecycle, Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause(AgentCommand):
    """Set the ticket aside; its owner keeps it. `until` None: until somebody resumes it."""

    until: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume(AgentCommand):
    """Go on with a paused ticket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndPause(TimerCommand):
    """The pause is over."""


def pause(ticket: Ticket, command: Pause) -> list[TicketEvent]:
    """The ticket is paused. Raises RefusedError."""
    guards.is_owned(ticket)
    guards.owner(ticket, command.actor)
    if ticket.lifecycle is Lifecycle.PAUSED:
        raise refusals.TicketPausedError
    if command.until is not None and command.until <= command.at:
        raise refusals.UntilPassedError
    paused = TicketPaused(
        **about(ticket, command.at, command.actor.author),
        until=command.until,
        reason=command.reason,
    )
    return [paused]


def resume(ticket: Ticket, command: Resume) -> list[TicketEvent]:
    """Its owner attends the ticket again. Raises RefusedError."""
    guards.is_open(ticket)
    if ticket.lifecycle is not Lifecycle.PAUSED:
        raise refusals.TicketNotPausedError
    guards.owner(ticket, command.actor)
    return [TicketResumed(**about(ticket, command.at, command.actor.author))]


def end_pause(ticket: Ticket, command: EndPause) -> list[TicketEvent]:
    """Its owner attends the ticket again; nothing where another pause runs, or none."""
    if ticket.pause is None or ticket.pause.id != command.timer_id:
        return []
    return [TicketResumed(**about(ticket, command.at, SYSTEM))]
