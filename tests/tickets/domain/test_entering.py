"""Does the bot run again for a customer who comes back (domain.md 2.7, `rerun_bot`)?"""

from datetime import timedelta
from uuid import UUID

import pytest

from services.tickets.domain.ticket.entering import Entry, entry
from services.tickets.domain.ticket.evolve import evolve
from services.tickets.domain.ticket.state import Ticket
from tests.support.builders import (
    ANA,
    AT,
    FLOW,
    GERAL,
    SUPORTE,
    accepted,
    assigned,
    closed,
    opened,
    policies,
)

USUAL = Entry(FLOW, GERAL)
CLOSED_AT = AT + timedelta(hours=1)
AGAIN_AT = CLOSED_AT + timedelta(minutes=30)


def before(sector: UUID = SUPORTE) -> Ticket:
    steps = [assigned(sector), accepted(ANA, sector=sector), closed(ANA, CLOSED_AT)]
    ticket = evolve(None, opened())
    for step in steps:
        ticket = evolve(ticket, step)
    return ticket


def test_always_unless_the_account_says_otherwise() -> None:
    assert entry(USUAL, before(), policies(), AGAIN_AT, active=True) == USUAL


@pytest.mark.parametrize(("minutes", "runs"), [(30, True), (31, False)])
def test_only_after_a_pause(minutes: int, runs: bool) -> None:  # noqa: FBT001
    rules = policies(rerun_bot="after", rerun_bot_after_minutes=minutes)
    found = entry(USUAL, before(), rules, AGAIN_AT, active=True)
    assert found == (USUAL if runs else Entry(None, SUPORTE))


@pytest.mark.parametrize(("sector", "runs"), [(SUPORTE, False), (GERAL, True)])
def test_never_for_a_sector_that_somebody_chose(sector: UUID, runs: bool) -> None:  # noqa: FBT001
    rules = policies(rerun_bot="never_for_known_sector")
    found = entry(USUAL, before(sector), rules, AGAIN_AT, active=True)
    assert found == (USUAL if runs else Entry(None, sector))


@pytest.mark.parametrize("rule", ["after", "never_for_known_sector"])
def test_a_sector_that_is_closed_is_not_known_any_more(rule: str) -> None:
    rules = policies(rerun_bot=rule, rerun_bot_after_minutes=60)
    assert entry(USUAL, before(), rules, AGAIN_AT, active=False) == USUAL


@pytest.mark.parametrize("rule", ["after", "never_for_known_sector"])
def test_who_never_wrote_goes_through_the_flow_and_a_number_without_one_stays_without(
    rule: str,
) -> None:
    rules = policies(rerun_bot=rule, rerun_bot_after_minutes=60)
    assert entry(USUAL, None, rules, AGAIN_AT, active=True) == USUAL
    people = Entry(None, GERAL)
    assert entry(people, before(), rules, AGAIN_AT, active=True) == people


def test_a_connection_without_a_sector_has_the_default_one_if_there_is_one() -> None:
    nowhere = Entry(None, None)
    assert entry(nowhere, None, policies(), AT, active=True) == Entry(None, GERAL)
    rules = policies(default_sector_id=None)
    assert entry(nowhere, None, rules, AT, active=True) == nowhere
