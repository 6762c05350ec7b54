"""A database, topics and an opened store of its own for each test."""

from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio

from services.tickets.settings import Settings
from services.tickets.storage.event_database import EventDatabase
from shared.contracts.topics import OUTBOUND_COMMANDS, TICKETS_EVENTS
from shared.plumbing.kafka import Producer
from tests.support.stack import Kafka, Postgres
from tests.tickets.adapters.serving import HEARD, announce
from tests.wire.support import create_topics


@pytest.fixture
def admin_url(postgres: Postgres) -> str:
    return postgres.new_database()


@pytest_asyncio.fixture
async def settings(
    postgres: Postgres, admin_url: str, kafka: Kafka, kafka_prefix: str, keys_dir: Path
) -> Settings:
    """Of a process, with the topics that it writes."""
    made = Settings(
        kafka_bootstrap_servers=kafka.bootstrap,
        kafka_prefix=kafka_prefix,
        keys_dir=keys_dir,
        database_url=postgres.service_url(admin_url, "tickets"),
        instance="tickets-1",
    )
    await create_topics(made, TICKETS_EVENTS.name, OUTBOUND_COMMANDS.name)
    return made


@pytest_asyncio.fixture
async def listening(settings: Settings) -> Settings:
    """The same, with the topics that it reads, and what directory says."""
    await create_topics(settings, *HEARD)
    await announce(settings)
    return settings


async def wrapping_key(_: UUID) -> bytes:
    return b"w" * 32


@pytest_asyncio.fixture
async def database(settings: Settings) -> AsyncGenerator[EventDatabase]:
    made = EventDatabase(settings.database_url, wrapping_key)
    await made.open()
    yield made
    await made.close()


@pytest_asyncio.fixture
async def producer(settings: Settings) -> AsyncGenerator[Producer]:
    made = Producer(settings)
    await made.start()
    yield made
    await made.stop()
