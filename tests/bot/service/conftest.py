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
    """The demo flow is published, and the past known: there is none."""
    made = Office(pool, Log())
    await made.publishing.look()
    await made.rows("INSERT INTO position (epoch, log_id) VALUES (1, 0) RETURNING epoch")
    return made
