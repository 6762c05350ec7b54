"""Nobody has taken a ticket in time that a flow handed over (bots.md, session rule 11)."""

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never
from uuid import UUID

from services.tickets.domain.people import SYSTEM
from services.tickets.domain.refusals import RefusedError
from services.tickets.domain.ticket import guards
from services.tickets.domain.ticket.closing import closed
from services.tickets.domain.ticket.command import TimerCommand
from services.tickets.domain.ticket.events import FlowSessionStarted, TicketEvent, TicketUnclaimed
from services.tickets.domain.ticket.facts import about
from services.tickets.domain.ticket.state import Ticket
from services.tickets.domain.unclaimed import Unclaimed


@dataclass(frozen=True, slots=True, kw_only=True)
class ActOnUnclaimed(TimerCommand):
    """The timer of the hand-off is due; it does what the hand-off said.

    A flow that starts again is the connection's (`flow_id` None: it has none); `received_id` is
    the customer's newest message. A close reason that cannot be used any more (`reason_known`) is
    left out: nobody is there to choose another, and the customer must not wait for it.
    """

    session_id: UUID
    flow_id: UUID | None
    received_id: UUID | None
    window_closes_at: datetime | None
    reason_known: bool = True


def decide(ticket: Ticket, command: ActOnUnclaimed) -> list[TicketEvent]:
    """What follows; nothing where the ticket waits for nobody, or since another hand-off.

    A rule that refuses it leaves the ticket to who may still come. A text that is due besides
    belongs to the conversation: it is the caller's to queue.
    """
    waits = ticket.unclaimed
    if waits is None or waits.timer_id != command.timer_id:
        return []
    try:
        events = _acted(ticket, waits, command)
    except RefusedError as refused:
        return [_noticed(ticket, command, refused.code)]
    return events or [_noticed(ticket, command, None)]


def _acted(ticket: Ticket, waits: Unclaimed, command: ActOnUnclaimed) -> list[TicketEvent]:
    match waits.then:
        case "message":
            return []
        case "flow":
            return _flow_again(ticket, command)
        case "close":
            reason_id = waits.reason_id if command.reason_known else None
            return [closed(ticket, command, SYSTEM, reason_id=reason_id)]
        case _:
            assert_never(waits.then)


def _flow_again(ticket: Ticket, command: ActOnUnclaimed) -> list[TicketEvent]:
    """Once for each message of the customer: else flow and queue take turns on their own."""
    received = command.received_id
    if received is None or ticket.flow_again_after == received:
        return []
    started = FlowSessionStarted(
        **about(ticket, command.at, SYSTEM),
        session_id=command.session_id,
        flow_id=guards.flow(command.flow_id, command.window_closes_at, command.at),
        conversation_id=ticket.conversation_id,
        protocol=ticket.protocol,
        again_after=received,
    )
    return [started]


def _noticed(ticket: Ticket, command: ActOnUnclaimed, refused: str | None) -> TicketEvent:
    return TicketUnclaimed(
        **about(ticket, command.at, SYSTEM), timer_id=command.timer_id, refused=refused
    )
