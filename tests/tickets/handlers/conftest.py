"""An office of its own for each test."""

from collections.abc import AsyncGenerator
from uuid import UUID

import pytest_asyncio

from services.tickets.storage.event_database import EventDatabase
from tests.support.stack import Postgres
from tests.tickets.handlers.office import Office


async def wrapping_key(_: UUID) -> bytes:
    return b"w" * 32


@pytest_asyncio.fixture
async def office(postgres: Postgres) -> AsyncGenerator[Office]:
    database = EventDatabase(postgres.service_url(postgres.new_database(), "tickets"), wrapping_key)
    await database.open()
    yield Office(database)
    await database.close()
