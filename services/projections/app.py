"""What projections is made of."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final, TypeVar

import aiohttp
from fastapi import FastAPI

from services.projections.adapters import http, store
from services.projections.adapters.catching_up import CatchingUp
from services.projections.adapters.feed import Feed
from services.projections.adapters.kafka import Follower
from services.projections.adapters.parked import Held, ParkedEvents
from services.projections.adapters.secrets import SecretsRefusedError, own_key
from services.projections.adapters.waiting import Waiting
from services.projections.handlers.project import Project
from services.projections.handlers.taking import Taking
from services.projections.settings import Settings
from shared.contracts.problems import PROBLEMS
from shared.plumbing import clock, health, metrics, tasks
from shared.plumbing.http import InternalClient
from shared.plumbing.kafka import Producer
from shared.plumbing.loops import Lease, Loops
from shared.plumbing.outbox import Outbox
from shared.plumbing.postgres import TRANSIENT, make_pool
from shared.plumbing.problems import install_problems
from shared.plumbing.sealing import Sealer
from shared.plumbing.tokens import TokenSigner, TokenVerifier
from shared.plumbing.transient import TRANSIENT_ANYWHERE

SERVICE: Final = "projections"
_LEASE_SECONDS: Final = 30.0
_BACKOFF_SECONDS: Final = 0.5

T = TypeVar("T")


def build_app(settings: Settings, *, now: Callable[[], datetime] = clock.now) -> FastAPI:
    """The whole service."""
    service = _Service(settings, now)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        for name in ("postgres", "secrets", "kafka", "feed"):
            service.waiting_for.waiting_for(name)
        beginning = asyncio.create_task(service.begin())
        try:
            yield
        finally:
            await tasks.end(beginning)
            await service.end()

    app = FastAPI(title=SERVICE, lifespan=lifespan, openapi_url=None)
    install_problems(app, PROBLEMS)
    waiting = Waiting(service.pool, service.project, settings.wait_seconds)
    verifier = TokenVerifier(SERVICE, settings.keys_dir)
    app.include_router(http.router(service.pool, waiting, verifier))
    health.routes(app, service.waiting_for, service.loops)
    metrics.mount(app, SERVICE)
    return app


class _Service:
    """The parts, how they are joined, and their order of start."""

    def __init__(self, settings: Settings, now: Callable[[], datetime]) -> None:
        self.waiting_for, self.loops = health.Health(), Loops()
        self.pool = make_pool(settings.database_url, min_size=2, max_size=12)
        self._settings = settings
        self._now = now
        self._producer = Producer(settings)
        self._outbox = Outbox(self.pool, self._producer)
        self._calls = _Calls(settings)
        self._feed = Feed(self._calls.tickets)
        self.project = Project(self.pool, store, self._outbox, self._feed)

    async def begin(self) -> None:
        """Wait for what is needed, for ever; then fold."""
        await _until(self._database_answers, TRANSIENT)
        self.waiting_for.arrived("postgres")
        key = await _until(self._own_key, (*TRANSIENT_ANYWHERE, SecretsRefusedError))
        self.waiting_for.arrived("secrets")
        await self._producer.start()
        self.waiting_for.arrived("kafka")
        follower = self._join(ParkedEvents(self.pool, Sealer(key), SERVICE))
        await self.loops.start()
        await follower.ready.wait()
        self.waiting_for.arrived("feed")

    async def end(self) -> None:
        """In the order in which one needs the other."""
        await self.loops.stop()
        await self._producer.stop()
        await self._calls.close()
        await self.pool.close()

    def _join(self, parking: ParkedEvents) -> Follower:
        taking = Taking(self.project, Held(parking, self.project))
        lease = Lease(self.pool, "feed", self._settings.instance, _LEASE_SECONDS)
        catching_up = CatchingUp(self.pool, self.project, taking, self._feed, lease, self._now)
        follower = Follower(self._settings, self.pool, taking, catching_up)
        add, wake = self.loops.add, self._outbox.wake
        add("outbox", self._outbox.drain, interval_seconds=1.0, wake=wake)
        add("follow", follower.run, interval_seconds=0.1)
        add("parked", parking.retry_due, interval_seconds=1.0)
        return follower

    async def _own_key(self) -> bytes:
        return await own_key(self._calls.directory)

    async def _database_answers(self) -> None:
        await self.pool.open()
        async with self.pool.connection() as conn:
            await store.places(conn)


async def _until(call: Callable[[], Awaitable[T]], away: tuple[type[Exception], ...]) -> T:
    while True:
        try:
            return await call()
        except away:
            await asyncio.sleep(_BACKOFF_SECONDS)


class _Calls:
    """Who is called over HTTP; the session belongs to the running loop."""

    def __init__(self, settings: Settings) -> None:
        signer = TokenSigner(SERVICE, settings.keys_dir)
        self.tickets = InternalClient(signer, "tickets", settings.tickets_urls, self._opened)
        self.directory = InternalClient(signer, "directory", settings.directory_urls, self._opened)
        self._session: aiohttp.ClientSession | None = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    async def close(self) -> None:
        """Close what was opened."""
        if self._session is not None:
            await self._session.close()
