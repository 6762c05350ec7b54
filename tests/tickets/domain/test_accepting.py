"""Who may take a ticket, and what then happens (domain.md 2.3, 2.5)."""

from dataclasses import replace
from uuid import UUID

from services.tickets.domain import refusals
from services.tickets.domain.people import Actor
from services.tickets.domain.policies import Policies
from services.tickets.domain.ticket.accepting import Accept
from services.tickets.domain.ticket.decide import decide
from services.tickets.domain.ticket.events import SectorAssigned, TicketAccepted
from services.tickets.domain.ticket.evolve import evolve
from tests.support.builders import (
    ANA,
    BIA,
    CARLA,
    GERAL,
    SUPERVISOR,
    SUPORTE,
    VENDAS,
    accepted,
    after,
    an_agent,
    assigned,
    closed,
    opened,
    policies,
)
from tests.support.specs import Spec

ticket = Spec(evolve, decide)


def accept(
    by: Actor = ANA,
    sector: UUID | None = None,
    *,
    active: bool = True,
    policy: Policies | None = None,
) -> Accept:
    return Accept(
        actor=by,
        sector_id=sector,
        sector_active=active,
        at=after(minutes=5),
        policies=policy or policies(),
    )


def test_an_agent_of_the_sector_takes_a_waiting_ticket() -> None:
    event = ticket.given(opened(), assigned()).when(accept()).then(TicketAccepted)[0]
    assert isinstance(event, TicketAccepted)
    assert (event.owner_id, event.sector_id, event.override_by) == (ANA.agent_id, VENDAS, None)
    assert event.occurred_at == after(minutes=5)


def test_the_second_agent_to_accept_hears_who_was_first_and_since_when() -> None:
    taken = ticket.given(opened(), assigned(), accepted(ANA, after(minutes=1)))
    refused = taken.when(accept(BIA)).then_refused(refusals.AlreadyAcceptedError)
    assert (refused.owner, refused.since) == (ANA.agent_id, after(minutes=1))


def test_not_even_a_supervisor_takes_what_another_holds_by_accepting() -> None:
    taken = ticket.given(opened(), assigned(), accepted(ANA))
    taken.when(accept(SUPERVISOR)).then_refused(refusals.AlreadyAcceptedError)


def test_the_owner_who_accepts_again_changes_nothing() -> None:
    ticket.given(opened(), assigned(), accepted(ANA)).when(accept(ANA)).then_nothing()


def test_a_closed_ticket_is_not_accepted() -> None:
    over = ticket.given(opened(), assigned(), accepted(ANA), closed(ANA))
    over.when(accept(ANA)).then_refused(refusals.TicketClosedError)


def test_an_agent_of_another_sector_is_refused() -> None:
    waiting = ticket.given(opened(), assigned())
    waiting.when(accept(CARLA)).then_refused(refusals.NotInSectorError)


def test_naming_the_own_sector_takes_nothing_from_another_sector() -> None:
    waiting = ticket.given(opened(), assigned())
    waiting.when(accept(CARLA, SUPORTE)).then_refused(refusals.NotInSectorError)


def test_a_member_of_both_sectors_may_move_the_ticket_while_accepting() -> None:
    both = an_agent("dora", VENDAS, SUPORTE)
    asked = ticket.given(opened(), assigned()).when(accept(both, SUPORTE))
    moved, taken = asked.then(SectorAssigned, TicketAccepted)
    assert isinstance(moved, SectorAssigned)
    assert isinstance(taken, TicketAccepted)
    assert (moved.sector_id, moved.previous_sector_id) == (SUPORTE, VENDAS)
    assert taken.sector_id == SUPORTE


def test_a_supervisor_from_outside_says_so_in_the_event() -> None:
    event = ticket.given(opened(), assigned()).when(accept(SUPERVISOR)).then(TicketAccepted)[0]
    assert isinstance(event, TicketAccepted)
    assert event.override_by == SUPERVISOR.agent_id


def test_the_default_sector_must_be_replaced() -> None:
    waiting = ticket.given(opened(), assigned(GERAL))
    member = an_agent("ana", GERAL, VENDAS)
    waiting.when(accept(member)).then_refused(refusals.SectorRequiredError)
    waiting.when(accept(member, GERAL)).then_refused(refusals.SectorRequiredError)
    waiting.when(accept(member, VENDAS)).then(SectorAssigned, TicketAccepted)


def test_an_account_may_leave_tickets_in_the_default_sector() -> None:
    member = an_agent("ana", GERAL)
    loose = replace(policies(), force_sector_on_accept=False)
    asked = ticket.given(opened(), assigned(GERAL)).when(accept(member, policy=loose))
    asked.then(TicketAccepted)


def test_a_sector_that_is_not_active_is_refused() -> None:
    waiting = ticket.given(opened(), assigned(GERAL))
    asked = waiting.when(accept(an_agent("ana", GERAL, VENDAS), VENDAS, active=False))
    asked.then_refused(refusals.SectorInactiveError)


def test_a_ticket_without_a_sector_is_everybodys() -> None:
    ticket.given(opened()).when(accept(CARLA)).then(TicketAccepted)


def test_who_owns_as_many_as_allowed_takes_no_more() -> None:
    full = replace(ANA, ticket_limit=3)
    refused = (
        ticket.given(opened(), assigned())
        .when(accept(full))
        .then_refused(refusals.AgentLimitReachedError)
    )
    assert refused.limit == 3


def test_the_slot_of_a_limit_goes_with_the_ownership() -> None:
    waiting = ticket.given(opened(), assigned())
    event = waiting.when(accept(replace(ANA, ticket_limit=3, slot=2))).then(TicketAccepted)[0]
    assert isinstance(event, TicketAccepted)
    assert event.slot == 2
    held = evolve(evolve(None, opened()), event)
    assert (held.slot, evolve(held, closed(ANA)).slot) == (2, None)
