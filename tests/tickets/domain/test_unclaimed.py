"""What follows when nobody takes a ticket that a flow handed over (bots.md, session rule 11)."""

from dataclasses import replace
from typing import Literal
from uuid import UUID

import pytest

from services.tickets.domain.people import SYSTEM
from services.tickets.domain.ticket.accepting import Accept
from services.tickets.domain.ticket.closing import Close
from services.tickets.domain.ticket.decide import decide
from services.tickets.domain.ticket.events import (
    FlowSessionEnded,
    FlowSessionStarted,
    TicketAccepted,
    TicketClosed,
    TicketEvent,
    TicketQueued,
    TicketUnclaimed,
)
from services.tickets.domain.ticket.evolve import evolve
from services.tickets.domain.ticket.flows import HandOff
from services.tickets.domain.ticket.state import Lifecycle
from services.tickets.domain.ticket.unclaimed import ActOnUnclaimed
from services.tickets.domain.unclaimed import Unclaimed, timer_id
from tests.support.builders import (
    ANA,
    FLOW,
    SESSION,
    TICKET,
    after,
    an_id,
    assigned,
    flow_started,
    opened,
    policies,
)
from tests.support.specs import Spec

Then = Literal["message", "flow", "close"]
ticket = Spec(evolve, decide)
IN_BOT = (opened(), assigned(), flow_started())
NOW, LATER = after(minutes=1), after(minutes=16)
TIMER = timer_id(TICKET, an_id("hand off"))
OI = an_id("oi")


def hand_off(then: Then, reason_id: UUID | None = None) -> HandOff:
    waits = Unclaimed(timer_id=TIMER, due=LATER, then=then, reason_id=reason_id)
    return HandOff(
        session_id=SESSION,
        sector_id=None,
        reason="node",
        note_id=an_id("note"),
        unclaimed=waits,
        unclaimed_text="Ainda estamos ocupados",
        at=NOW,
        policies=policies(),
    )


def handed_over(then: Then, reason_id: UUID | None = None) -> list[TicketEvent]:
    asked = ticket.given(*IN_BOT).when(hand_off(then, reason_id))
    return [*IN_BOT, *asked.then(FlowSessionEnded, TicketQueued)]


def due(**changed: object) -> ActOnUnclaimed:
    command = ActOnUnclaimed(
        timer_id=TIMER,
        session_id=an_id("again"),
        flow_id=FLOW,
        received_id=OI,
        window_closes_at=after(hours=24),
        at=LATER,
        policies=policies(),
    )
    return replace(command, **changed)


def test_a_hand_off_says_what_follows_when_nobody_comes() -> None:
    state = ticket.folded(handed_over("message"))
    assert state.lifecycle is Lifecycle.WAITING
    assert state.unclaimed == Unclaimed(timer_id=TIMER, due=LATER, then="message")
    assert state.unclaimed_text == "Ainda estamos ocupados"


@pytest.mark.parametrize("then", ["message", "flow", "close"])
def test_whoever_goes_on_is_waited_for_no_more(then: Then) -> None:
    events = handed_over(then)
    accept = Accept(actor=ANA, at=LATER, policies=policies())
    close = Close(actor=ANA, at=LATER, policies=policies())
    for command, kinds in ((accept, [TicketAccepted]), (close, [TicketClosed])):
        followed = ticket.given(*events).when(command).then(*kinds)
        state = ticket.folded([*events, *followed])
        assert (state.unclaimed, state.unclaimed_text) == (None, None)
        ticket.given(*events, *followed).when(due()).then_nothing()
    started = ticket.folded([*events, flow_started()])
    assert (started.unclaimed, started.unclaimed_text) == (None, None)


def test_another_hand_off_has_another_timer() -> None:
    ticket.given(*handed_over("close")).when(due(timer_id=an_id("before"))).then_nothing()
    again = [*handed_over("close"), flow_started()]
    plain = replace(hand_off("close"), unclaimed=None, unclaimed_text=None)
    ended = ticket.given(*again).when(plain).then(FlowSessionEnded, TicketQueued)
    ticket.given(*again, *ended).when(due()).then_nothing()


def test_a_ticket_with_only_a_text_waits_on_and_its_timer_is_over() -> None:
    events = handed_over("message")
    (noticed,) = ticket.given(*events).when(due()).then(TicketUnclaimed)
    state = ticket.folded([*events, noticed])
    assert (state.lifecycle, state.unclaimed) == (Lifecycle.WAITING, None)


def test_the_flow_starts_again_in_the_name_of_nobody() -> None:
    events = handed_over("flow")
    (started,) = ticket.given(*events).when(due()).then(FlowSessionStarted)
    assert isinstance(started, FlowSessionStarted)
    assert (started.by, started.flow_id, started.again_after) == (SYSTEM, FLOW, OI)
    assert (started.return_to, started.opened_by) == (None, None)
    state = ticket.folded([*events, started])
    assert (state.lifecycle, state.session_id) == (Lifecycle.BOT, an_id("again"))


def test_it_starts_again_once_for_each_thing_that_the_customer_says() -> None:
    again = replace(flow_started(), again_after=OI, session_id=SESSION)
    events = [*handed_over("flow"), again]
    ended = ticket.given(*events).when(hand_off("flow")).then(FlowSessionEnded, TicketQueued)
    waits = ticket.given(*events, *ended)
    waits.when(due()).then(TicketUnclaimed)
    waits.when(due(received_id=None)).then(TicketUnclaimed)
    waits.when(due(received_id=an_id("alguém?"))).then(FlowSessionStarted)


def test_a_flow_that_cannot_speak_is_not_started() -> None:
    waits = ticket.given(*handed_over("flow"))
    for command, code in (
        (due(flow_id=None), "flow_unavailable"),
        (due(window_closes_at=LATER), "window_closed"),
    ):
        (noticed,) = waits.when(command).then(TicketUnclaimed)
        assert isinstance(noticed, TicketUnclaimed)
        assert noticed.refused == code


def test_the_ticket_is_closed_with_the_reason_that_the_flow_names() -> None:
    events = handed_over("close", an_id("sem resposta"))
    (closed,) = ticket.given(*events).when(due()).then(TicketClosed)
    assert isinstance(closed, TicketClosed)
    assert (closed.by, closed.owner_id, closed.reason_id) == (SYSTEM, None, an_id("sem resposta"))
    assert ticket.folded([*events, closed]).closed_at == LATER


def test_a_reason_that_is_demanded_of_people_is_not_demanded_of_a_timer() -> None:
    strict = due(policies=policies(close_reason="required"))
    ticket.given(*handed_over("close")).when(strict).then(TicketClosed)
