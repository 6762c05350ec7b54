"""Does anybody still wait for somebody to come? The timer goes with the state (design.md D12).

Whatever ends the waiting clears the timer in its own append, whoever asked for it: a decision need
not think of it.
"""

from collections.abc import Sequence
from uuid import UUID

from services.tickets.domain.ticket import evolve
from services.tickets.domain.ticket.events import TicketEvent
from services.tickets.domain.ticket.state import Ticket
from services.tickets.domain.unclaimed import KIND
from services.tickets.handlers.store import TimerSet


def changed(ticket: Ticket, events: Sequence[TicketEvent]) -> tuple[list[TimerSet], list[UUID]]:
    """The timers that these events set, and those that they clear."""
    before, after = ticket.unclaimed, evolve.after(ticket, events).unclaimed
    if before == after:
        return [], []
    armed = [] if after is None else [TimerSet(after.timer_id, ticket.id, KIND, after.due)]
    return armed, [] if before is None else [before.timer_id]
