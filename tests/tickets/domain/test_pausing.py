"""The owner sets a ticket aside and takes it up again (domain.md 2.3, Pause and Resume)."""

from dataclasses import replace

from services.tickets.domain import refusals
from services.tickets.domain.people import Actor
from services.tickets.domain.ticket.decide import decide
from services.tickets.domain.ticket.events import TicketPaused
from services.tickets.domain.ticket.evolve import evolve
from services.tickets.domain.ticket.pausing import Pause
from services.tickets.domain.ticket.state import Lifecycle
from tests.support.builders import (
    ANA,
    BIA,
    SUPERVISOR,
    accepted,
    after,
    assigned,
    closed,
    flow_started,
    opened,
    policies,
)
from tests.support.specs import Spec

ticket = Spec(evolve, decide)
WAITING = (opened(), assigned())
ATTENDED = (*WAITING, accepted(ANA))


def pause(by: Actor = ANA) -> Pause:
    return Pause(
        actor=by,
        until=after(hours=5),
        reason="fornecedor",
        at=after(hours=1),
        policies=policies(),
    )


def test_a_paused_ticket_keeps_its_owner() -> None:
    (paused,) = ticket.given(*ATTENDED).when(pause()).then(TicketPaused)
    assert isinstance(paused, TicketPaused)
    assert (paused.until, paused.reason, paused.by) == (after(hours=5), "fornecedor", ANA.author)
    state = ticket.folded([*ATTENDED, paused])
    assert (state.lifecycle, state.owner_id) == (Lifecycle.PAUSED, ANA.agent_id)


def test_only_the_owner_or_a_supervisor_pauses_what_somebody_attends() -> None:
    ticket.given(*ATTENDED).when(pause(BIA)).then_refused(refusals.NotOwnerError)
    ticket.given(*ATTENDED).when(pause(SUPERVISOR)).then(TicketPaused)
    ticket.given(*WAITING).when(pause()).then_refused(refusals.TicketWaitingError)
    in_bot = ticket.given(*WAITING, flow_started())
    in_bot.when(pause()).then_refused(refusals.TicketInBotError)
    over = ticket.given(*ATTENDED, closed(ANA))
    over.when(pause()).then_refused(refusals.TicketClosedError)


def test_a_pause_ends_after_it_begins_and_is_not_begun_twice() -> None:
    early = replace(pause(), until=after(hours=1))
    ticket.given(*ATTENDED).when(early).then_refused(refusals.UntilPassedError)
    (paused,) = ticket.given(*ATTENDED).when(pause()).then(TicketPaused)
    ticket.given(*ATTENDED, paused).when(pause()).then_refused(refusals.TicketPausedError)
    forever = replace(pause(), until=None)
    ticket.given(*ATTENDED).when(forever).then(TicketPaused)
