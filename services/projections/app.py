"""What projections is made of."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

import aiohttp
from fastapi import FastAPI

from services.projections.adapters import http, store
from services.projections.adapters.catching_up import CatchingUp
from services.projections.adapters.feed import Feed
from services.projections.adapters.kafka import Follower
from services.projections.adapters.waiting import Waiting
from services.projections.handlers.project import Project
from services.projections.settings import Settings
from shared.contracts.problems import PROBLEMS
from shared.plumbing import clock, health, metrics
from shared.plumbing.http import InternalClient
from shared.plumbing.kafka import Producer
from shared.plumbing.loops import Lease, Loops
from shared.plumbing.outbox import Outbox
from shared.plumbing.postgres import TRANSIENT, Pool, make_pool
from shared.plumbing.problems import install_problems
from shared.plumbing.tokens import TokenSigner, TokenVerifier

SERVICE: Final = "projections"
_LEASE_SECONDS: Final = 30.0
_BACKOFF_SECONDS: Final = 0.5


def build_app(settings: Settings, *, now: Callable[[], datetime] = clock.now) -> FastAPI:
    """The whole service."""
    waiting_for, loops = health.Health(), Loops()
    pool = make_pool(settings.database_url, min_size=2, max_size=12)
    producer = Producer(settings)
    outbox = Outbox(pool, producer)
    calls = _Tickets(settings)
    feed = Feed(calls.client)
    project = Project(pool, store, outbox, feed)
    lease = Lease(pool, "feed", settings.instance, _LEASE_SECONDS)
    follower = Follower(settings, pool, project, CatchingUp(pool, project, feed, lease, now))
    waiting = Waiting(pool, project, settings.wait_seconds)
    loops.add("outbox", outbox.drain, interval_seconds=1.0, wake=outbox.wake)
    loops.add("follow", follower.run, interval_seconds=0.1)

    async def arrive() -> None:
        await _until_open(pool)
        waiting_for.arrived("postgres")
        await producer.start()
        waiting_for.arrived("kafka")
        await loops.start()
        await follower.ready.wait()
        waiting_for.arrived("feed")

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        for name in ("postgres", "kafka", "feed"):
            waiting_for.waiting_for(name)
        arriving = asyncio.create_task(arrive())
        try:
            yield
        finally:
            arriving.cancel()
            await asyncio.gather(arriving, return_exceptions=True)
            await loops.stop()
            await producer.stop()
            await calls.close()
            await pool.close()

    app = FastAPI(title=SERVICE, lifespan=lifespan, openapi_url=None)
    install_problems(app, PROBLEMS)
    app.include_router(http.router(pool, waiting, TokenVerifier(SERVICE, settings.keys_dir)))
    health.routes(app, waiting_for, loops)
    metrics.mount(app, SERVICE)
    return app


async def _until_open(pool: Pool) -> None:
    while True:
        try:
            await pool.open()
            async with pool.connection() as conn:
                await store.places(conn)
        except TRANSIENT:
            await asyncio.sleep(_BACKOFF_SECONDS)
        else:
            return


class _Tickets:
    """The feed's HTTP client; the session belongs to the running loop."""

    def __init__(self, settings: Settings) -> None:
        signer = TokenSigner(SERVICE, settings.keys_dir)
        self.client = InternalClient(signer, "tickets", settings.tickets_urls, self._opened)
        self._session: aiohttp.ClientSession | None = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    async def close(self) -> None:
        """Close what was opened."""
        if self._session is not None:
            await self._session.close()
