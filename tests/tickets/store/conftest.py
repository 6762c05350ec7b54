"""A database of its own for each test, and a store over it."""

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from tests.support.stack import Postgres
from tests.tickets.store.stores import Opening, opened


@pytest.fixture
def url(postgres: Postgres) -> str:
    """The address of a new database for the role of tickets."""
    return postgres.service_url(postgres.new_database(), "tickets")


@pytest_asyncio.fixture
async def opening(url: str) -> AsyncGenerator[Opening]:
    async with opened(url) as opening:
        yield opening
