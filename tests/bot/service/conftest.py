"""A database with the bot's tables, and a process on it without Kafka."""

from collections.abc import AsyncIterator

import pytest

from shared.plumbing.postgres import Pool
from tests.bot.service.office import Log, Office, database
from tests.support.stack import Postgres


@pytest.fixture
async def pool(postgres: Postgres) -> AsyncIterator[Pool]:
    async with database(postgres.service_url(postgres.new_database(), "bot")) as pool:
        yield pool


@pytest.fixture
async def office(pool: Pool) -> Office:
    """The demo flow is published."""
    made = Office(pool, Log())
    await made.publishing.look()
    return made
