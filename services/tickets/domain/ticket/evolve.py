"""Apply an event to a ticket."""

from dataclasses import replace
from datetime import UTC
from typing import Final, assert_never
from uuid import uuid5

from services.tickets.domain.ticket.events import (
    AutoMessageSkipped,
    FlowSessionEnded,
    FlowSessionStarted,
    NoteAdded,
    OwnerReleased,
    SectorAssigned,
    TicketAccepted,
    TicketClosed,
    TicketEvent,
    TicketFlagged,
    TicketOpened,
    TicketPaused,
    TicketQueued,
    TicketReopened,
    TicketResumed,
    TicketTransferred,
    TicketUnclaimed,
)
from services.tickets.domain.ticket.state import Lifecycle, Ticket, Timer

PAUSE: Final = "pause"
"""Kind of the timer that ends a pause."""
RETURN: Final = "paused_return"
"""Kind of the timer that puts a paused ticket back into the queue."""


class NotOpenedError(ValueError):
    """A ticket's stream begins with TicketOpened."""


def evolve(ticket: Ticket | None, event: TicketEvent) -> Ticket:  # noqa: C901, PLR0911, PLR0912  one per event
    """The ticket after the event; reads no clock, so a replay gives the same state."""
    if isinstance(event, TicketOpened):
        return opened(event)
    if ticket is None:
        raise NotOpenedError
    match event:
        case SectorAssigned():
            return replace(ticket, sector_id=event.sector_id)
        case TicketAccepted():
            return _accepted(ticket, event)
        case TicketQueued():
            return _queued(ticket, event)
        case OwnerReleased():
            # waits until what follows: no version is attended by nobody (2.8, 2)
            return replace(_unowned(ticket), lifecycle=Lifecycle.WAITING)
        case TicketPaused():
            return replace(ticket, lifecycle=Lifecycle.PAUSED, pause=pause_timer(event))
        case TicketResumed():
            return replace(_unpaused(ticket), lifecycle=Lifecycle.ATTENDING)
        case TicketFlagged():
            return replace(ticket, flagged=True, return_to_queue=_return_timer(event))
        case TicketClosed():
            closed = _claimed(_unowned(ticket))
            return replace(closed, lifecycle=Lifecycle.CLOSED, closed_at=event.occurred_at)
        case TicketReopened():
            # waits until TicketAccepted follows: no version is attended by nobody (2.8, 2)
            return replace(ticket, lifecycle=Lifecycle.WAITING, closed_at=None)
        case FlowSessionStarted():
            return _started(ticket, event)
        case FlowSessionEnded():
            # waits until what ended it follows: no version is in `bot` without a session (2.8, 7)
            return replace(ticket, lifecycle=Lifecycle.WAITING, session_id=None, return_to=None)
        case TicketUnclaimed():
            return _claimed(ticket)
        case TicketTransferred() | NoteAdded() | AutoMessageSkipped():
            return ticket
        case _:
            assert_never(event)


def opened(event: TicketOpened) -> Ticket:
    """The ticket as its first event leaves it."""
    lifecycle = Lifecycle(event.lifecycle)
    if lifecycle is Lifecycle.BOT:
        lifecycle = Lifecycle.WAITING  # until FlowSessionStarted follows (2.8, 7)
    return Ticket(
        id=event.ticket_id,
        contact_id=event.contact_id,
        connection_id=event.connection_id,
        conversation_id=event.conversation_id,
        protocol=event.protocol,
        lifecycle=lifecycle,
        opened_at=event.occurred_at,
    )


def pause_timer(event: TicketPaused) -> Timer | None:
    """The timer that ends a pause, where it has an end."""
    if event.until is None:
        return None
    id_ = uuid5(event.ticket_id, f"{PAUSE}:{event.occurred_at.astimezone(UTC).isoformat()}")
    return Timer(id_, PAUSE, event.until)


def _accepted(ticket: Ticket, event: TicketAccepted) -> Ticket:
    return replace(
        _claimed(ticket),
        lifecycle=Lifecycle.ATTENDING,
        owner_id=event.owner_id,
        last_owner_id=event.owner_id,
        owned_since=event.occurred_at,
        sector_id=event.sector_id or ticket.sector_id,
        slot=event.slot,
    )


def _queued(ticket: Ticket, event: TicketQueued) -> Ticket:
    return replace(
        _unowned(ticket),
        lifecycle=Lifecycle.WAITING,
        unclaimed=event.unclaimed,
        unclaimed_text=event.unclaimed_text,
    )


def _started(ticket: Ticket, event: FlowSessionStarted) -> Ticket:
    return replace(
        _claimed(ticket),
        lifecycle=Lifecycle.BOT,
        session_id=event.session_id,
        return_to=event.return_to,
        flow_again_after=event.again_after or ticket.flow_again_after,
    )


def _claimed(ticket: Ticket) -> Ticket:
    """Somebody or something goes on: nobody is waited for."""
    return replace(ticket, unclaimed=None, unclaimed_text=None)


def _unowned(ticket: Ticket) -> Ticket:
    return replace(_unpaused(ticket), owner_id=None, owned_since=None, slot=None)


def _unpaused(ticket: Ticket) -> Ticket:
    return replace(ticket, pause=None, flagged=False, return_to_queue=None)


def _return_timer(event: TicketFlagged) -> Timer | None:
    if event.return_at is None:
        return None
    return Timer(uuid5(event.ticket_id, f"{RETURN}:{event.message_id}"), RETURN, event.return_at)
