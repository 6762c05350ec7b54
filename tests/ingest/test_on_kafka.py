"""200 means that Kafka has every item; anything else means that Meta must come again."""

import asyncio
import gc
import os
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import aiokafka.conn
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.ports import free_port
from services.ingest.adapters.backlog import Backlog
from services.ingest.settings import Settings
from shared.contracts.inbound import DeadItem, TextReceived
from shared.plumbing.loops import Heartbeat
from tests.ingest.samples import a_body, a_message, a_value
from tests.ingest.serving import Served, announce_the_connection, serve
from tests.support.waiting import until
from tests.wire.support import Proxy, create_topics, everything

LONG = 50.0
SOON = 5.0  # the deadline is 2 s; the producer may take 6 more to end, which nobody waits for


class Kafka(Protocol):
    """The session's broker."""

    bootstrap: str


INBOUND, DEAD, DIRECTORY = "inbound.events", "ingest.dead", "directory.events"


@pytest.fixture
def settings(kafka: Kafka, kafka_prefix: str, keys_dir: Path) -> Settings:
    return Settings(
        kafka_bootstrap_servers=kafka.bootstrap,
        kafka_prefix=kafka_prefix,
        keys_dir=keys_dir,
        instance="ingest-1",
        backlog_interval_seconds=0.2,
    )


@pytest.fixture
async def ingest(settings: Settings) -> AsyncIterator[Served]:
    await create_topics(settings, INBOUND, DEAD, DIRECTORY)
    await announce_the_connection(settings)
    async with serve(settings) as served:
        await served.until_ready()
        yield served


async def texts(settings: Settings) -> list[TextReceived]:
    return [TextReceived.read(body) for _, body in await everything(settings, INBOUND)]


def messages(count: int, sender: str = "5511951234567") -> list[dict[str, Any]]:
    return [a_message(f"wamid.{n}", sender) for n in range(count)]


async def test_200_means_that_every_item_is_on_the_topic(
    ingest: Served, settings: Settings
) -> None:
    assert await ingest.post(a_body(a_value(messages=messages(20)))) == 200
    assert {item.wamid for item in await texts(settings)} == {f"wamid.{n}" for n in range(20)}


async def test_items_of_one_person_keep_their_order_within_a_post(
    ingest: Served, settings: Settings
) -> None:
    people = ["5511951234567", "5511951234568", "551195123456"]
    sent = [a_message(f"wamid.{n}", people[n % 3]) for n in range(90)]
    values = [a_value(messages=sent[start : start + 10]) for start in range(0, 90, 10)]
    assert await ingest.post(a_body(*values)) == 200
    order: dict[bytes, list[str]] = defaultdict(list)
    for key, body in await everything(settings, INBOUND):
        order[key].append(TextReceived.read(body).wamid)
    assert sorted(order.values()) == sorted(
        [f"wamid.{n}" for n in range(first, 90, 3)] for first in range(3)
    )


async def test_three_megabytes_of_a_thousand_changes_are_one_post(
    ingest: Served, settings: Settings
) -> None:
    text = {"body": "ã" * 450}
    values = [a_value(messages=[a_message(f"wamid.{n}", text=text)]) for n in range(1000)]
    body = a_body(*values)
    assert 2_900_000 < len(body) < 3_300_000
    assert await ingest.post(body) == 200
    assert {item.wamid for item in await texts(settings)} == {f"wamid.{n}" for n in range(1000)}


@pytest.mark.timeout(150)
async def test_without_acknowledgment_it_is_503_and_the_next_attempt_only_repeats(
    ingest: Served, settings: Settings, kafka: Kafka
) -> None:
    """The topic of dead items is gone: what stands before the dead one is on Kafka."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    await admin.delete_topics([settings.topic(DEAD)])
    await until(admin.list_topics, lambda topics: settings.topic(DEAD) not in topics)
    values = [a_value(messages=messages(5)), a_value("999", messages=[a_message("wamid.x")])]
    body = a_body(*values, a_value(messages=[a_message("wamid.last")]))
    assert await ingest.post(body) == 503
    before = [item.wamid for item in await texts(settings)]
    assert before
    assert before == [f"wamid.{n}" for n in range(len(before))]
    assert "wamid.last" not in before
    await create_topics(settings, DEAD)
    await admin.close()
    async with asyncio.timeout(LONG):
        while await ingest.post(body) != 200:
            pass
    items = await texts(settings)
    assert {item.wamid for item in items} == {*(f"wamid.{n}" for n in range(5)), "wamid.last"}
    assert len({(item.wamid, item.body_sha256, item.index) for item in items}) == 6
    (dead,) = {DeadItem.read(body).index for _, body in await everything(settings, DEAD)}
    assert dead == "0/1/messages/0"


@pytest.fixture
async def way_to_kafka(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Proxy]:
    """Connections of this process to the broker lead through a proxy: only the address changes."""
    proxy = Proxy(f"kafka://{kafka.bootstrap}")
    await proxy.mend()
    create_conn: Callable[..., Awaitable[object]] = vars(aiokafka.conn)["create_conn"]

    async def through(host: str, _: int, **options: object) -> object:
        return await create_conn(host, proxy.port, **options)

    monkeypatch.setattr("aiokafka.client.create_conn", through)
    yield proxy
    await proxy.cut()
    gc.collect()  # what aiokafka left open is told of in this test, which expects it


# aiokafka forgets a connection whose opening is cancelled
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:Unclosed AIOKafkaConnection:ResourceWarning")
@pytest.mark.timeout(150)
async def test_kafka_away_is_503_within_the_deadline_and_kafka_back_is_200(
    way_to_kafka: Proxy, ingest: Served, settings: Settings
) -> None:
    body = a_body(a_value(messages=messages(3)))
    assert await ingest.post(body) == 200
    await way_to_kafka.cut()
    answers = await asyncio.gather(*(ingest.post(body) for _ in range(10)))
    assert answers == [503] * 10
    await way_to_kafka.mend()
    async with asyncio.timeout(LONG):
        while await ingest.post(body) != 200:
            pass
    assert {item.wamid for item in await texts(settings)} == {"wamid.0", "wamid.1", "wamid.2"}


@pytest.mark.timeout(150)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:Unclosed AIOKafkaConnection:ResourceWarning")
async def test_more_posts_than_can_wait_for_kafka_are_told_at_once_to_come_again(
    way_to_kafka: Proxy, settings: Settings
) -> None:
    await create_topics(settings, INBOUND, DEAD, DIRECTORY)
    await announce_the_connection(settings)
    few = settings.model_copy(update={"posts_at_once": 3, "publish_deadline_seconds": 10.0})
    async with serve(few) as served:
        await served.until_ready()
        body = a_body(a_value(messages=messages(1)))
        assert await served.post(body) == 200
        await way_to_kafka.cut()
        waiting = [asyncio.create_task(served.post(body)) for _ in range(20)]
        done, held = await asyncio.wait(waiting, timeout=SOON)
        assert {task.result() for task in done} == {503}
        assert 3 <= len(held) < 10  # a few may have come in together
        await way_to_kafka.mend()
        assert {await task for task in held} <= {200, 503}


async def test_nothing_is_taken_before_everything_is_there(settings: Settings) -> None:
    async with serve(settings) as served:
        body = a_body(a_value(messages=messages(1)))
        assert await served.post(body) == 503
        status, said = await served.get("/ready")
        assert status == 503
        assert "directory" in said
        await create_topics(settings, INBOUND, DEAD, DIRECTORY)
        await announce_the_connection(settings)
        await served.until_ready()
        assert await served.post(body) == 200


async def test_a_cluster_of_another_shape_ends_the_process_with_1(
    settings: Settings, tmp_path: Path
) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic(settings.topic(DIRECTORY), 1, 1)])
    await admin.close()
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "KAFKA_PREFIX": settings.kafka_prefix,
        "GUICHE_KEYS_DIR": str(settings.keys_dir),
        "INGEST_PORT": str(free_port()),
    }
    with (tmp_path / "log").open("w+b") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.ingest"), env=environment, stderr=log
        )
        assert await asyncio.wait_for(process.wait(), 30) == 1
        log.seek(0)
        (line,) = [line for line in log.readlines() if b"cannot run" in line]
    assert b"directory.events: 1 partitions, the registry says 6" in line


async def test_the_acknowledgment_is_measured(ingest: Served) -> None:
    assert await ingest.post(a_body(a_value(messages=messages(1)))) == 200
    _, said = await ingest.get("/metrics")
    counted = 'guiche_ingest_acknowledgment_seconds_count{outcome="accepted",service="ingest"}'
    assert counted in said


async def test_a_new_number_is_known_without_a_restart(settings: Settings) -> None:
    await create_topics(settings, INBOUND, DEAD, DIRECTORY)
    async with serve(settings) as served:
        await served.until_ready()
        body = a_body(a_value(messages=messages(1)))
        assert await served.post(body) == 200
        assert len(await everything(settings, DEAD)) == 1
        await announce_the_connection(settings)
        async with asyncio.timeout(LONG):
            while not await everything(settings, INBOUND):
                assert await served.post(body) == 200


# --- the rule of 48 hours (protocols.md 4) --------------------------------------------------------


async def consumed_by_tickets(settings: Settings) -> None:
    """tickets has read all there is."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        group_id=settings.group("tickets"),
        enable_auto_commit=False,
    )
    await consumer.start()
    parts = [TopicPartition(settings.topic(INBOUND), number) for number in range(24)]
    consumer.assign(parts)
    await consumer.commit(await consumer.end_offsets(parts))
    await consumer.stop()


def in_hours(hours: float) -> Callable[[], datetime]:
    return lambda: datetime.now(UTC) + timedelta(hours=hours)


async def test_an_item_that_tickets_left_for_48_hours_closes_the_door(
    ingest: Served, settings: Settings
) -> None:
    assert await ingest.post(a_body(a_value(messages=messages(1)))) == 200
    later, sooner = Backlog(settings, now=in_hours(48.1)), Backlog(settings, now=in_hours(47.9))
    await later.look(Heartbeat())
    await sooner.look(Heartbeat())
    assert (later.too_old, sooner.too_old) == (True, False)
    await consumed_by_tickets(settings)
    await later.look(Heartbeat())
    assert not later.too_old


async def test_the_door_is_closed_until_tickets_catches_up(settings: Settings) -> None:
    await create_topics(settings, INBOUND, DEAD, DIRECTORY)
    await announce_the_connection(settings)
    hours = 0.0
    async with serve(settings, now=lambda: datetime.now(UTC) + timedelta(hours=hours)) as served:
        await served.until_ready()
        body = a_body(a_value(messages=messages(1)))
        assert await served.post(body) == 200
        hours = 49.0
        async with asyncio.timeout(LONG):
            while await served.post(body) != 503:
                pass
        await consumed_by_tickets(settings)
        async with asyncio.timeout(LONG):
            while await served.post(body) != 200:
                pass
