"""Who may say something and mark it as read (domain.md 2.3, D7)."""

from collections.abc import Callable

import pytest

from services.tickets.domain import refusals
from services.tickets.domain.content import Content
from services.tickets.domain.conversation import reading, sending
from services.tickets.domain.conversation.evolve import evolve as evolve_conversation
from services.tickets.domain.conversation.reading import MarkRead
from services.tickets.domain.conversation.sending import SendMessage
from services.tickets.domain.people import Actor, Recipient
from services.tickets.domain.ticket import guards
from services.tickets.domain.ticket.decide import decide
from services.tickets.domain.ticket.evolve import evolve
from services.tickets.domain.ticket.state import Ticket
from tests.support.builders import (
    ANA,
    BIA,
    CARLA,
    GERAL,
    SUPERVISOR,
    accepted,
    after,
    an_id,
    assigned,
    closed,
    flow_started,
    opened,
    policies,
    received,
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


SAID = evolve_conversation(None, received("oi"))


def speak(state: Ticket, actor: Actor) -> None:
    command = SendMessage(
        actor=actor,
        message_id=an_id("resposta"),
        content=Content("text", "Olá"),
        recipient=Recipient("5511912345678"),
        at=after(hours=1),
    )
    sending.send(state, SAID, command)


def read(state: Ticket, actor: Actor) -> None:
    command = MarkRead(actor=actor, up_to=an_id("oi"), at=after(hours=1), policies=policies())
    reading.decide(state, SAID, command)


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
    assert refusal(lambda: speak(state, actor)) is expected


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
    assert refusal(lambda: read(state, actor)) is expected


def test_the_window_closes_at_its_very_instant() -> None:
    guards.window(after(hours=24), after(hours=23, minutes=59))
    for at in (after(hours=24), after(hours=25)):
        with pytest.raises(refusals.WindowClosedError):
            guards.window(after(hours=24), at)
    with pytest.raises(refusals.WindowClosedError):
        guards.window(None, after())
