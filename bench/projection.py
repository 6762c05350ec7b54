"""The row of eventstore.md 5: read models folded in batches, against one event per transaction.

The floor does the least that keeps a read model right: one row and the position, one transaction
per event. Ours writes rows, timeline, counters, versions, position and the changes for screens; the
rebuild reads the same events from the feed's own JSON into a model of its own, with everything that
readers need, and tells screens nothing (design.md 6). Its floor is COPY of the very rows that it
made; the bar is absolute.
"""

from collections.abc import Sequence
from time import perf_counter, process_time
from typing import LiteralString

import uvloop
from psycopg import AsyncConnection, sql

from bench.harness import Row, database, in_turns, middle, postgres, show
from services.projections.adapters.event_decoder import delivered
from services.projections.adapters.model_parts import model_parts
from services.projections.domain.events import Event
from services.projections.domain.positions import Checkpoint
from services.projections.handlers.catch_up import BATCH_EVENTS
from services.projections.handlers.project import Project
from services.projections.read_models import READ_MODELS
from services.projections.storage import checkpoints, schemas
from services.projections.storage import models as catalog
from shared.contracts.internal_api import FeedPage
from shared.contracts.topics import TICKETS_EVENTS
from shared.plumbing import gc_tuning
from shared.plumbing.kafka import Producer
from shared.plumbing.outbox import Outbox
from shared.plumbing.postgres import Pool, make_pool
from shared.plumbing.sealing import Sealer
from shared.plumbing.settings import CommonSettings
from tests.projections import stories

ROUNDS, CUSTOMERS, BATCH, PAGE = 3, 400, 500, BATCH_EVENTS
FLOOR_EVENTS = 1000
CARDS = ("aguardando", "atendendo", "resolvidos", "bot")  # partitions: COPY asks for each
MODEL = (*CARDS, "contact", "timeline", "fate", "counter", "stream_version", "position")
BAR, CPU_BAR, REBUILD = 20.0, 20.0, 10_000.0

_RAW = """
INSERT INTO floor (id, body) VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET body = excluded.body
"""
_RAW_POSITION = "UPDATE floor_position SET log_id = %s"


class NoFeed:
    """No version is missing here."""

    async def stream(self, stream: object, from_version: int) -> Sequence[Event]:
        del stream, from_version
        return []


async def _floor(pool: Pool, events: Sequence[Event]) -> float:
    started = perf_counter()
    async with pool.connection() as conn:
        for event in events[:FLOOR_EVENTS]:
            body = "" if event.message is None else event.message.model_dump_json()
            async with conn.transaction():
                await conn.execute(_RAW, (event.stream, body))
                await conn.execute(_RAW_POSITION, (event.log_id,))
    return FLOOR_EVENTS / (perf_counter() - started)


async def _ours(pool: Pool, events: Sequence[Event], cpu: list[float]) -> float:
    project = await _from_nothing(pool)
    started, used = perf_counter(), process_time()
    for first in range(0, len(events), BATCH):
        await project.apply(events[first : first + BATCH])
    cpu.append((process_time() - used) / len(events) * 1_000_000)
    return len(events) / (perf_counter() - started)


async def _rebuilt(url: str, pages: Sequence[bytes], events: int, copied: list[float]) -> float:
    async with await AsyncConnection.connect(url) as conn:
        number = await catalog.begin(conn, READ_MODELS)
    made = model_parts(url, number, NoFeed(), Sealer(bytes(32)), "building")
    await made.pool.open()
    async with made.pool.connection() as conn:
        await checkpoints.move(
            conn, [Checkpoint(n, 1, 0) for n in range(TICKETS_EVENTS.partitions)]
        )
    started = perf_counter()
    for page in pages:
        read = FeedPage.model_validate_json(page)
        await made.processor.process([delivered(event) for event in read.events], told=False)
    async with made.pool.connection() as conn:
        await schemas.index(conn, number, READ_MODELS)
    seconds = perf_counter() - started
    await made.pool.close()
    async with await AsyncConnection.connect(url) as conn:
        copied.append(events / await _copied(conn, number))
        await catalog.drop(conn, number)
    return events / seconds


async def _copied(conn: AsyncConnection[tuple[object, ...]], number: int) -> float:
    """Seconds for the same rows into the same tables, one COPY each."""
    rows: dict[str, list[bytes]] = {}
    for table in MODEL:
        async with conn.cursor().copy(_copy("COPY {} TO STDOUT", number, table)) as out:
            rows[table] = [bytes(block) async for block in out]
        await conn.execute(_copy("TRUNCATE {}", number, table))
    started = perf_counter()
    for table, blocks in rows.items():
        async with conn.cursor().copy(_copy("COPY {} FROM STDIN", number, table)) as into:
            for block in blocks:
                await into.write(block)
    await conn.commit()
    return perf_counter() - started


def _copy(statement: LiteralString, number: int, table: str) -> sql.Composed:
    return sql.SQL(statement).format(sql.Identifier(schemas.schema(number), table))


async def _from_nothing(pool: Pool) -> Project:
    async with pool.connection() as conn:
        await checkpoints.forget(conn, 2, READ_MODELS)  # a later epoch than that of the checkpoints
        await checkpoints.move(
            conn, [Checkpoint(n, 1, 0) for n in range(TICKETS_EVENTS.partitions)]
        )
    return Project(pool, Outbox(pool, Producer(CommonSettings())), NoFeed())


def _pages(log: stories.Log) -> list[bytes]:
    told = [stories.as_feed(log, event) for event in log.events]
    cut = [told[first : first + PAGE] for first in range(0, len(told), PAGE)]
    return [
        FeedPage(epoch=1, events=page, next_after=0, head=0).model_dump_json().encode()
        for page in cut
    ]


async def measure(url: str) -> Sequence[Row]:
    gc_tuning.calm()
    log = stories.day(CUSTOMERS)
    events, pages = log.events, _pages(log)
    async with await AsyncConnection.connect(url, autocommit=True) as conn:
        await catalog.remake_if_empty(conn, READ_MODELS)
    pool = make_pool(schemas.address(url, 1), min_size=1, max_size=4)
    await pool.open()
    async with pool.connection() as conn:
        await conn.execute("CREATE TABLE floor (id uuid PRIMARY KEY, body text)")
        await conn.execute("CREATE TABLE floor_position (log_id bigint)")
        await conn.execute("INSERT INTO floor_position VALUES (0)")
    cpu, copied = list[float](), list[float]()
    try:
        floor, ours, rebuilt = await in_turns(
            ROUNDS,
            lambda: _floor(pool, events),
            lambda: _ours(pool, events, cpu),
            lambda: _rebuilt(url, pages, len(events), copied),
        )
    finally:
        await pool.close()
    return [
        Row("events/s folded, batches of 500", middle(floor), middle(ours), BAR),
        Row("us CPU per event folded", 1, middle(cpu), CPU_BAR, "<=", ratio=middle(cpu)),
        Row(
            "events/s rebuilt from the feed; ratio to 10,000",
            middle(copied),
            middle(rebuilt),
            1.0,
            ratio=middle(rebuilt) / REBUILD,
        ),
    ]


if __name__ == "__main__":
    with postgres() as admin_url, database(admin_url, "projections") as found:
        show(uvloop.run(measure(found)))  # as every service does
