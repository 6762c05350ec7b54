"""A pool on a database with plumbing's tables; HTTP servers on free ports."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

import aiohttp
import psycopg
import pytest
from aiohttp import web

from shared.plumbing.migrations import PLUMBING_SQL
from shared.plumbing.postgres import Pool, make_pool

Serve = Callable[[Callable[[web.Request], Awaitable[web.StreamResponse]]], Awaitable[str]]


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


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    runners: list[web.AppRunner] = []

    async def start(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made
