"""A pool on a database with plumbing's tables."""

from collections.abc import AsyncIterator
from typing import Protocol

import psycopg
import pytest

from shared.plumbing.migrations import PLUMBING_SQL
from shared.plumbing.postgres import Pool, make_pool


class Postgres(Protocol):
    """The session's server."""

    def new_database(self) -> str: ...


@pytest.fixture
def database(postgres: Postgres) -> str:
    url = postgres.new_database()
    with psycopg.connect(url, autocommit=True) as conn:
        for table in PLUMBING_SQL.values():
            conn.execute(table)
    return url


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    made = make_pool(database, min_size=1, max_size=4)
    await made.open()
    yield made
    await made.close()
