"""What agents may do, who wins, and what a repeat answers; on the real store."""

import asyncio
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from services.tickets.domain import refusals
from services.tickets.domain.conversation.events import MessageQueued, MessageReceived, MessagesRead
from services.tickets.domain.ticket.events import TicketAccepted, TicketClosed
from services.tickets.handlers.requests import (
    IdempotencyKeyReusedError,
    NotFoundError,
    TicketRequest,
    VersionMismatchError,
)
from shared.contracts.directory import AccountChanged, Policies, Texts
from shared.contracts.ticket_api import Accept
from tests.tickets.handlers.office import ANA, BIA, CARLA, SUPERVISOR, VENDAS, Office, text


async def a_ticket(office: Office) -> UUID:
    await office.hears(text(at=office.at, phone=f"5511{uuid4().int % 10**9:09}"))
    return await office.newest_ticket()


async def test_exactly_one_of_two_agents_at_two_processes_wins(office: Office) -> None:
    other = office.another()
    for _ in range(20):
        ticket = await a_ticket(office)
        results = await asyncio.gather(
            office.accept(ticket, ANA), other.accept(ticket, BIA), return_exceptions=True
        )
        lost = [one for one in results if isinstance(one, refusals.AlreadyAcceptedError)]
        won = [one for one in results if not isinstance(one, BaseException)]
        assert len(won) == len(lost) == 1
        assert lost[0].owner == won[0].ticket.owner_id
        assert lost[0].version == won[0].version
    assert len(await office.events(TicketAccepted)) == 20


async def test_a_double_click_is_answered_and_stored_once(office: Office) -> None:
    ticket, command = await a_ticket(office), uuid4()
    first = await office.accept(ticket, ANA, command_id=command)
    again = await office.another().accept(ticket, ANA, command_id=command)
    fresh = await office.accept(ticket, ANA)
    assert first.version == again.version == fresh.version
    assert len(await office.events(TicketAccepted)) == 1


async def test_the_first_answer_is_given_again_after_the_ticket_moved_on(office: Office) -> None:
    ticket, command = await a_ticket(office), uuid4()
    await office.accept(ticket)
    first = await office.say(ticket, "Olá", command=command)
    await office.close(ticket)
    again = await office.say(ticket, "Olá", command=command)
    assert (again.message_id, again.version, again.log_id) == (
        first.message_id,
        first.version,
        first.log_id,
    )
    assert again.ticket.lifecycle == "attending"
    with pytest.raises(IdempotencyKeyReusedError):
        await office.say(ticket, "outra coisa", command=command)
    assert len(await office.events(MessageQueued)) == 1


async def test_a_stranger_to_the_sector_may_not_accept_but_a_supervisor_may(
    office: Office,
) -> None:
    ticket = await a_ticket(office)
    with pytest.raises(refusals.NotInSectorError):
        await office.accept(ticket, CARLA)
    await office.accept(ticket, SUPERVISOR)
    accepted = (await office.events(TicketAccepted))[0]
    assert accepted.override_by == SUPERVISOR


async def test_only_the_owner_answers_and_nobody_before_accepting(office: Office) -> None:
    ticket = await a_ticket(office)
    with pytest.raises(refusals.TicketWaitingError):
        await office.say(ticket)
    await office.accept(ticket, ANA)
    with pytest.raises(refusals.NotOwnerError):
        await office.say(ticket, by=BIA)
    await office.close(ticket, ANA)
    with pytest.raises(refusals.TicketClosedError):
        await office.say(ticket)
    assert await office.events(MessageQueued) == []


async def test_free_text_is_refused_when_the_window_has_closed(office: Office) -> None:
    ticket = await a_ticket(office)
    await office.accept(ticket)
    office.later(hours=24)
    with pytest.raises(refusals.WindowClosedError):
        await office.say(ticket)
    answered = await office.state(ticket, ANA)
    refused = answered.allowed["send_message"]
    assert refused is not None
    assert refused.code == "window_closed"
    assert answered.allowed["close"] is None


async def test_closing_sends_the_farewell_only_when_asked_and_gives_the_contact_back(
    office: Office,
) -> None:
    office.texts = Texts(farewell="Até logo, {name}!", acceptance="Sou a Ana.")
    ticket = await a_ticket(office)
    await office.accept(ticket)
    await office.close(ticket, farewell=True)
    automatic = [queued.automatic for queued in await office.events(MessageQueued)]
    assert automatic == ["acceptance", "farewell"]
    farewell = (await office.events(MessageQueued))[-1]
    acceptance = (await office.events(MessageQueued))[0]
    assert farewell.after == acceptance.message_id
    silent = await a_ticket(office)
    await office.close(silent, BIA)
    closed = (await office.events(TicketClosed))[-1]
    assert not closed.farewell


async def test_reopening_is_refused_while_another_ticket_is_open(office: Office) -> None:
    await office.hears(text(at=office.at))
    first = await office.newest_ticket()
    await office.accept(first)
    await office.close(first)
    office.later(minutes=20)
    await office.hears(text("mais uma coisa", at=office.at))
    second = await office.newest_ticket()
    with pytest.raises(refusals.TicketAlreadyOpenError) as refused:
        await office.reopen(first)
    assert refused.value.ticket == second
    await office.accept(second)
    await office.close(second)
    answered = await office.reopen(first)
    assert (answered.ticket.lifecycle, answered.ticket.owner_id) == ("attending", ANA)


async def test_reading_sends_one_receipt_for_the_newest_message(office: Office) -> None:
    ticket = await a_ticket(office)
    await office.accept(ticket)
    up_to = (await office.events(MessageReceived))[0].message_id
    for _ in range(2):
        await office.read(ticket, up_to)
    read = await office.events(MessagesRead)
    assert len(read) == 1
    assert read[0].receipt
    with pytest.raises(refusals.UnknownMessageError):
        await office.read(ticket, uuid4())


async def test_a_customer_who_writes_disturbs_no_accept(office: Office) -> None:
    await office.hears(text(at=office.at))
    ticket = await office.newest_ticket()
    other = office.another()
    await asyncio.gather(
        office.accept(ticket), *(other.hears(text(f"{n}", at=office.at)) for n in range(20))
    )
    assert len(await office.events(TicketAccepted)) == 1


async def test_a_close_and_a_message_at_once_leave_the_message_in_an_open_ticket(
    office: Office,
) -> None:
    other = office.another()
    for _ in range(10):
        phone = f"5511{uuid4().int % 10**9:09}"
        await office.hears(text(at=office.at, phone=phone))
        ticket = await office.newest_ticket()
        await office.accept(ticket)
        item = text("preciso de mais uma coisa", at=office.at, phone=phone)
        await asyncio.gather(office.close(ticket), other.hears(item))
        stored = await office.log()
        mine = [s for s in stored if isinstance(s.event, MessageReceived)][-1]
        under = (await office.events(MessageReceived))[-1].ticket_id
        closed = next(s for s in stored if s.stream == ticket and isinstance(s.event, TicketClosed))
        assert (under == ticket) == (mine.log_id < closed.log_id)


async def test_an_agent_may_name_a_sector_and_it_must_exist(office: Office) -> None:
    ticket = await a_ticket(office)
    office.policies = Policies(force_sector_on_accept=False)
    await office.commands.run(office.asked(ticket, ANA), "accept", Accept(sector_id=VENDAS))
    another = await a_ticket(office)
    with pytest.raises(refusals.SectorInactiveError):
        await office.commands.run(office.asked(another, ANA), "accept", Accept(sector_id=uuid4()))


async def test_another_version_or_account_or_ticket_is_refused(office: Office) -> None:
    ticket = await a_ticket(office)
    with pytest.raises(NotFoundError):
        await office.accept(uuid4())
    asked = office.asked(ticket, ANA)
    with pytest.raises(VersionMismatchError):
        await office.commands.run(_with_version(asked, 77), "accept", Accept())
    with pytest.raises(NotFoundError):
        await office.commands.state(replace(asked, account=uuid4()))


async def test_a_refused_command_leaves_no_event_and_no_claim(office: Office) -> None:
    ticket, command = await a_ticket(office), uuid4()
    await office.accept(ticket, ANA)
    before = await office.names()
    with pytest.raises(refusals.AlreadyAcceptedError):
        await office.accept(ticket, BIA, command_id=command)
    assert await office.names() == before
    assert await office.database.store.outcome(ticket_account(office), command) is None


def ticket_account(office: Office) -> UUID:
    return office.snapshot().entities.all(AccountChanged)[0].id


def _with_version(asked: TicketRequest, version: int) -> TicketRequest:
    return replace(asked, expected_version=version)
