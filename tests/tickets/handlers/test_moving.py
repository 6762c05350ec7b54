"""Pausing, returning, transferring and closing with a reason, on the real store."""

import asyncio
from uuid import UUID, uuid4

import pytest

from services.tickets.domain import refusals
from services.tickets.domain.conversation.events import MessageQueued
from services.tickets.domain.ticket.events import (
    OwnerReleased,
    TicketAccepted,
    TicketClosed,
    TicketFlagged,
    TicketResumed,
    TicketTransferred,
)
from shared.contracts.directory import Policies, Texts
from shared.plumbing.loops import Heartbeat
from tests.tickets.handlers.office import (
    ANA,
    BIA,
    CARLA,
    OLD_REASON,
    ONLY_SUPORTE,
    RESOLVED,
    SUPERVISOR,
    SUPORTE,
    VENDAS,
    Office,
    text,
)


async def an_attended_ticket(office: Office, phone: str = "5511912345678") -> UUID:
    await office.hears(text(at=office.at, phone=phone))
    ticket = await office.newest_ticket()
    await office.accept(ticket)
    return ticket


async def test_a_pause_sets_its_timer_and_its_end_resumes(office: Office) -> None:
    ticket = await an_attended_ticket(office)
    until = (office.at.replace(hour=20)).isoformat()
    paused = await office.asks(ticket, "pause", until=until, reason="fornecedor")
    assert (paused.ticket.lifecycle, paused.ticket.owner_id) == ("paused", ANA)
    assert len(await office.timers_of("pause")) == 1
    with pytest.raises(refusals.TicketPausedError):
        await office.say(ticket)
    await office.timers_are_due()
    await office.poller.run(Heartbeat())
    assert (await office.state(ticket)).ticket.lifecycle == "attending"
    (resumed,) = await office.events(TicketResumed)
    assert resumed.by.kind == "system"
    assert await office.timers() == []


async def test_a_customer_who_writes_resumes_the_ticket_for_its_owner(office: Office) -> None:
    ticket = await an_attended_ticket(office)
    await office.asks(ticket, "pause", until=office.at.replace(hour=20).isoformat())
    await office.another().hears(text("já chegou?", at=office.at))
    state = (await office.state(ticket)).ticket
    assert (state.lifecycle, state.owner_id) == ("attending", ANA)
    (resumed,) = await office.events(TicketResumed)
    assert resumed.by.kind == "contact"
    assert await office.timers() == []


async def test_a_paused_ticket_may_be_flagged_once_and_stay(office: Office) -> None:
    office.policies = Policies(on_inbound_while_paused="stay_and_flag")
    ticket = await an_attended_ticket(office)
    await office.asks(ticket, "pause")
    for said in ("já chegou?", "alô?"):
        await office.hears(text(said, at=office.at))
    assert (await office.state(ticket)).ticket.lifecycle == "paused"
    assert len(await office.events(TicketFlagged)) == 1
    assert await office.timers() == []


async def test_a_paused_ticket_may_go_back_to_the_queue_after_a_while(office: Office) -> None:
    office.policies = Policies(
        on_inbound_while_paused="to_waiting_after", paused_to_waiting_minutes=5
    )
    ticket = await an_attended_ticket(office)
    await office.asks(ticket, "pause")
    await office.hears(text("já chegou?", at=office.at))
    assert len(await office.timers_of("paused_return")) == 1
    await office.timers_are_due()
    await office.poller.run(Heartbeat())
    state = (await office.state(ticket)).ticket
    assert (state.lifecycle, state.owner_id) == ("waiting", None)
    assert await office.timers() == []


@pytest.mark.parametrize("path", ["resume", "return", "close"])
async def test_whatever_ends_a_pause_clears_its_timer(office: Office, path: str) -> None:
    ticket = await an_attended_ticket(office)
    await office.asks(ticket, "pause", until=office.at.replace(hour=20).isoformat())
    await office.another().asks(ticket, path)
    assert await office.timers() == []


async def test_a_returned_ticket_is_taken_by_another_member_and_gives_the_slot_back(
    office: Office,
) -> None:
    office.limits[ANA] = 1
    ticket = await an_attended_ticket(office)
    await office.asks(ticket, "return")
    assert (await office.accept(ticket, BIA)).ticket.owner_id == BIA
    other = await an_attended_ticket(office, "5511987654321")
    assert (await office.state(other)).ticket.owner_id == ANA


async def test_a_transfer_moves_the_slot_from_owner_to_target(office: Office) -> None:
    office.limits[ANA] = office.limits[BIA] = 1
    ticket = await an_attended_ticket(office)
    moved = await office.asks(ticket, "transfer", agent_id=BIA)
    assert (moved.ticket.owner_id, moved.ticket.slot) == (BIA, 1)
    second = await an_attended_ticket(office, "5511987654321")
    with pytest.raises(refusals.TargetUnavailableError) as refused:
        await office.asks(second, "transfer", agent_id=BIA)
    assert refused.value.reason == "limit"
    assert (await office.state(second)).ticket.owner_id == ANA


async def test_of_two_supervisors_who_transfer_at_once_one_after_the_other_is_obeyed(
    office: Office,
) -> None:
    other = office.another()
    for n in range(10):
        ticket = await an_attended_ticket(office, f"55119000{n:05}")
        await asyncio.gather(
            office.asks(ticket, "transfer", SUPERVISOR, agent_id=BIA),
            other.asks(ticket, "transfer", SUPERVISOR, agent_id=CARLA, sector_id=SUPORTE),
            return_exceptions=True,
        )
        owner = (await office.state(ticket, SUPERVISOR)).ticket.owner_id
        stored = [one for one in await office.events(TicketAccepted) if one.ticket_id == ticket]
        released = [one for one in await office.events(OwnerReleased) if one.ticket_id == ticket]
        assert owner == stored[-1].owner_id
        assert len(stored) == len(released) + 1


async def test_a_transfer_says_what_it_lacks_and_whom_it_cannot_reach(office: Office) -> None:
    ticket = await an_attended_ticket(office)
    with pytest.raises(refusals.TransferTargetRequiredError):
        await office.asks(ticket, "transfer")
    with pytest.raises(refusals.TargetUnavailableError) as nobody:
        await office.asks(ticket, "transfer", agent_id=uuid4())
    assert nobody.value.extras() == {"reason": "inactive"}
    with pytest.raises(refusals.SectorInactiveError):
        await office.asks(ticket, "transfer", sector_id=uuid4())
    told = (await office.state(ticket)).allowed["transfer"]
    assert told is not None
    assert told.needs == ("sector_id",)
    moved = await office.asks(ticket, "transfer", sector_id=SUPORTE, reason="boleto")
    assert (moved.ticket.sector_id, moved.ticket.lifecycle) == (SUPORTE, "waiting")
    (event,) = await office.events(TicketTransferred)
    assert (event.previous_sector_id, event.reason) == (VENDAS, "boleto")


async def test_a_transfer_is_told_once_whether_or_not_somebody_owns_the_ticket_then(
    office: Office,
) -> None:
    office.texts = Texts(acceptance="Sou eu.", transfer="Transferindo, {name}.")
    ticket = await an_attended_ticket(office)
    await office.asks(ticket, "transfer", agent_id=BIA)
    await office.asks(ticket, "transfer", BIA, sector_id=SUPORTE)
    kinds = [one.automatic for one in await office.events(MessageQueued)]
    assert kinds == ["acceptance", "transfer", "transfer"]


@pytest.mark.parametrize("reason", [OLD_REASON, ONLY_SUPORTE, uuid4()])
async def test_a_close_reason_must_be_active_and_of_the_sector(
    office: Office, reason: UUID
) -> None:
    ticket = await an_attended_ticket(office)
    with pytest.raises(refusals.UnknownCloseReasonError):
        await office.asks(ticket, "close", reason_id=reason)
    await office.asks(ticket, "close", reason_id=RESOLVED)
    (closed,) = await office.events(TicketClosed)
    assert closed.reason_id == RESOLVED


async def test_reopening_is_not_promised_while_another_ticket_is_open(office: Office) -> None:
    first = await an_attended_ticket(office)
    await office.close(first)
    office.later(minutes=20)
    await office.hears(text("mais uma coisa", at=office.at))
    told = (await office.state(first)).allowed["reopen"]
    assert isinstance(told, refusals.TicketAlreadyOpenError)
