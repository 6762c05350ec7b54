"""What does a ticket that nobody took in time do? What the hand-off said; else it waits on."""

from services.tickets.domain.people import SYSTEM
from services.tickets.domain.ticket import guards
from services.tickets.domain.ticket.about import about
from services.tickets.domain.ticket.commands import ActOnUnclaimed
from services.tickets.domain.ticket.events import FlowSessionStarted, TicketClosed, TicketEvent
from services.tickets.domain.ticket.state import Ticket


def decide(ticket: Ticket, command: ActOnUnclaimed) -> list[TicketEvent]:
    """The events; none where another hand-off, or nobody, waits. Raises RefusedError.

    A text that is due besides is the caller's to queue: it belongs to the conversation.
    """
    waits = ticket.unclaimed
    if waits is None or waits.timer_id != command.timer_id:
        return []
    match waits.then:
        case "message":
            return []
        case "flow":
            return _again(ticket, command)
        case "close":
            guards.reason(waits.reason_id, command.policies)
            closed = TicketClosed(
                **about(ticket, command.at, SYSTEM),
                owner_id=None,
                reason_id=waits.reason_id,
                policy_version=command.policies.version,
            )
            return [closed]


def _again(ticket: Ticket, command: ActOnUnclaimed) -> list[TicketEvent]:
    """Once for each thing that the customer says: else flow and queue take turns on their own."""
    if command.heard is None or ticket.flow_again_after == command.heard:
        return []
    flow_id = guards.flow(command.flow_id, command.window_closes_at, command.at)
    started = FlowSessionStarted(
        **about(ticket, command.at, SYSTEM),
        session_id=command.session_id,
        flow_id=flow_id,
        conversation_id=ticket.conversation_id,
        again_after=command.heard,
    )
    return [started]
