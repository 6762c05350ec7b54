"""What a customer's message does, row by row (domain.md 2.4)."""

from dataclasses import replace
from datetime import datetime

import pytest

from services.tickets.domain.inbound_effects import Arrival, Effect, effect, is_courtesy
from services.tickets.domain.policies import Policies
from services.tickets.domain.ticket import opening
from services.tickets.domain.ticket.decide import decide
from services.tickets.domain.ticket.events import SectorAssigned, TicketOpened
from services.tickets.domain.ticket.evolve import evolve
from services.tickets.domain.ticket.opening import OpenByInbound
from services.tickets.domain.ticket.state import Ticket
from tests.support.builders import (
    ANA,
    AT,
    CONVERSATION,
    MARINA,
    NUMBER,
    TICKET,
    VENDAS,
    accepted,
    after,
    an_id,
    assigned,
    closed,
    opened,
    policies,
)
from tests.support.specs import Spec

ticket = Spec(evolve, decide)
WAITING = ticket.folded([opened(), assigned()])
ATTENDED = ticket.folded([opened(), assigned(), accepted(ANA)])
OVER = ticket.folded([opened(), assigned(), accepted(ANA), closed(ANA, AT)])

NEW = policies()
WITHIN = replace(NEW, inbound_after_close="reopen_within", reopen_within_minutes=60)
ALWAYS = replace(NEW, inbound_after_close="always_reopen")


@pytest.mark.parametrize(
    ("newest", "rules", "text", "at", "expected"),
    [
        (None, NEW, "oi", AT, Effect.OPEN),
        (WAITING, NEW, "oi", AT, Effect.APPEND),
        (ATTENDED, NEW, "obrigada", AT, Effect.APPEND),
        (OVER, NEW, "obrigada", after(minutes=10), Effect.APPEND_AFTER_CLOSE),
        (OVER, NEW, "obrigada", after(minutes=10, seconds=1), Effect.OPEN),
        (OVER, NEW, "e o boleto?", after(minutes=1), Effect.OPEN),
        (OVER, NEW, None, after(minutes=1), Effect.OPEN),
        (OVER, WITHIN, "e o boleto?", after(minutes=60), Effect.REOPEN),
        (OVER, WITHIN, "e o boleto?", after(minutes=60, seconds=1), Effect.OPEN),
        (OVER, WITHIN, "obrigada", after(minutes=5), Effect.APPEND_AFTER_CLOSE),
        (OVER, ALWAYS, "e o boleto?", after(days=90), Effect.REOPEN),
        (OVER, ALWAYS, "obrigada", after(minutes=5), Effect.APPEND_AFTER_CLOSE),
    ],
)
def test_the_table(
    newest: Ticket | None, rules: Policies, text: str | None, at: datetime, expected: Effect
) -> None:
    assert effect(newest, Arrival(at, text), rules) is expected


@pytest.mark.parametrize(
    "text", ["ok", "Ok, obrigada!", "ATÉ MAIS 😊", "👍", "❤️", "valeu!!", "muito obrigado"]
)
def test_a_courtesy(text: str) -> None:
    assert is_courtesy(text, 30)


@pytest.mark.parametrize(
    "text", [None, "", "  ", "???", "ok?", "123", "okapi", "ok, e o boleto", "obrigado " * 4]
)
def test_no_courtesy(text: str | None) -> None:
    assert not is_courtesy(text, 30)


def an_opening() -> OpenByInbound:
    return OpenByInbound(
        message_id=an_id("message"),
        ticket_id=TICKET,
        contact_id=MARINA,
        connection_id=NUMBER,
        conversation_id=CONVERSATION,
        protocol="20261123-000001",
        sector_id=VENDAS,
        previous_ticket_id=an_id("antes"),
        at=AT,
        policies=NEW,
    )


def test_a_new_ticket_waits_in_the_connections_sector_and_knows_the_one_before() -> None:
    first, second = opening.decide(an_opening())
    assert isinstance(first, TicketOpened)
    assert isinstance(second, SectorAssigned)
    assert (first.lifecycle, first.previous_ticket_id, first.policy_version) == (
        "waiting",
        an_id("antes"),
        7,
    )
    assert second.sector_id == VENDAS


def test_where_there_is_no_sector_it_waits_without_one() -> None:
    command = replace(an_opening(), sector_id=None)
    assert [type(one) for one in opening.decide(command)] == [TicketOpened]
