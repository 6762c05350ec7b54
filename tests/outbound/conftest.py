"""A database with outbound's tables, a process on it, and Meta."""

from collections.abc import AsyncIterator
from typing import Protocol

import pytest

from shared.contracts.inbound import Status
from shared.plumbing.postgres import Pool
from tests.outbound.meta import NUMBER, WhatsApp, meta
from tests.outbound.running import Outbound, database, the_number


class Postgres(Protocol):
    """The session's server."""

    def new_database(self) -> str: ...

    def service_url(self, database: str, service: str) -> str: ...


@pytest.fixture
async def pool(postgres: Postgres) -> AsyncIterator[Pool]:
    async with database(postgres.service_url(postgres.new_database(), "outbound")) as pool:
        yield pool


@pytest.fixture
async def whatsapp() -> AsyncIterator[WhatsApp]:
    """The simulator, and the statuses that it delivered."""
    statuses: list[Status] = []

    async def keep(found: list[Status]) -> None:
        statuses.extend(found)

    async with meta(keep) as made:
        yield made, statuses


@pytest.fixture
async def outbound(pool: Pool, whatsapp: WhatsApp) -> AsyncIterator[Outbound]:
    """A process that sends."""
    made = Outbound(pool, the_number(whatsapp[0].graph_url, NUMBER.phone_number_id))
    await made.start()
    yield made
    await made.die()
