"""One system for the stories of a module: every service, Kafka, PostgreSQL and the simulator."""

from collections.abc import AsyncGenerator

import pytest_asyncio

from tests.checks import system as systems
from tests.checks.system import System


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system() -> AsyncGenerator[System]:
    async with systems.running(durable=False, logs=None) as made:
        yield made
