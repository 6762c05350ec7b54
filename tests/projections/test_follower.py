"""Read models that stand still say so: to `lag`, to the summary, to the group's offsets."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from typing import cast

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from services.projections.adapters import kafka as following
from services.projections.handlers.batch_processor import BatchProcessor
from services.projections.handlers.catch_up import CatchUp
from services.projections.handlers.ports import Delivery
from services.projections.settings import Settings
from shared.contracts.envelope import Envelope
from shared.contracts.topics import TICKETS_EVENTS
from shared.plumbing import clock, metrics
from shared.plumbing.kafka import Outgoing
from shared.plumbing.loops import Heartbeat
from shared.plumbing.postgres import Pool
from tests.projections.running import models
from tests.projections.stories import ACCOUNT, Customer, Log, arrives
from tests.support.stack import Kafka, Postgres
from tests.wire.support import create_topics, publish

LATE_SECONDS = 60


class Broken:
    """A processor that fails with whatever comes."""

    async def process(self, batch: Sequence[Delivery], **_: object) -> None:
        assert batch
        raise ConnectionError


class CaughtUp:
    """The feed has been read already."""

    def __init__(self) -> None:
        self.runs = 0

    async def ready(self) -> bool:
        return True

    async def run(self, beat: Heartbeat) -> bool:
        beat.beat()
        self.runs += 1
        return True


@pytest.fixture
async def topic(
    postgres: Postgres, kafka: Kafka, kafka_prefix: str
) -> AsyncGenerator[tuple[Settings, Pool]]:
    """A topic with one event, and a model that has folded nothing of it."""
    settings = Settings(kafka_bootstrap_servers=kafka.bootstrap, kafka_prefix=kafka_prefix)
    await create_topics(settings, TICKETS_EVENTS.name)
    log, who = Log(), Customer(1)
    arrives(log, who)
    await publish(settings, [_outgoing(log, who)])
    async with models(postgres) as (_, pool):
        async with pool.connection() as conn:
            await conn.execute("UPDATE position SET kafka_offset = 0")
        yield settings, pool


@pytest.fixture
def follower(topic: tuple[Settings, Pool]) -> tuple[Settings, following.Follower]:
    settings, pool = topic
    return settings, _follower(settings, pool, CaughtUp())


async def test_what_was_read_and_not_folded_is_behind(
    follower: tuple[Settings, following.Follower],
) -> None:
    settings, made = follower
    with pytest.raises(ConnectionError):
        await made.run(Heartbeat())
    assert await _committed(settings) <= {0}
    lag = metrics.REGISTRY.get_sample_value("guiche_projection_lag_seconds")
    assert lag is not None
    assert LATE_SECONDS <= lag < LATE_SECONDS + 60


async def test_a_model_that_nobody_sees_is_not_what_is_late(
    follower: tuple[Settings, following.Follower],
) -> None:
    _, made = follower
    made.live = False
    before = metrics.REGISTRY.get_sample_value("guiche_projection_lag_seconds")
    with pytest.raises(ConnectionError):
        await made.run(Heartbeat())
    assert metrics.REGISTRY.get_sample_value("guiche_projection_lag_seconds") == before


async def test_a_partition_that_comes_while_the_feed_is_on_its_way_waits_for_it(
    topic: tuple[Settings, Pool],
) -> None:
    """Where it ends in Kafka is not where the feed will end."""
    settings, pool = topic
    caught_up = CaughtUp()
    async with pool.connection() as conn:
        await conn.execute("UPDATE position SET kafka_offset = NULL")
    async with asyncio.timeout(30):
        await _follower(settings, pool, caught_up).run(Heartbeat())
    assert caught_up.runs == 1


def _follower(settings: Settings, pool: Pool, caught_up: CaughtUp) -> following.Follower:
    return following.Follower(
        settings,
        settings.group("projections"),
        pool,
        cast("BatchProcessor", Broken()),
        cast("CatchUp", caught_up),
    )


def _outgoing(log: Log, who: Customer) -> Outgoing:
    event = log.events[0]
    assert event.message is not None
    envelope = Envelope(
        id="1",
        type=event.message.TYPE,
        source="tickets",
        time=clock.now() - timedelta(seconds=LATE_SECONDS),
        account=ACCOUNT,
        position="1.1",
        stream=event.stream,
        version=1,
    )
    return Outgoing(TICKETS_EVENTS.name, str(who.id).encode(), envelope, event.message.body())


async def _committed(settings: Settings) -> set[int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    found = await admin.list_consumer_group_offsets(settings.group("projections"))
    await admin.close()
    return {meta.offset for meta in found.values()}
