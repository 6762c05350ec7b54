"""Contacts on PostgreSQL: found in any spelling, seen by whom they concern, with all tickets."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from services.projections.read_models.contacts import queries
from services.projections.storage.live_model import as_reader
from shared.contracts import tickets as published
from shared.contracts.internal_api import (
    ContactDetail,
    ContactItem,
    ContactQuery,
    ContactsQuery,
    Scope,
)
from shared.contracts.tickets import Author
from shared.plumbing.postgres import Pool
from tests.projections import stories
from tests.projections.running import models
from tests.projections.stories import ACCOUNT, ANA, VENDAS, Customer, Log
from tests.support.stack import Postgres

EVERYTHING = Scope(agent_id=None, sector_ids=None)
IN_SECTOR = Scope(agent_id=UUID(int=77), sector_ids=[VENDAS])
ELSEWHERE = Scope(agent_id=UUID(int=77), sector_ids=[UUID(int=78)])
OTHER_CONNECTION = UUID(int=20)
JOAO, ANA_MARIA, FIXED, ABROAD = (Customer(number) for number in range(1, 5))
NAMES = {JOAO: "João Conceição", ANA_MARIA: "Ana Maria", FIXED: "Padaria 24h", ABROAD: "Joe"}
PHONES = {
    JOAO: "551187654321",  # as Meta gives it: without the ninth digit
    ANA_MARIA: "5521998765432",
    FIXED: "551132654321",
    ABROAD: "14155552671",
}


def identified(log: Log, who: Customer, **values: Any) -> None:  # noqa: ANN401
    known = {"name": None, "phone": None, "user_id": None, "username": None}
    message = published.ContactIdentified.model_validate(
        {**known, "contact_id": who.id, "occurred_at": stories.at(1), **values}
    )
    log.add(who.id, who.id, message)


def a_log() -> Log:
    log = Log()
    for minute, who in enumerate(NAMES, start=1):
        stories.arrives(log, who)
        identified(log, who, name=NAMES[who], phone=PHONES[who])
        stories.says(log, who, 2, "oi de novo", minute=minute)
    identified(log, JOAO, username="joca.silva")
    return log


@asynccontextmanager
async def pool_with(postgres: Postgres, log: Log) -> AsyncGenerator[Pool]:
    async with models(postgres) as (project, pool):
        await project.apply(log.events)
        yield pool


async def listed(pool: Pool, scope: Scope = EVERYTHING, **values: Any) -> list[ContactItem]:  # noqa: ANN401
    query = ContactsQuery.model_validate({"scope": scope, **values})
    async with pool.connection() as conn:
        await as_reader(conn, ACCOUNT)
        items, _ = await queries.page(conn, ACCOUNT, query)
    return items


async def detail(pool: Pool, who: Customer, scope: Scope = EVERYTHING) -> ContactDetail | None:
    async with pool.connection() as conn:
        await as_reader(conn, ACCOUNT)
        query = ContactQuery(scope=scope, contact_id=who.id)
        return await queries.contact(conn, ACCOUNT, query)


async def test_contacts_are_found_by_name_and_by_phone_in_any_spelling(postgres: Postgres) -> None:
    asked = {
        "joao": [JOAO],
        "JOÃO": [JOAO],
        "Joa\u0303o": [JOAO],
        "conceicao joao": [JOAO],
        "  jo ": [ABROAD, JOAO],
        "joca": [JOAO],
        "ana": [ANA_MARIA],
        "100%": [],
        "a_a": [],
        "+55 (11) 98765-4321": [JOAO],
        "11 8765-4321": [JOAO],
        "98765-4321": [JOAO],
        "21 9876-5432": [ANA_MARIA],
        "(21) 99876.5432": [ANA_MARIA],
        "3265-4321": [FIXED],
        "4321": [FIXED, JOAO],
        "+1 415 555 2671": [ABROAD],
        "321": [],
        "   ": [ABROAD, FIXED, ANA_MARIA, JOAO],
    }
    async with pool_with(postgres, a_log()) as pool:
        for q, expected in asked.items():
            found = [item.id for item in await listed(pool, q=q)]
            assert found == [who.id for who in expected], q


async def test_who_may_not_see_phones_reads_none_and_finds_nobody_by_one(
    postgres: Postgres,
) -> None:
    blind = EVERYTHING.model_copy(update={"sees_phones": False})
    async with pool_with(postgres, a_log()) as pool:
        assert await listed(pool, blind, q="98765-4321") == []
        (found,) = await listed(pool, blind, q="joao")
        one = await detail(pool, JOAO, blind)
        assert found.phone is None
        assert one is not None
        assert (one.phone, one.name, one.username) == (None, "João Conceição", "joca.silva")
        assert (await listed(pool, q="joao"))[0].phone == PHONES[JOAO]


async def test_a_contact_is_in_sight_with_its_tickets(postgres: Postgres) -> None:
    log = a_log()
    stories.accepted(log, ANA_MARIA)
    async with pool_with(postgres, log) as pool:
        assert len(await listed(pool, IN_SECTOR)) == 4
        assert await listed(pool, ELSEWHERE) == []
        assert await detail(pool, JOAO, ELSEWHERE) is None
        owner = Scope(agent_id=ANA, sector_ids=[])
        (mine,) = await listed(pool, owner)
        assert mine.id == ANA_MARIA.id
        assert await detail(pool, JOAO, owner) is None


async def test_a_contact_has_fields_conflicts_and_tickets_of_all_connections(
    postgres: Postgres,
) -> None:
    log = a_log()
    stories.accepted(log, JOAO)
    stories.closes(log, JOAO)
    values = {
        "ticket_id": JOAO.ticket(2),
        "contact_id": JOAO.id,
        "connection_id": OTHER_CONNECTION,
        "conversation_id": UUID(int=900),
        "occurred_at": stories.at(30),
        "by": Author(kind="contact"),
        "protocol": "20261123-900001",
        "origin": "customer",
        "lifecycle": "waiting",
    }
    log.add(JOAO.id, JOAO.ticket(2), published.TicketOpened.model_validate(values))
    names = ("ticket_id", "contact_id", "connection_id", "occurred_at", "by")
    place = {**{name: values[name] for name in names}, "sector_id": stories.SUPORTE}
    log.add(JOAO.id, JOAO.ticket(2), published.SectorAssigned.model_validate(place))
    for name, value, minute in (("cpf", "1", 1), ("cpf", "2", 9), ("cpf", "0", 3), ("cep", "x", 1)):
        field(log, name, value, minute)
    field(log, "cep", None, 2)
    conflict = published.IdentityConflict(
        contact_id=JOAO.id,
        other_contact_id=ABROAD.id,
        kind="phone",
        occurred_at=stories.at(5),
    )
    log.add(JOAO.id, JOAO.id, conflict)
    async with pool_with(postgres, log) as pool:
        one = await detail(pool, JOAO)
        assert one is not None
        assert one.fields == {"cpf": "2"}
        assert [(each.other_contact_id, each.kind) for each in one.conflicts] == [
            (ABROAD.id, "phone")
        ]
        assert [(t.id, t.lifecycle, t.connection_id) for t in one.tickets] == [
            (JOAO.ticket(2), "waiting", OTHER_CONNECTION),
            (JOAO.ticket(), "closed", stories.CONNECTION),
        ]
        assert one.tickets[1].closed_at == stories.at(5)
        assert [ticket.id for ticket in one.open_tickets] == [JOAO.ticket(2)]
        assert one.last_seen_at == stories.at(1)
        in_sector = await detail(pool, JOAO, IN_SECTOR)
        assert in_sector is not None
        assert [ticket.id for ticket in in_sector.tickets] == [JOAO.ticket()]
        assert in_sector.open_tickets == []


def field(log: Log, name: str, value: str | None, minute: int) -> None:
    message = published.ContactFieldSet(
        contact_id=JOAO.id,
        name=name,
        value=value,
        by=Author(kind="bot"),
        occurred_at=stories.at(minute),
    )
    log.add(JOAO.id, JOAO.id, message)


@pytest.mark.parametrize("limit", [1, 3, 7])
async def test_pages_by_cursor_visit_every_contact_once(postgres: Postgres, limit: int) -> None:
    log = Log()
    for number in range(12):
        stories.arrives(log, Customer(number))  # all seen at one instant
    never_wrote = Customer(50)
    identified(log, never_wrote, name="Ninguém")
    async with pool_with(postgres, log) as pool:
        seen: list[UUID] = []
        after: tuple[datetime, UUID] | None = None
        while True:
            query = ContactsQuery(scope=EVERYTHING, limit=limit, after=after)
            async with pool.connection() as conn:
                await as_reader(conn, ACCOUNT)
                items, after = await queries.page(conn, ACCOUNT, query)
            seen += [item.id for item in items]
            if after is None:
                break
    assert len(seen) == len(set(seen)) == 13
    assert seen[-1] == never_wrote.id
