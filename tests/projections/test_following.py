"""Read models that stand still say so: to `lag`, to the summary, to the group's offsets."""

from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from typing import cast

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from services.projections.adapters import kafka as following
from services.projections.adapters.catching_up import CatchingUp
from services.projections.handlers.ports import Delivery
from services.projections.handlers.taking import Taking
from services.projections.settings import Settings
from shared.contracts.envelope import Envelope
from shared.contracts.topics import TICKETS_EVENTS
from shared.plumbing import clock, metrics
from shared.plumbing.kafka import Outgoing
from shared.plumbing.loops import Heartbeat
from tests.projections.running import models
from tests.projections.stories import ACCOUNT, Customer, Log, arrives
from tests.support.stack import Kafka, Postgres
from tests.wire.support import create_topics, publish

LATE_SECONDS = 60


class Broken:
    """A taking that fails with whatever comes."""

    async def take(self, batch: Sequence[Delivery], **_: object) -> None:
        assert batch
        raise ConnectionError


class CaughtUp:
    """The feed has been read already."""

    async def ready(self) -> bool:
        return True


@pytest.fixture
async def follower(
    postgres: Postgres, kafka: Kafka, kafka_prefix: str
) -> AsyncGenerator[tuple[Settings, following.Follower]]:
    settings = Settings(kafka_bootstrap_servers=kafka.bootstrap, kafka_prefix=kafka_prefix)
    await create_topics(settings, TICKETS_EVENTS.name)
    log, who = Log(), Customer(1)
    arrives(log, who)
    await publish(settings, [_outgoing(log, who)])
    async with models(postgres) as (_, pool):
        async with pool.connection() as conn:
            await conn.execute("UPDATE position SET kafka_offset = 0")
        made = following.Follower(
            settings,
            settings.group("projections"),
            pool,
            cast("Taking", Broken()),
            cast("CatchingUp", CaughtUp()),
        )
        yield settings, made


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
