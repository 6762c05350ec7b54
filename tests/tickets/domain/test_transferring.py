"""A ticket goes to another sector, another agent, or both (domain.md 2.3, 2.5)."""

from dataclasses import replace
from uuid import UUID

import pytest

from services.tickets.domain import refusals
from services.tickets.domain.people import Actor
from services.tickets.domain.ticket.decide import decide
from services.tickets.domain.ticket.events import (
    FlowSessionEnded,
    OwnerReleased,
    SectorAssigned,
    TicketAccepted,
    TicketPaused,
    TicketQueued,
    TicketTransferred,
)
from services.tickets.domain.ticket.evolve import evolve
from services.tickets.domain.ticket.facts import about
from services.tickets.domain.ticket.state import Lifecycle
from services.tickets.domain.ticket.transferring import TransferToAgent, TransferToSector
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


def to_sector(by: Actor = ANA, sector: UUID = SUPORTE) -> TransferToSector:
    return TransferToSector(
        actor=by, sector_id=sector, reason="boleto", at=after(hours=1), policies=policies()
    )


def to_agent(
    target: Actor | None = BIA, by: Actor = ANA, sector: UUID | None = None
) -> TransferToAgent:
    return TransferToAgent(
        actor=by, target=target, sector_id=sector, at=after(hours=1), policies=policies()
    )


def test_an_owner_transfers_to_a_sector_where_it_waits() -> None:
    asked = ticket.given(*ATTENDED).when(to_sector())
    events = asked.then(OwnerReleased, TicketTransferred, SectorAssigned, TicketQueued)
    told = events[1]
    assert isinstance(told, TicketTransferred)
    assert (told.kind, told.sector_id, told.previous_sector_id) == ("sector", SUPORTE, VENDAS)
    assert (told.owner_id, told.previous_owner_id, told.reason) == (None, ANA.agent_id, "boleto")
    state = ticket.folded([*ATTENDED, *events])
    assert (state.lifecycle, state.owner_id, state.sector_id) == (Lifecycle.WAITING, None, SUPORTE)


def test_a_member_transfers_what_waits_and_nobody_else_does() -> None:
    waiting = ticket.given(*WAITING)
    waiting.when(to_sector()).then(TicketTransferred, SectorAssigned, TicketQueued)
    waiting.when(to_sector(CARLA)).then_refused(refusals.NotInSectorError)
    ticket.given(*ATTENDED).when(to_sector(BIA)).then_refused(refusals.NotOwnerError)


def test_a_sector_must_be_another_one_and_active() -> None:
    ticket.given(*ATTENDED).when(to_sector(sector=VENDAS)).then_refused(refusals.AlreadyThereError)
    gone = replace(to_sector(), sector_active=False)
    ticket.given(*ATTENDED).when(gone).then_refused(refusals.SectorInactiveError)
    in_bot = ticket.given(*WAITING, flow_started())
    in_bot.when(to_sector()).then_refused(refusals.TicketInBotError)
    over = ticket.given(*ATTENDED, closed(ANA))
    over.when(to_sector()).then_refused(refusals.TicketClosedError)


def test_an_owner_transfers_to_an_agent_who_owns_it_at_once() -> None:
    asked = ticket.given(*ATTENDED).when(to_agent())
    events = asked.then(OwnerReleased, TicketTransferred, TicketAccepted)
    accept = events[-1]
    assert isinstance(accept, TicketAccepted)
    assert (accept.owner_id, accept.via, accept.by) == (BIA.agent_id, "transfer", ANA.author)
    state = ticket.folded([*ATTENDED, *events])
    assert (state.lifecycle, state.owner_id) == (Lifecycle.ATTENDING, BIA.agent_id)


def test_sector_and_agent_change_in_one_step() -> None:
    asked = ticket.given(*ATTENDED).when(to_agent(CARLA, sector=SUPORTE))
    events = asked.then(OwnerReleased, TicketTransferred, SectorAssigned, TicketAccepted)
    state = ticket.folded([*ATTENDED, *events])
    assert (state.owner_id, state.sector_id) == (CARLA.agent_id, SUPORTE)


def test_a_transfer_takes_over_from_the_flow_and_ends_a_pause() -> None:
    in_bot = ticket.given(*WAITING, flow_started())
    in_bot.when(to_agent()).then(FlowSessionEnded, TicketTransferred, TicketAccepted)
    fact = about(ticket.folded(ATTENDED), after(minutes=5), ANA.author)
    paused = (*ATTENDED, TicketPaused(**fact, until=after(hours=9)))
    events = (
        ticket.given(*paused)
        .when(to_agent())
        .then(OwnerReleased, TicketTransferred, TicketAccepted)
    )
    assert ticket.folded([*paused, *events]).timers == ()


@pytest.mark.parametrize(
    ("target", "sector", "reason"),
    [
        (None, None, "inactive"),
        (CARLA, None, "not_in_sector"),
        (BIA, SUPORTE, "not_in_sector"),
        (replace(BIA, ticket_limit=1), None, "limit"),
    ],
)
def test_a_target_who_cannot_take_it_is_refused_with_the_reason(
    target: Actor | None, sector: UUID | None, reason: str
) -> None:
    asked = ticket.given(*ATTENDED).when(to_agent(target, sector=sector))
    refused = asked.then_refused(refusals.TargetUnavailableError)
    assert refused.reason == reason


def test_a_transfer_to_the_owner_moves_at_most_the_sector() -> None:
    both = replace(ANA, sectors=frozenset({VENDAS, SUPORTE}), ticket_limit=1)
    attended = ticket.given(*ATTENDED)
    attended.when(to_agent(both)).then_refused(refusals.AlreadyThereError)
    moved = attended.when(to_agent(both, sector=SUPORTE))
    moved.then(OwnerReleased, TicketTransferred, SectorAssigned, TicketAccepted)


def test_the_default_sector_is_replaced_by_a_transfer_to_an_agent() -> None:
    in_geral = ticket.given(opened(), assigned(GERAL))
    asked = to_agent(SUPERVISOR, SUPERVISOR)
    in_geral.when(asked).then_refused(refusals.SectorRequiredError)
    in_geral.when(replace(asked, sector_id=SUPORTE)).then(
        TicketTransferred, SectorAssigned, TicketAccepted
    )
