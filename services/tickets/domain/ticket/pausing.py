"""The owner sets a ticket aside for a while (domain.md 2.3, Pause and Resume)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never
from uuid import UUID

from services.tickets.domain import refusals
from services.tickets.domain.people import CONTACT, SYSTEM
from services.tickets.domain.ticket import guards
from services.tickets.domain.ticket.command import AgentCommand, Command, TimerCommand
from services.tickets.domain.ticket.events import (
    TicketEvent,
    TicketFlagged,
    TicketPaused,
    TicketQueued,
    TicketResumed,
)
from services.tickets.domain.ticket.facts import about, released
from services.tickets.domain.ticket.state import Lifecycle, Ticket

CUSTOMER_WAITS: Final = "customer_waits"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveWhilePaused(Command):
    """The customer wrote; the policy `on_inbound_while_paused` says what follows."""

    message_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnPaused(TimerCommand):
    """Nobody went on in time with a paused ticket whose customer wrote."""


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


def receive(ticket: Ticket, command: ReceiveWhilePaused) -> list[TicketEvent]:
    """Resumed, or flagged once for each pause; nothing where the ticket is not paused."""
    if ticket.lifecycle is not Lifecycle.PAUSED:
        return []
    policies = command.policies
    match policies.on_inbound_while_paused:
        case "resume":
            return [TicketResumed(**about(ticket, command.at, CONTACT))]
        case "stay_and_flag":
            return _flagged(ticket, command, None)
        case "to_waiting_after":
            minutes = timedelta(minutes=policies.paused_to_waiting_minutes)
            return _flagged(ticket, command, command.at + minutes)
        case _:
            assert_never(policies.on_inbound_while_paused)


def return_paused(ticket: Ticket, command: ReturnPaused) -> list[TicketEvent]:
    """The ticket waits for anybody of its sector; nothing where the timer is not its own."""
    if ticket.return_to_queue is None or ticket.return_to_queue.id != command.timer_id:
        return []
    queued = TicketQueued(**about(ticket, command.at, SYSTEM), reason=CUSTOMER_WAITS)
    return [*released(ticket, command.at, SYSTEM, CUSTOMER_WAITS), queued]


def _flagged(
    ticket: Ticket, command: ReceiveWhilePaused, return_at: datetime | None
) -> list[TicketEvent]:
    if ticket.flagged:
        return []
    flagged = TicketFlagged(
        **about(ticket, command.at, CONTACT),
        reason="inbound_while_paused",
        message_id=command.message_id,
        return_at=return_at,
    )
    return [flagged]
