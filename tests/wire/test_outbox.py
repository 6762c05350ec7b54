"""The outbox loses nothing and keeps the order, whenever its drainer dies."""

import asyncio
import os
import signal
import sys

from shared.plumbing.kafka import Producer
from shared.plumbing.loops import Heartbeat
from shared.plumbing.outbox import Outbox
from shared.plumbing.postgres import Pool
from shared.plumbing.settings import CommonSettings
from tests.wire.support import everything, message

TOPIC = "directory.events"
KEYS = [b"entity%d" % n for n in range(8)]


async def test_a_drainer_killed_between_produce_and_delete_loses_and_reorders_nothing(
    settings: CommonSettings, database: str, pool: Pool
) -> None:
    outbox = Outbox(pool, Producer(settings))
    await asyncio.gather(*(_write(pool, outbox, key, range(100)) for key in KEYS))
    drainer = await _drainer(settings, database)
    assert await asyncio.wait_for(drainer.wait(), 30) == -signal.SIGKILL
    assert len(await everything(settings, TOPIC)) >= 500, "it died after the produce"
    assert await _left(pool) == 800, "and before the delete"
    await _write(pool, outbox, KEYS[0], range(100, 110))
    await _drain(settings, pool)
    assert await _left(pool) == 0
    published = await everything(settings, TOPIC)
    for key in KEYS:
        numbers = [int(body) for found, body in published if found == key]
        wanted = 110 if key == KEYS[0] else 100
        assert list(dict.fromkeys(numbers)) == list(range(wanted)), "first deliveries in order"


async def test_a_row_that_commits_late_under_a_low_number_is_still_published(
    settings: CommonSettings, pool: Pool
) -> None:
    producer = Producer(settings)
    outbox = Outbox(pool, producer)
    async with pool.connection() as slow:
        await outbox.put(slow, [message(b"slow", 1, TOPIC)])
        await _write(pool, outbox, b"quick", range(1))
        await outbox.drain(Heartbeat())
        assert await everything(settings, TOPIC) == [(b"quick", b"0")]
    await outbox.drain(Heartbeat())
    assert (b"slow", b"1") in await everything(settings, TOPIC)
    await producer.stop()


async def test_two_drainers_do_not_publish_the_same_rows(
    settings: CommonSettings, pool: Pool
) -> None:
    first, second = Producer(settings), Producer(settings)
    await _write(pool, Outbox(pool, first), b"k", range(300))
    drains = [Outbox(pool, producer).drain(Heartbeat()) for producer in (first, second) * 3]
    await asyncio.gather(*drains)
    numbers = [int(body) for _, body in await everything(settings, TOPIC)]
    assert numbers == list(range(300))
    await first.stop()
    await second.stop()


async def test_a_transaction_that_is_rolled_back_publishes_nothing(
    settings: CommonSettings, pool: Pool
) -> None:
    producer = Producer(settings)
    outbox = Outbox(pool, producer)
    async with pool.connection() as conn:
        await outbox.put(conn, [message(b"k", 1, TOPIC)])
        await conn.rollback()
    await outbox.drain(Heartbeat())
    assert await everything(settings, TOPIC) == []
    await producer.stop()


async def _write(pool: Pool, outbox: Outbox, key: bytes, numbers: range) -> None:
    for number in numbers:
        async with pool.connection() as conn:
            await outbox.put(conn, [message(key, number, TOPIC)])


async def _drain(settings: CommonSettings, pool: Pool) -> None:
    producer = Producer(settings)
    await Outbox(pool, producer).drain(Heartbeat())
    await producer.stop()


async def _left(pool: Pool) -> int:
    async with pool.connection() as conn:
        row = await (await conn.execute("SELECT count(*) FROM outbox")).fetchone()
    assert row is not None
    return row[0]


async def _drainer(settings: CommonSettings, database: str) -> asyncio.subprocess.Process:
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "KAFKA_PREFIX": settings.kafka_prefix,
        "TESTS_DATABASE_URL": database,
        "FAILPOINT": "outbox.after_produce:kill",
    }
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.wire.drainer_process", env=environment
    )
