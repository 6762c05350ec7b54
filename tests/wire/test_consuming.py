"""Order, redelivery, batches, and what is away."""

import asyncio
import os
import random
import signal
import sys
from collections import defaultdict
from collections.abc import Sequence
from time import monotonic
from typing import LiteralString, cast

import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import KafkaError

from shared.contracts.topics import TOPICS
from shared.plumbing.health import Health
from shared.plumbing.kafka import (
    Received,
    StuckConsumerError,
    WrongPartitionsError,
    make_broker,
    start_when_ready,
    subscribe,
    watch,
)
from shared.plumbing.loops import Heartbeat
from shared.plumbing.metrics import REGISTRY
from shared.plumbing.parking import Parking
from shared.plumbing.partitions import partition_of
from shared.plumbing.postgres import Pool, make_pool
from shared.plumbing.settings import CommonSettings
from tests.support.waiting import until, until_true
from tests.wire.conftest import Consume
from tests.wire.support import TOPIC, Proxy, committed, create_topics, message, neighbours, publish


async def test_the_messages_of_a_key_are_handled_in_order_and_keys_at_the_same_time(
    settings: CommonSettings, consume: Consume, parking: Parking
) -> None:
    seen: defaultdict[bytes, list[int]] = defaultdict(list)
    at_once: set[bytes] = set()
    most = 0

    async def handle(received: Received) -> None:
        nonlocal most
        assert received.key not in at_once
        at_once.add(received.key)
        most = max(most, len(at_once))
        await asyncio.sleep(random.random() / 500)  # noqa: S311
        at_once.discard(received.key)
        seen[received.key].append(int(received.body))

    keys = [b"k%d" % n for n in range(20)]
    await publish(settings, [message(key, n) for n in range(30) for key in keys])
    await consume(handle=handle, parking=parking)
    await until_true(lambda: sum(map(len, seen.values())) == 600)
    assert all(numbers == list(range(30)) for numbers in seen.values())
    assert most > 1


async def test_a_message_arrives_as_it_was_sent(settings: CommonSettings, consume: Consume) -> None:
    seen: list[Received] = []

    async def handle(received: Received) -> None:
        seen.append(received)

    sent = message(b"k", 1, body=b'{"text": "ol\xc3\xa1"}')
    await publish(settings, [sent])
    await consume(handle=handle, parking=None)
    await until_true(lambda: bool(seen))
    assert (seen[0].topic, seen[0].key, seen[0].body) == (TOPIC, b"k", sent.body)
    assert seen[0].envelope == sent.envelope
    assert seen[0].partition == partition_of(b"k", TOPICS[TOPIC].partitions)


async def test_a_process_killed_before_its_commit_is_given_the_messages_again(
    settings: CommonSettings, database: str, pool: Pool
) -> None:
    keys = neighbours(4)
    await publish(settings, [message(key, n) for n in range(15) for key in keys])
    killed = await _consumer(settings, database, failpoint="wire.after_effect:kill@25")
    assert await asyncio.wait_for(killed.wait(), 30) == -signal.SIGKILL
    assert 25 <= await _count(pool, "SELECT count(*) FROM seen") < 60
    assert await committed(settings, "tests", 3) is None
    again = await _consumer(settings, database, failpoint="")
    every = "SELECT count(*) FROM (SELECT DISTINCT key, number FROM seen) AS once"
    deadline = monotonic() + 30
    while await _count(pool, every) < 60:
        assert monotonic() < deadline
        await asyncio.sleep(0.05)
    again.terminate()
    assert await asyncio.wait_for(again.wait(), 10) == 0
    assert await committed(settings, "tests", 3) == 60
    assert await _count(pool, _OUT_OF_ORDER) == 0


_OUT_OF_ORDER = """
SELECT count(*) FROM (
    SELECT number, lag(number) OVER (PARTITION BY key ORDER BY first) AS before
    FROM (SELECT key, number, min(at) AS first FROM seen GROUP BY key, number) AS firsts) AS pairs
WHERE before >= number
"""


async def _count(pool: Pool, sql: LiteralString) -> int:
    async with pool.connection() as conn:
        row = await (await conn.execute(sql)).fetchone()
    assert row is not None
    return row[0]


async def _consumer(
    settings: CommonSettings, database: str, *, failpoint: str
) -> asyncio.subprocess.Process:
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "KAFKA_PREFIX": settings.kafka_prefix,
        "TESTS_DATABASE_URL": database,
        "FAILPOINT": failpoint,
    }
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.wire.consumer_process", env=environment
    )


async def test_while_the_database_is_away_nothing_is_acknowledged_and_then_all_is_done(
    settings: CommonSettings, consume: Consume, database: str, parking: Parking
) -> None:
    proxy = Proxy(database)
    await proxy.mend()
    far = make_pool(_through(database, proxy.port), min_size=1, max_size=4)
    await far.open()
    seen: set[bytes] = set()
    tried = 0

    async def handle(received: Received) -> None:
        nonlocal tried
        tried += 1
        async with far.connection(timeout=0.5) as conn:
            await conn.execute("INSERT INTO seen (key, number) VALUES ('k', 1)")
        seen.add(received.body)

    await proxy.cut()
    await publish(settings, [message(key, n) for n, key in enumerate(neighbours(10))])
    broker = await consume(handle=handle, parking=parking)
    await until_true(lambda: tried >= 30)
    beat = Heartbeat(at=0.0)
    await watch(broker)(beat)
    assert beat.at > 0.0, "who waits knowingly is alive"
    assert REGISTRY.get_sample_value("guiche_consumer_lag_seconds", {"topic": TOPIC})
    assert not seen
    assert await committed(settings, "tests", 3) is None
    assert await parking.list() == []
    await proxy.mend()
    await until_true(lambda: len(seen) == 10, 30)
    await _until_committed(settings, 10)
    await watch(broker)(beat)
    assert REGISTRY.get_sample_value("guiche_consumer_lag_seconds", {"topic": TOPIC}) == 0
    await far.close()
    await proxy.cut()


def _through(url: str, port: int) -> str:
    head, _, tail = url.rpartition("@")
    return f"{head}@127.0.0.1:{port}/{tail.partition('/')[2]}"


async def _until_committed(settings: CommonSettings, offset: int) -> None:
    deadline = monotonic() + 20
    while await committed(settings, "tests", 3) != offset:
        assert monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_a_stop_does_not_wait_for_what_is_away_and_acknowledges_nothing(
    settings: CommonSettings, consume: Consume, parking: Parking
) -> None:
    tried = asyncio.Event()

    async def handle(_: Received) -> None:
        tried.set()
        raise ConnectionRefusedError

    await publish(settings, [message(key, 1) for key in neighbours(3)])
    broker = await consume(handle=handle, parking=parking)
    await asyncio.wait_for(tried.wait(), 20)
    began = monotonic()
    await broker.stop()
    assert monotonic() - began < 4
    assert await committed(settings, "tests", 3) is None


async def test_a_batch_that_is_refused_goes_on_one_by_one(
    settings: CommonSettings, consume: Consume, parking: Parking
) -> None:
    batches: list[int] = []
    seen: list[bytes] = []

    async def handle_batch(batch: Sequence[Received]) -> None:
        batches.append(len(batch))
        if any(received.body == b"13" for received in batch):
            raise ValueError

    async def handle(received: Received) -> None:
        if received.body == b"13":
            raise ValueError
        seen.append(received.body)

    keys = neighbours(30)
    await publish(settings, [message(key, n) for n, key in enumerate(keys)])
    await consume(handle=handle, handle_batch=handle_batch, parking=parking)
    await _until_committed(settings, 30)
    assert sum(batches) == 30
    assert b"13" not in seen
    assert [entry.reason for entry in await parking.list()] == ["ValueError"]


async def test_a_service_waits_for_its_topics_and_refuses_other_partition_counts(
    settings: CommonSettings,
) -> None:
    async def handle(_: Received) -> None: ...

    health = Health()
    broker = make_broker(settings, "tests")
    topic = "outbound.events"
    subscribe(
        broker, settings, topic=topic, group="tests", instance="i", handle=handle, parking=None
    )
    starting = asyncio.create_task(start_when_ready(broker, health))
    await until_true(lambda: health.waits_for == ["kafka"])
    await create_topics(settings, topic)
    await asyncio.wait_for(starting, 20)
    assert health.waits_for == []
    await broker.stop()

    other = settings.model_copy(update={"kafka_prefix": settings.kafka_prefix + "x"})
    await create_topics(other, "directory.events")
    named = {**TOPICS, "directory.events": TOPICS[TOPIC]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shared.plumbing.kafka.topics.TOPICS", named)
        wrong = make_broker(other, "tests")
        subscribe(
            wrong,
            other,
            topic="directory.events",
            group="tests",
            instance="i",
            handle=handle,
            parking=None,
        )
        with pytest.raises(WrongPartitionsError):
            await start_when_ready(wrong, Health())


async def test_replicas_share_two_topics_in_one_group(settings: CommonSettings) -> None:
    await create_topics(settings, "outbound.events")
    seen: defaultdict[tuple[str, str], set[bytes]] = defaultdict(set)
    brokers = [make_broker(settings, f"tests-{n}") for n in (1, 2)]
    for n, broker in enumerate(brokers):
        for topic in (TOPIC, "outbound.events"):

            async def handle(received: Received, who: str = f"tests-{n}") -> None:
                seen[who, received.topic].add(received.body)

            subscribe(
                broker,
                settings,
                topic=topic,
                group="tests",
                instance=f"tests-{n}",
                handle=handle,
                parking=None,
            )
    await asyncio.gather(*(start_when_ready(broker, Health()) for broker in brokers))

    def shares(topic: str) -> list[set[bytes]]:
        return [seen[f"tests-{n}", topic] for n in (0, 1)]

    async with asyncio.timeout(40):
        sent = 0
        while not all(share for topic in (TOPIC, "outbound.events") for share in shares(topic)):
            for topic in (TOPIC, "outbound.events"):
                keys = [b"k%d" % n for n in range(sent, sent + 50)]
                await publish(settings, [message(key, int(key[1:]), topic) for key in keys])
            sent += 50
            await asyncio.sleep(0.2)
    for topic in (TOPIC, "outbound.events"):
        await until_true(lambda topic=topic: len(set[bytes]().union(*shares(topic))) == sent)
    await asyncio.gather(*(broker.stop() for broker in brokers))


async def test_a_consumer_whose_coordinator_has_ended_is_told_as_stuck(
    settings: CommonSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiokafka ends the coordinator at an error that it does not know, and goes on without it."""

    async def handle(_: Received) -> None: ...

    async def fails(*_: object) -> None:
        raise KafkaError

    broker = make_broker(settings, "tests")
    subscribe(
        broker, settings, topic=TOPIC, group="tests", instance="i", handle=handle, parking=None
    )
    await start_when_ready(broker, Health())
    look, beat = watch(broker), Heartbeat()
    await look(beat)
    monkeypatch.setattr("shared.plumbing.kafka.broker.DEAD_SECONDS", 0.1)
    monkeypatch.setattr(GroupCoordinator, "_do_rejoin_group", fails)
    ((_, subscriber),) = broker.consumptions
    coordinator = vars(cast("object", subscriber.consumer))["_coordinator"]
    coordinator.request_rejoin()

    async def is_stuck() -> bool:
        try:
            await look(beat)
        except StuckConsumerError:
            return True
        return False

    await until(is_stuck, seconds=30)
    await broker.stop()
