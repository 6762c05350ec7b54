"""The owner gives a ticket back to the queue (domain.md 2.3, ReturnToWaiting)."""

import pytest

from services.tickets.domain import refusals
from services.tickets.domain.people import Actor
from services.tickets.domain.ticket.decide import decide
from services.tickets.domain.ticket.events import OwnerReleased, TicketPaused, TicketQueued
from services.tickets.domain.ticket.evolve import evolve
from services.tickets.domain.ticket.facts import about
from services.tickets.domain.ticket.returning import ReturnToWaiting
from services.tickets.domain.ticket.state import Lifecycle
from tests.support.builders import (
    ANA,
    BIA,
    SUPERVISOR,
    accepted,
    after,
    assigned,
    closed,
    opened,
    policies,
)
from tests.support.specs import Spec

ticket = Spec(evolve, decide)
WAITING = (opened(), assigned())
ATTENDED = (*WAITING, accepted(ANA))
PAUSED = (
    *ATTENDED,
    TicketPaused(
        **about(ticket.folded(ATTENDED), after(minutes=5), ANA.author), until=after(hours=1)
    ),
)


def give_back(by: Actor = ANA) -> ReturnToWaiting:
    return ReturnToWaiting(actor=by, at=after(hours=1), policies=policies())


@pytest.mark.parametrize("history", [ATTENDED, PAUSED])
@pytest.mark.parametrize("by", [ANA, SUPERVISOR])
def test_the_ticket_waits_without_owner_and_without_a_pause(
    history: tuple[TicketPaused, ...], by: Actor
) -> None:
    asked = ticket.given(*history).when(give_back(by))
    released, queued = asked.then(OwnerReleased, TicketQueued)
    assert isinstance(released, OwnerReleased)
    assert isinstance(queued, TicketQueued)
    assert (released.owner_id, released.reason, queued.reason) == (
        ANA.agent_id,
        "returned",
        "returned",
    )
    state = ticket.folded([*history, released, queued])
    assert (state.lifecycle, state.owner_id, state.timers) == (Lifecycle.WAITING, None, ())


def test_only_the_owner_or_a_supervisor_gives_back_what_somebody_holds() -> None:
    ticket.given(*ATTENDED).when(give_back(BIA)).then_refused(refusals.NotOwnerError)
    ticket.given(*WAITING).when(give_back()).then_refused(refusals.TicketNotOwnedError)
    over = ticket.given(*ATTENDED, closed(ANA))
    over.when(give_back()).then_refused(refusals.TicketClosedError)
