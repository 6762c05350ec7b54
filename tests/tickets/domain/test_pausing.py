"""The owner sets a ticket aside and takes it up again (domain.md 2.3, Pause and Resume)."""

from dataclasses import replace

from services.tickets.domain import refusals
from services.tickets.domain.people import SYSTEM, Actor
from services.tickets.domain.ticket.decide import decide
from services.tickets.domain.ticket.events import TicketPaused, TicketResumed
from services.tickets.domain.ticket.evolve import evolve, pause_timer
from services.tickets.domain.ticket.pausing import EndPause, Pause, Resume
from services.tickets.domain.ticket.state import Lifecycle
from tests.support.builders import (
    ANA,
    BIA,
    SUPERVISOR,
    accepted,
    after,
    an_id,
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


def paused() -> TicketPaused:
    (event,) = ticket.given(*ATTENDED).when(pause()).then(TicketPaused)
    assert isinstance(event, TicketPaused)
    return event


def test_the_owner_or_a_supervisor_resumes_and_only_what_is_paused() -> None:
    for by in (ANA, SUPERVISOR):
        resume = Resume(actor=by, at=after(hours=2), policies=policies())
        (resumed,) = ticket.given(*ATTENDED, paused()).when(resume).then(TicketResumed)
        state = ticket.folded([*ATTENDED, paused(), resumed])
        assert (state.lifecycle, state.owner_id) == (Lifecycle.ATTENDING, ANA.agent_id)
        assert state.timers == ()
    by_another = Resume(actor=BIA, at=after(hours=2), policies=policies())
    ticket.given(*ATTENDED, paused()).when(by_another).then_refused(refusals.NotOwnerError)
    again = Resume(actor=ANA, at=after(hours=2), policies=policies())
    ticket.given(*ATTENDED).when(again).then_refused(refusals.TicketNotPausedError)


def test_the_end_of_a_pause_resumes_that_pause_and_no_other() -> None:
    timer = pause_timer(paused())
    assert timer is not None
    assert (timer.due, ticket.folded([*ATTENDED, paused()]).timers) == (after(hours=5), (timer,))
    due = EndPause(timer_id=timer.id, at=after(hours=5), policies=policies())
    (resumed,) = ticket.given(*ATTENDED, paused()).when(due).then(TicketResumed)
    assert isinstance(resumed, TicketResumed)
    assert resumed.by == SYSTEM
    other = replace(due, timer_id=an_id("another"))
    ticket.given(*ATTENDED, paused()).when(other).then_nothing()
    ticket.given(*ATTENDED, paused(), resumed).when(due).then_nothing()


def test_closing_a_paused_ticket_ends_its_pause() -> None:
    assert ticket.folded([*ATTENDED, paused(), closed(ANA)]).timers == ()
