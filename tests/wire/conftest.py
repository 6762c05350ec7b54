"""Settings, topics, a pool and a parking place of its own for each wire test."""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import psycopg
import pytest

from shared.plumbing.health import Health
from shared.plumbing.kafka import (
    BatchHandler,
    Handler,
    ParkingPlace,
    Received,
    ServiceBroker,
    make_broker,
    never,
    start_when_ready,
    subscribe,
)
from shared.plumbing.migrations import PLUMBING_SQL
from shared.plumbing.parking import Parking
from shared.plumbing.postgres import Pool, make_pool
from shared.plumbing.sealing import Sealer
from shared.plumbing.settings import CommonSettings
from tests.wire.support import TOPIC, create_topics


class Postgres(Protocol):
    """The session's server."""

    def new_database(self) -> str: ...


class Kafka(Protocol):
    """The session's broker."""

    bootstrap: str


class Consume(Protocol):
    """Starts a broker that consumes TOPIC; the test's end stops it."""

    async def __call__(
        self,
        *,
        handle: Handler,
        parking: ParkingPlace | None,
        group: str = "tests",
        commutes: Callable[[Received], bool] = never,
        handle_batch: BatchHandler | None = None,
    ) -> ServiceBroker: ...


@pytest.fixture
async def settings(kafka: Kafka, kafka_prefix: str, keys_dir: Path) -> CommonSettings:
    made = CommonSettings(
        kafka_bootstrap_servers=kafka.bootstrap,
        kafka_prefix=kafka_prefix,
        keys_dir=keys_dir,
        instance="test-1",
    )
    await create_topics(made, TOPIC, "directory.events")
    return made


@pytest.fixture
def database(postgres: Postgres) -> str:
    url = postgres.new_database()
    with psycopg.connect(url, autocommit=True) as conn:
        for table in PLUMBING_SQL.values():
            conn.execute(table)
        conn.execute("CREATE TABLE seen (at bigserial, key text, number integer)")
    return url


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    made = make_pool(database, min_size=1, max_size=8)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
def parking(pool: Pool) -> Parking:
    return Parking(pool, Sealer(b"k" * 32), "tests")


@pytest.fixture
async def consume(settings: CommonSettings) -> AsyncIterator[Consume]:
    brokers: list[ServiceBroker] = []

    async def start(
        *,
        handle: Handler,
        parking: ParkingPlace | None,
        group: str = "tests",
        commutes: Callable[[Received], bool] = never,
        handle_batch: BatchHandler | None = None,
    ) -> ServiceBroker:
        broker = make_broker(settings, "tests")
        subscribe(
            broker,
            settings,
            topic=TOPIC,
            group=group,
            instance="test-1",
            handle=handle,
            parking=parking,
            commutes=commutes,
            handle_batch=handle_batch,
        )
        brokers.append(broker)
        await start_when_ready(broker, Health())
        return broker

    yield start
    for broker in brokers:
        with suppress(Exception):
            await broker.stop()
