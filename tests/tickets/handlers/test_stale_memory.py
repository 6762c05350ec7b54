"""What a process remembers is never the last word: another one may have written meanwhile."""

import asyncio
from dataclasses import replace

import pytest

from services.tickets.domain import refusals
from services.tickets.domain.conversation.events import MessageReceived, MessagesRead
from services.tickets.domain.ticket.events import TicketOpened
from services.tickets.handlers.contact_resolution import NobodyError
from shared.contracts.ticket_api import Accept, Close
from tests.tickets.handlers.office import (
    ANA,
    BIA,
    CARLA,
    SUPORTE,
    Office,
    text,
)


async def test_a_message_finds_the_ticket_that_another_process_has_reopened(
    office: Office,
) -> None:
    await office.hears(text(at=office.at))
    ticket = await office.newest_ticket()
    await office.accept(ticket)
    await office.close(ticket)
    await office.another().reopen(ticket)
    async with asyncio.timeout(10):
        await office.hears(text("voltei com outra pergunta", at=office.at))
    received = await office.events(MessageReceived)
    assert [one.ticket_id for one in received] == [ticket, ticket]
    assert len(await office.events(TicketOpened)) == 1


async def test_the_newest_version_is_not_refused_as_another_one(office: Office) -> None:
    await office.hears(text(at=office.at))
    ticket = await office.newest_ticket()
    await office.state(ticket)
    accepted = await office.another().accept(ticket, ANA)
    asked = replace(office.asked(ticket, ANA), expected_version=accepted.version)
    closed = await office.commands.run(asked, "close", Close())
    assert closed.ticket.lifecycle == "closed"


async def test_who_only_remembers_owning_a_ticket_is_not_told_so(office: Office) -> None:
    await office.hears(text(at=office.at))
    ticket = await office.newest_ticket()
    await office.accept(ticket, ANA)
    await office.another().close(ticket, ANA)
    with pytest.raises(refusals.TicketClosedError):
        await office.accept(ticket, ANA)


async def test_naming_the_own_sector_takes_no_ticket_of_another(office: Office) -> None:
    await office.hears(text(at=office.at))
    ticket = await office.newest_ticket()
    with pytest.raises(refusals.NotInSectorError):
        await office.commands.run(office.asked(ticket, CARLA), "accept", Accept(sector_id=SUPORTE))


async def test_reading_an_older_message_moves_nothing_back(office: Office) -> None:
    for said in ("um", "dois"):
        await office.hears(text(said, at=office.at))
    ticket = await office.newest_ticket()
    await office.accept(ticket)
    first, second = await office.events(MessageReceived)
    await office.read(ticket, second.message_id)
    await office.read(ticket, first.message_id)
    assert len(await office.events(MessagesRead)) == 1


async def test_an_item_that_names_nobody_is_not_passed_by(office: Office) -> None:
    with pytest.raises(NobodyError):
        await office.hears(text(at=office.at, phone=None))


async def test_a_loser_who_remembers_the_queue_hears_who_won(office: Office) -> None:
    await office.hears(text(at=office.at))
    ticket = await office.newest_ticket()
    won = await office.another().accept(ticket, ANA)
    with pytest.raises(refusals.AlreadyAcceptedError) as lost:
        await office.accept(ticket, BIA)
    assert (lost.value.owner, lost.value.version) == (ANA, won.version)
