"""Batches of published events become rows, counters, positions and changes, on PostgreSQL."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection, sql
from psycopg.errors import InvalidTextRepresentation, UndefinedObject

from services.projections.domain.positions import Checkpoint
from services.projections.handlers.project import (
    EpochRaisedError,
    NotOurTurnError,
)
from services.projections.read_models import READ_MODELS
from services.projections.read_models.cards import queries
from services.projections.read_models.timeline.queries import timeline
from services.projections.storage import checkpoints
from services.projections.storage.live_model import as_reader
from shared.contracts import tickets as published
from shared.contracts.inbox import INBOX_TYPES, VIEWS, RowChanged, TimelineItem
from shared.contracts.internal_api import Scope, TicketQuery, TimelineQuery, ViewQuery
from shared.contracts.topics import TICKETS_EVENTS
from shared.plumbing.parked_versions import VersionMissingError
from shared.plumbing.postgres import Pool
from tests.projections import stories
from tests.projections.running import TABLES, dump, models
from tests.projections.stories import (
    ACCOUNT,
    ANA,
    BIA,
    CONNECTION,
    SUPORTE,
    VENDAS,
    Customer,
    Log,
)
from tests.support.stack import Postgres

EVERYTHING = Scope(agent_id=None, sector_ids=None)


async def rows_of(
    pool: Pool, view: str, scope: Scope = EVERYTHING, **filters: object
) -> list[UUID]:
    query = ViewQuery.model_validate({"scope": scope, "view": view, "limit": 200, **filters})
    async with pool.connection() as conn:
        await as_reader(conn, ACCOUNT)
        rows, _, _ = await queries.page(conn, ACCOUNT, query)
    return [row.id for row in rows]


async def test_each_ticket_stands_in_exactly_one_view(postgres: Postgres) -> None:
    events = stories.whole_day()
    async with models(postgres) as (project, pool):
        await project.apply(events)
        views = {view: len(await rows_of(pool, view)) for view in VIEWS}
        # waiting: one never accepted, two reopened, one handed off
        assert views == {"aguardando": 4, "atendendo": 3, "resolvidos": 2, "bot": 1}


@pytest.mark.parametrize("sizes", [[1] * 200, [3] * 60, [7, 1, 13, 2, 29], []])
async def test_any_batch_size_gives_the_same_rows(postgres: Postgres, sizes: list[int]) -> None:
    events = stories.whole_day()
    async with models(postgres) as (project, pool):
        await project.apply(events)
        whole = await dump(pool)
    async with models(postgres) as (project, pool):
        for batch in stories.batches(events, sizes):
            await project.apply(batch)
        cut = await dump(pool)
    without_zeros = [line for line in cut["counter"] if not line.endswith(",0)")]
    assert {**cut, "counter": without_zeros} == whole


async def test_folding_twice_equals_once(postgres: Postgres) -> None:
    events = stories.whole_day()
    async with models(postgres) as (project, pool):
        assert await project.apply(events) == len(events)
        once = await dump(pool)
        assert await project.apply(events) == 0
        assert await dump(pool) == once


async def test_counters_are_the_sizes_of_the_views_at_every_version(postgres: Postgres) -> None:
    mine = Scope(agent_id=ANA, sector_ids=[])
    async with models(postgres) as (project, pool):
        for event in stories.whole_day():
            await project.apply([event])
            for scope in (EVERYTHING, mine):
                async with pool.connection() as conn:
                    await as_reader(conn, ACCOUNT)
                    counts = await queries.counts(conn, ACCOUNT, scope)
                for view in VIEWS:
                    counted = sum(count.tickets for count in counts if count.view == view)
                    assert counted == len(await rows_of(pool, view, scope))


async def test_a_gap_is_filled_from_the_feed_at_once(postgres: Postgres) -> None:
    events = stories.whole_day()
    async with models(postgres) as (project, pool):
        await project.apply(events)
        whole = await dump(pool)
    async with models(postgres, events) as (project, pool):
        last = {event.stream: event.version for event in events}
        await project.apply([e for e in events if e.version != 2 or last[e.stream] == 2])
        assert await dump(pool) == whole


async def test_a_gap_that_the_feed_cannot_fill_stops_before_anything_is_stored(
    postgres: Postgres,
) -> None:
    events = stories.whole_day()
    async with models(postgres) as (project, pool):
        with pytest.raises(VersionMissingError):
            await project.apply([event for event in events if event.version != 1])
        assert all(not rows for rows in (await dump(pool)).values())


async def test_a_zombie_after_a_rebalance_finds_that_it_is_late(postgres: Postgres) -> None:
    events = stories.whole_day()
    async with models(postgres) as (project, pool):
        await asyncio.gather(*(project.apply(events) for _ in range(4)))
        assert len(await rows_of(pool, "aguardando")) == 4


async def test_a_higher_epoch_is_not_folded_onto_the_old_one(postgres: Postgres) -> None:
    events = stories.whole_day()
    async with models(postgres) as (project, _):
        await project.apply(events)
        later = replace(events[0], epoch=2, log_id=999)
        with pytest.raises(EpochRaisedError):
            await project.apply([later])


async def test_what_a_restore_took_back_is_not_folded_and_hides_nothing(postgres: Postgres) -> None:
    """Kafka still has events of the old epoch: they never happened, whatever their ids say."""
    log, who = Log(), Customer(1)
    stories.arrives(log, who)
    kept = [replace(event, epoch=2) for event in log.events]
    stories.says(log, who, 2, "nunca foi dito")
    lost = replace(log.events[-1], offset=7)
    said = replace(log.events[-1], epoch=2, offset=8)
    async with models(postgres) as (project, pool):
        async with pool.connection() as conn:
            await conn.execute("UPDATE position SET epoch = 2")
        await project.apply(kept)
        before = await dump(pool)
        assert await project.apply([lost]) == 0
        await project.retry(lost)
        assert await dump(pool) == before
        assert await project.apply([said]) == 1
        async with pool.connection() as conn:
            place = (await checkpoints.load(conn))[said.partition]
    assert (place.log_id, place.kafka_offset) == (said.log_id, 9)


async def test_kafka_is_not_folded_while_the_feed_is_being_read(postgres: Postgres) -> None:
    """The other process would skip all that the feed has not brought to the partition yet."""
    log, who = Log(), Customer(1)
    stories.arrives(log, who)
    stories.says(log, who, 2, "oi")
    by_kafka = replace(log.events[-1], offset=7)
    async with models(postgres, log.events) as (project, pool):
        async with pool.connection() as conn:
            await conn.execute("UPDATE position SET kafka_offset = NULL")
        with pytest.raises(NotOurTurnError):
            await project.apply([by_kafka])
        with pytest.raises(NotOurTurnError):
            await project.apply([by_kafka], progress=())
        await project.apply(log.events)
        assert len(await rows_of(pool, "aguardando")) == 1
        async with pool.connection() as conn:
            assert await checkpoints.forget(conn, 2, READ_MODELS)
        with pytest.raises(NotOurTurnError):
            await project.apply([by_kafka])


async def test_who_sees_late_that_the_epoch_was_raised_forgets_nothing_of_the_new_one(
    postgres: Postgres,
) -> None:
    """Two processes follow: one has begun again when the other comes to it."""
    async with models(postgres) as (project, pool):
        async with pool.connection() as conn:
            assert await checkpoints.forget(conn, 2, READ_MODELS)
            assert not await checkpoints.forget(conn, 2, READ_MODELS), "there is nothing yet"
            numbers = range(TICKETS_EVENTS.partitions)
            await checkpoints.move(
                conn, [Checkpoint(number, 2, 0, kafka_offset=0) for number in numbers]
            )
        await project.apply([replace(event, epoch=2) for event in stories.whole_day()])
        before = await dump(pool)
        async with pool.connection() as conn:
            assert not await checkpoints.forget(conn, 2, READ_MODELS)
        assert await dump(pool) == before


async def test_the_shown_status_never_falls(postgres: Postgres) -> None:
    log, who = Log(), Customer(1)
    stories.arrives(log, who)
    stories.becomes(log, who, 3, published.MessageRead)  # before the message itself
    stories.answers(log, who, 3, "Olá")
    stories.becomes(log, who, 3, published.MessageSent, published.MessageFailed)
    async with models(postgres) as (project, pool):
        for event in log.events:
            await project.apply([event])
        async with pool.connection() as conn:
            await as_reader(conn, ACCOUNT)
            query = TimelineQuery(scope=EVERYTHING, ticket_id=who.ticket())
            page = await timeline(conn, ACCOUNT, who.conversation, query)
    assert page.items[-1].fate == "read"
    assert [item.type for item in page.items][:2] == ["ticket_opened", "sector_assigned"]


async def test_messages_of_one_second_stay_in_the_order_of_the_log(postgres: Postgres) -> None:
    log, who = Log(), Customer(1)
    stories.arrives(log, who)
    for nth in range(2, 12):
        stories.says(log, who, nth, f"{nth}")
    async with models(postgres) as (project, pool):
        await project.apply(log.events)
        said: list[str | None] = []
        before = None
        while True:
            query = TimelineQuery(scope=EVERYTHING, ticket_id=who.ticket(), limit=4, before=before)
            async with pool.connection() as conn:
                await as_reader(conn, ACCOUNT)
                page = await timeline(conn, ACCOUNT, who.conversation, query)
            said = [item.text for item in page.items if item.kind == "message"] + said
            before = page.previous
            if before is None:
                break
    assert said == ["oi", *(f"{nth}" for nth in range(2, 12))]


async def test_a_move_between_views_tells_where_the_row_was(postgres: Postgres) -> None:
    log, who = Log(), Customer(1)
    stories.arrives(log, who)
    async with models(postgres) as (project, pool):
        await project.apply(log.events)
        stories.accepted(log, who)
        await project.apply(log.events[-1:])
        changes = await _changes(pool)
    assert changes[-1].before is not None
    assert (changes[-1].before.view, changes[-1].after.view) == ("aguardando", "atendendo")
    assert changes[-1].after.owner_id == ANA
    assert changes[-1].row.contact.name == "Cliente 1"
    places = [int(change.row.position.partition("-")[2]) for change in changes]
    assert places == sorted(places)


async def test_a_new_name_is_news_of_each_card_that_shows_it(postgres: Postgres) -> None:
    """Screens drop what is not newer than what they have heard of a row."""
    log, who = Log(), Customer(1)
    stories.arrives(log, who)
    stories.says(log, who, 2, "oi")
    stories.renamed(log, who, "Marina Souza")
    async with models(postgres) as (project, pool):
        for event in log.events:
            await project.apply([event])
        *_, said, renamed = await _changes(pool)
    assert renamed.row.contact.name == "Marina Souza"
    assert renamed.row.id == said.row.id
    assert renamed.row.position == log.events[-1].position != said.row.position


async def test_screens_hear_of_every_move_to_and_from_the_bot(postgres: Postgres) -> None:
    log, who = Log(), Customer(1)
    stories.meets_the_bot(log, who)
    stories.is_handed_off(log, who)
    async with models(postgres) as (project, pool):
        for event in log.events:
            await project.apply([event])
        moves = [
            (change.before.view if change.before else None, change.after.view)
            for change in await _changes(pool)
        ]
    assert [move for move in moves if move[0] != move[1]] == [(None, "bot"), ("bot", "aguardando")]


async def test_a_waiting_ticket_that_a_flow_takes_leaves_the_queue(postgres: Postgres) -> None:
    log, who = Log(), Customer(1)
    stories.arrives(log, who)
    stories.starts_flow(log, who)
    async with models(postgres) as (project, pool):
        await project.apply(log.events)
        assert await rows_of(pool, "aguardando") == []
        assert await rows_of(pool, "bot") == [who.ticket()]


async def test_what_a_flow_did_stands_in_the_timeline(postgres: Postgres) -> None:
    log, who = Log(), Customer(1)
    stories.meets_the_bot(log, who)
    stories.is_handed_off(log, who)
    async with models(postgres) as (project, pool):
        await project.apply(log.events)
        async with pool.connection() as conn:
            await as_reader(conn, ACCOUNT)
            query = TimelineQuery(scope=EVERYTHING, ticket_id=who.ticket())
            page = await timeline(conn, ACCOUNT, who.conversation, query)
            row = await queries.ticket(conn, ACCOUNT, query)
    happened = [item.type for item in page.items if item.kind == "happening"]
    assert happened[2:] == [
        "flow_session_started",
        "flow_session_ended",
        "note_added",
        "ticket_queued",
    ]
    (queued,) = [item for item in page.items if item.type == "ticket_queued"]
    assert queued.details == {"reason": "node"}
    asked = next(item for item in page.items if item.type == "buttons")
    assert (asked.text, asked.details) == ("Qual setor?", {"buttons": ["Vendas"]})
    assert asked.fate == "cancelled"
    assert [item.text for item in page.items if item.type == "note_added"] == ["Quer comprar."]
    assert row is not None
    assert (row.version, row.waiting_since) == (log.versions[who.ticket()], stories.at(2))


async def test_pages_by_cursor_visit_every_row_once(postgres: Postgres) -> None:
    log = Log()
    for number in range(25):
        stories.arrives(log, Customer(number))
    async with models(postgres) as (project, pool):
        await project.apply(log.events)
        seen: list[UUID] = []
        after = None
        while True:
            query = ViewQuery(scope=EVERYTHING, view="aguardando", limit=10, after=after)
            async with pool.connection() as conn:
                await as_reader(conn, ACCOUNT)
                rows, more, last = await queries.page(conn, ACCOUNT, query)
            seen += [row.id for row in rows]
            if not more:
                break
            after = (last, rows[-1].id)
    assert len(seen) == len(set(seen)) == 25


async def test_a_reader_sees_one_account_even_when_the_query_forgets_it(
    postgres: Postgres,
) -> None:
    log, other = Log(), UUID(int=99)
    stories.arrives(log, Customer(1))
    stories.arrives(log, Customer(2), account=other)
    async with models(postgres) as (project, pool):
        await project.apply(log.events)
        async with pool.connection() as conn:
            await as_reader(conn, other)
            for table in TABLES:
                found = await _accounts(conn, table)
                assert found <= {other}
        async with pool.connection() as conn:
            await conn.execute("SET ROLE guiche_projections_reader")
            with pytest.raises((UndefinedObject, InvalidTextRepresentation)):  # fails closed
                await conn.execute("SELECT 1 FROM card")
            await conn.rollback()
            await conn.execute("RESET ROLE")


async def test_an_agent_sees_own_sectors_and_own_tickets_only(postgres: Postgres) -> None:
    other_sector = Scope(agent_id=UUID(int=77), sector_ids=[UUID(int=78)])
    in_sector = Scope(agent_id=UUID(int=77), sector_ids=[VENDAS])
    async with models(postgres) as (project, pool):
        await project.apply(stories.whole_day())
        assert await rows_of(pool, "aguardando", other_sector) == []
        assert len(await rows_of(pool, "aguardando", in_sector)) == 4
        owner = Scope(agent_id=ANA, sector_ids=[])
        assert len(await rows_of(pool, "atendendo", owner)) == 3


async def test_who_had_a_closed_ticket_finds_and_sees_it(postgres: Postgres) -> None:
    log, (mine, other) = Log(), (Customer(1), Customer(2))
    stories.arrives(log, mine)
    stories.accepted(log, mine)
    stories.closes(log, mine)
    stories.arrives(log, other)
    stories.closes(log, other, owner=None)  # closed while it waited
    outside = Scope(agent_id=ANA, sector_ids=[])
    async with models(postgres) as (project, pool):
        await project.apply(log.events)
        assert await rows_of(pool, "resolvidos", outside) == [mine.ticket()]
        assert await rows_of(pool, "resolvidos", owner_id=ANA) == [mine.ticket()]
        assert await rows_of(pool, "resolvidos", owner_id=UUID(int=77)) == []
        stories.reopens(log, mine)
        await project.apply(log.events[-1:])
        assert await rows_of(pool, "aguardando", outside) == []


FILTERED: list[tuple[dict[str, Any], set[int]]] = [
    ({}, {1, 2, 3}),
    ({"sector_ids": [VENDAS]}, {1, 3}),
    ({"sector_ids": [VENDAS, SUPORTE]}, {1, 2, 3}),
    ({"sector_ids": [UUID(int=77)]}, set()),
    ({"owner_id": ANA}, {1, 3}),
    ({"owner_id": BIA}, {2}),
    ({"connection_id": CONNECTION}, {1, 2, 3}),
    ({"connection_id": UUID(int=77)}, set()),
    ({"unread": True}, {1, 2}),
    ({"unread": False}, {3}),
    ({"opened_from": stories.at(0)}, {1, 2, 3}),
    ({"opened_from": stories.at(1)}, set()),
    ({"opened_to": stories.at(1)}, {1, 2, 3}),
    ({"opened_to": stories.at(0)}, set()),
    ({"q": "cliente 2"}, {2}),
    ({"q": "20261123-000003"}, {3}),
    ({"sector_ids": [VENDAS], "unread": True}, {1}),
]


@pytest.mark.parametrize(("filters", "found"), FILTERED)
async def test_a_list_is_filtered(filtered: Pool, filters: dict[str, Any], found: set[int]) -> None:
    listed = await rows_of(filtered, "atendendo", **filters)
    assert set(listed) == {Customer(number).ticket() for number in found}


@pytest.fixture
async def filtered(postgres: Postgres) -> AsyncGenerator[Pool]:
    log = Log()
    for number, sector, owner in ((1, VENDAS, ANA), (2, SUPORTE, BIA), (3, VENDAS, ANA)):
        stories.arrives(log, Customer(number), sector=sector)
        stories.accepted(log, Customer(number), owner, sector)
    stories.reads(log, Customer(3), 1)
    async with models(postgres) as (project, pool):
        await project.apply(log.events)
        yield pool


async def test_a_ticket_without_a_sector_is_seen_by_who_may_accept_it(postgres: Postgres) -> None:
    log, who = Log(), Customer(1)
    stories.arrives(log, who, sector=None)
    scope = Scope(agent_id=ANA, sector_ids=[UUID(int=78)])
    async with models(postgres) as (project, pool):
        await project.apply(log.events)
        assert await rows_of(pool, "aguardando", scope) == [who.ticket()]
        async with pool.connection() as conn:
            await as_reader(conn, ACCOUNT)
            query = TicketQuery(scope=scope, ticket_id=who.ticket())
            assert await queries.ticket(conn, ACCOUNT, query) is not None
            assert [one.tickets for one in await queries.counts(conn, ACCOUNT, scope)] == [1]


async def test_of_episodes_of_other_sectors_there_is_when_and_where_but_no_word(
    postgres: Postgres,
) -> None:
    log, who = Log(), Customer(1)
    stories.meets_the_bot(log, who)
    stories.is_handed_off(log, who)  # with a note
    stories.accepted(log, who)
    stories.closes(log, who, note="Pagou tudo.")
    stories.comes_back(log, who, sector=SUPORTE)
    elsewhere = Scope(agent_id=UUID(int=77), sector_ids=[SUPORTE])
    async with models(postgres) as (project, pool):
        await project.apply(log.events)
        hidden = await lines_of(pool, who, elsewhere)
        whole = await lines_of(pool, who, Scope(agent_id=ANA, sector_ids=[VENDAS, SUPORTE]))
        mine = await lines_of(pool, who, Scope(agent_id=ANA, sector_ids=[SUPORTE]))
    first = [line for line in hidden if line.ticket_id == who.ticket()]
    assert [line.type for line in first] == ["ticket_opened", "sector_assigned", "ticket_closed"]
    assert [line.text for line in first] == [None] * 3
    assert [line.details for line in first] == [None, {"sector_id": str(VENDAS)}, None]
    second = [line for line in hidden if line.ticket_id != who.ticket()]
    assert [line.text for line in second if line.kind == "message"] == ["voltei"]
    assert [line.type for line in whole].count("note_added") == 1
    assert mine == whole  # who served it knows it
    assert [line for line in whole if line.ticket_id != who.ticket()] == second


async def lines_of(pool: Pool, who: Customer, scope: Scope) -> list[TimelineItem]:
    query = TimelineQuery(scope=scope, ticket_id=who.ticket(2))
    async with pool.connection() as conn:
        await as_reader(conn, ACCOUNT)
        return (await timeline(conn, ACCOUNT, who.conversation, query)).items


async def _changes(pool: Pool) -> list[RowChanged]:
    async with pool.connection() as conn:
        found = await conn.execute("SELECT headers ->> 'ce_type', body FROM outbox ORDER BY seq")
        messages = [INBOX_TYPES[kind].read(bytes(body)) for kind, body in await found.fetchall()]
    return [message for message in messages if isinstance(message, RowChanged)]


async def _accounts(conn: AsyncConnection[tuple[object, ...]], table: str) -> set[object]:
    query = sql.SQL("SELECT account_id FROM {}").format(sql.Identifier(table))
    found = await conn.execute(query)
    return {row[0] for row in await found.fetchall()}
