"""A connection lost around COMMIT: the same commands go again; what was stored is recognised."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio

from services.tickets.storage.contract import Claim, Expectation, Repeated, Stored, Taken, TimerSet
from tests.support.waiting import until
from tests.tickets.store.events import Opened
from tests.tickets.store.proxy import CuttingProxy
from tests.tickets.store.stores import Opening, a_claim, a_command, a_stream, opened, writes


@pytest.fixture
def proxy(url: str) -> Iterator[CuttingProxy]:
    proxy = CuttingProxy(url)
    yield proxy
    proxy.close()


@pytest_asyncio.fixture
async def through(url: str, proxy: CuttingProxy) -> AsyncGenerator[Opening]:
    async with opened(url, writer_url=proxy.url) as opening:
        yield opening


async def test_commands_stored_by_a_lost_call_are_answered_as_stored(
    through: Opening, proxy: CuttingProxy
) -> None:
    first = await through.store.append(a_command(writes(a_stream())))  # connected
    assert isinstance(first, Stored)
    streams = [a_stream() for _ in range(30)]
    people = [a_command(writes(s, count=2), outcome=b"ok") for s in streams[:15]]
    machines = [a_command(writes(s), take=[a_claim(value=s.id.bytes)]) for s in streams[15:]]
    proxy.cut_next()
    verdicts = await asyncio.gather(*(through.store.append(c) for c in people + machines))
    assert proxy.cuts == 1
    assert [type(verdict) for verdict in verdicts] == [Stored] * 30
    log = await through.store.log(0, 100)
    assert len(log) == 1 + 15 * 2 + 15
    highest = {event.stream: event.log_id for event in log}
    assert [v.position for v in verdicts if isinstance(v, Stored)] == [
        highest[stream.id] for stream in streams
    ]


async def test_a_command_without_events_is_recognised_by_its_claims(
    through: Opening, proxy: CuttingProxy
) -> None:
    await through.store.append(a_command(writes(a_stream())))
    proxy.cut_next()
    own = a_claim(value=uuid4().bytes)
    assert isinstance(await through.store.append(a_command(take=[own])), Stored)
    assert proxy.cuts == 1
    again = Claim(own.kind, own.key, uuid4().bytes)
    assert await through.store.append(a_command(take=[again])) == Taken(again, own.value)


async def test_what_another_stored_meanwhile_is_not_taken_for_ours(
    through: Opening, proxy: CuttingProxy, url: str
) -> None:
    """The call is lost before it is stored, and a zombie stores the same item its own way."""
    await through.store.append(a_command(writes(a_stream())))
    item, stream = a_claim(value=b"same value"), a_stream()
    holding = await psycopg.AsyncConnection.connect(url)
    await holding.execute("SELECT pg_advisory_xact_lock(77)")
    mine = asyncio.create_task(through.store.append(a_command(writes(stream), take=[item])))
    await _until_waiting(holding)
    proxy.sever()  # the writer cannot come back yet
    await _end_waiting(holding)
    await holding.rollback()
    async with opened(url) as other:
        theirs = Expectation(stream, 0, (Opened(by="zombie"),))
        assert isinstance(await other.store.append(a_command(theirs, take=[item])), Stored)
        proxy.heal()
        assert await asyncio.wait_for(mine, 10) == Taken(item, b"same value")
    await holding.close()


async def test_the_same_command_sent_by_a_new_process_gets_the_first_outcome(
    through: Opening, proxy: CuttingProxy, url: str
) -> None:
    await through.store.append(a_command(writes(a_stream())))
    command, stream = uuid4(), a_stream()
    timer = TimerSet(uuid4(), stream.id, "survey", datetime.now(UTC))
    proxy.cut_next()
    sent = a_command(writes(stream), outcome=b"first", command=command, timers=[timer])
    assert isinstance(await through.store.append(sent), Stored)
    async with opened(url) as other:
        assert await other.store.append(sent) == Repeated(b"first")


async def _until_waiting(conn: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
    await until(lambda: _waiting(conn))


async def _waiting(conn: psycopg.AsyncConnection[tuple[object, ...]]) -> list[int]:
    found = await conn.execute(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return [row[0] for row in await found.fetchall()]  # pyright: ignore[reportReturnType]


async def _end_waiting(conn: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
    """The server notices a lost client only when it writes: end its backend."""
    for pid in await _waiting(conn):
        await conn.execute("SELECT pg_terminate_backend(%s)", (pid,))

    async def over() -> bool:
        return not await _waiting(conn)

    await until(over)
