"""Who may say something, read, and what `allowed` tells beforehand (domain.md 2.3, D7)."""

from collections.abc import Callable
from datetime import datetime

import pytest

from services.tickets.domain import refusals
from services.tickets.domain.people import Actor
from services.tickets.domain.policies import Policies
from services.tickets.domain.ticket import guards
from services.tickets.domain.ticket.commands import Accept, Close, Reopen, StartFlow
from services.tickets.domain.ticket.decide import decide
from services.tickets.domain.ticket.evolve import evolve
from services.tickets.domain.ticket.state import Ticket
from tests.support.builders import (
    ANA,
    BIA,
    CARLA,
    FLOW,
    GERAL,
    SESSION,
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
WAITING = ticket.folded([opened(), assigned()])
IN_BOT = ticket.folded([opened(), assigned(), flow_started()])
IN_GERAL = ticket.folded([opened(), assigned(GERAL)])
ATTENDED = ticket.folded([opened(), assigned(), accepted(ANA)])
OVER = ticket.folded([opened(), assigned(), accepted(ANA), closed(ANA)])


def refusal(check: Callable[[], None]) -> type[refusals.RefusedError] | None:
    try:
        check()
    except refusals.RefusedError as refused:
        return type(refused)
    return None


@pytest.mark.parametrize(
    ("state", "actor", "expected"),
    [
        (ATTENDED, ANA, None),
        (ATTENDED, BIA, refusals.NotOwnerError),
        (ATTENDED, SUPERVISOR, None),
        (WAITING, ANA, refusals.TicketWaitingError),
        (WAITING, SUPERVISOR, None),
        (OVER, ANA, refusals.TicketClosedError),
        (OVER, SUPERVISOR, refusals.TicketClosedError),
    ],
)
def test_who_may_speak(
    state: Ticket, actor: Actor, expected: type[refusals.RefusedError] | None
) -> None:
    assert refusal(lambda: guards.speak(state, actor)) is expected


@pytest.mark.parametrize(
    ("state", "actor", "expected"),
    [
        (ATTENDED, ANA, None),
        (ATTENDED, BIA, refusals.NotOwnerError),
        (ATTENDED, SUPERVISOR, None),
        (WAITING, ANA, None),
        (WAITING, CARLA, refusals.NotInSectorError),
        (OVER, BIA, None),
        (OVER, CARLA, refusals.NotInSectorError),
    ],
)
def test_who_may_mark_as_read(
    state: Ticket, actor: Actor, expected: type[refusals.RefusedError] | None
) -> None:
    assert refusal(lambda: guards.read(state, actor)) is expected


def test_the_window_closes_at_its_very_instant() -> None:
    guards.window(after(hours=24), after(hours=23, minutes=59))
    for at in (after(hours=24), after(hours=25)):
        with pytest.raises(refusals.WindowClosedError):
            guards.window(after(hours=24), at)
    with pytest.raises(refusals.WindowClosedError):
        guards.window(None, after())


@pytest.mark.parametrize("state", [WAITING, IN_GERAL, IN_BOT, ATTENDED, OVER])
@pytest.mark.parametrize("actor", [ANA, BIA, CARLA, SUPERVISOR])
@pytest.mark.parametrize("manual_from", [("waiting",), ("attending",)])
def test_what_is_allowed_is_what_would_be_decided(
    state: Ticket, actor: Actor, manual_from: tuple[str, ...]
) -> None:
    at, rules = after(minutes=1), policies(flow_manual_from=manual_from)
    told = guards.allowed(state, actor, rules, after(hours=24), FLOW, at)
    commands = {
        "accept": Accept(actor=actor, at=at, policies=rules),
        "close": Close(actor=actor, at=at, policies=rules),
        "reopen": Reopen(actor=actor, at=at, policies=rules),
        "start_flow": start_flow(actor, at, rules),
    }
    assert set(told) == {*commands, "send_message", "read"}
    for name, command in commands.items():
        decided = refusal(lambda command=command: _run(state, command))
        said = told[name]
        assert (None if said is None else type(said)) is decided, name


def test_the_closed_window_shows_in_what_is_allowed() -> None:
    told = guards.allowed(ATTENDED, ANA, policies(), after(hours=24), FLOW, after(hours=24))
    assert isinstance(told["send_message"], refusals.WindowClosedError)
    assert told["close"] is None


def start_flow(actor: Actor, at: datetime, rules: Policies) -> StartFlow:
    return StartFlow(
        actor=actor,
        session_id=SESSION,
        flow_id=FLOW,
        window_closes_at=after(hours=24),
        at=at,
        policies=rules,
    )


def _run(state: Ticket, command: Accept | Close | Reopen | StartFlow) -> None:
    decide(state, command)
