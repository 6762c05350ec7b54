"""What projections is made of."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Final

from fastapi import FastAPI

from services.projections.adapters import http
from services.projections.adapters.consumer_groups import group_of
from services.projections.adapters.feed import Feed
from services.projections.adapters.kafka import Follower
from services.projections.adapters.model_builder import ModelBuilder
from services.projections.adapters.model_supervisor import FollowedModel, ModelSupervisor
from services.projections.adapters.parked import KeyParking
from services.projections.adapters.read_your_writes import ReadYourWrites
from services.projections.adapters.secrets import SecretsRefusedError, own_key
from services.projections.handlers.batch_processor import BatchProcessor
from services.projections.handlers.catch_up import CatchUp
from services.projections.handlers.project import Project
from services.projections.read_models import READ_MODELS, ReadModels
from services.projections.settings import Settings
from services.projections.storage import models as catalog
from services.projections.storage import schemas
from shared.contracts.problems import PROBLEMS
from shared.plumbing import health, metrics, tasks
from shared.plumbing.database_clock import ASK_SECONDS, DatabaseClock
from shared.plumbing.http import InternalClients
from shared.plumbing.kafka import Producer
from shared.plumbing.loops import Heartbeat, Lease, Loops
from shared.plumbing.outbox import Outbox
from shared.plumbing.parked_versions import ParkedVersions
from shared.plumbing.postgres import STARTING, make_pool
from shared.plumbing.problems import install_problems
from shared.plumbing.sealing import Sealer
from shared.plumbing.startup import until_done
from shared.plumbing.tokens import TokenSigner, TokenVerifier
from shared.plumbing.transient import TRANSIENT_ANYWHERE

SERVICE: Final = "projections"
_LEASE_SECONDS: Final = 30.0


def build_app(
    settings: Settings,
    *,
    now: Callable[[], datetime] | None = None,
    read_models: ReadModels = READ_MODELS,
) -> FastAPI:
    """The whole service; without `now` the time is the database's."""
    service = _Service(settings, now, read_models)

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
    waiting = ReadYourWrites(service.pool, service.moved, settings.wait_seconds)
    verifier = TokenVerifier(SERVICE, settings.keys_dir, now=service.now)
    app.include_router(http.router(service.pool, waiting, verifier))
    health.routes(app, service.waiting_for, service.loops)
    metrics.mount(app, SERVICE)
    return app


class _Service:
    """The parts, how they are joined, and their order of start."""

    def __init__(
        self, settings: Settings, now: Callable[[], datetime] | None, read_models: ReadModels
    ) -> None:
        self.waiting_for, self.loops = health.Health(), Loops()
        self.pool = make_pool(settings.database_url, min_size=2, max_size=12)
        self._clock = DatabaseClock(self.pool)
        self.now = now or self._clock.now
        self.moved = asyncio.Condition()  # notified when something was folded
        self._settings = settings
        self._read_models = read_models
        self._producer = Producer(settings)
        self._outbox = Outbox(self.pool, self._producer)
        self._calls = InternalClients(TokenSigner(SERVICE, settings.keys_dir, now=self.now))
        self._directory = self._calls.to("directory", settings.directory_urls)
        self._supervisor: ModelSupervisor | None = None
        self._feed = Feed(self._calls.to("tickets", settings.tickets_urls), self.now)

    async def begin(self) -> None:
        """Wait for what is needed, for ever; then fold."""
        await until_done("postgres", self._database_answers, STARTING)
        self.waiting_for.arrived("postgres")
        away = (*TRANSIENT_ANYWHERE, SecretsRefusedError)
        key = await until_done("secrets", self._own_key, away)
        self.waiting_for.arrived("secrets")
        await self._producer.start()
        self.waiting_for.arrived("kafka")
        sealer, form = Sealer(key), schemas.form(self._read_models)
        supervisor = ModelSupervisor(self.pool, form, partial(self._join, sealer))
        builder = ModelBuilder(
            self._settings.database_url,
            self._settings.instance,
            self._feed,
            sealer,
            self._outbox,
            self._read_models,
        )
        self.loops.add("clock", self._clock.ask, interval_seconds=ASK_SECONDS)
        self.loops.add("outbox", self._outbox.drain, interval_seconds=1.0, wake=self._outbox.wake)
        self.loops.add("models", supervisor.look, interval_seconds=0.5)
        self.loops.add("form", builder.look, interval_seconds=0.5)
        self._supervisor = supervisor
        await self.loops.start()
        await supervisor.live_ready.wait()
        self.waiting_for.arrived("feed")

    async def end(self) -> None:
        """In the order in which one needs the other."""
        await self.loops.stop()
        if self._supervisor is not None:
            await self._supervisor.end()
        await self._producer.stop()
        await self._calls.close()
        await self.pool.close()

    def _join(self, sealer: Sealer, number: int) -> FollowedModel:
        """The parts that keep one model up to date."""
        url = schemas.address(self._settings.database_url, number)
        pool = make_pool(url, min_size=1, max_size=6)
        project = Project(
            pool, self._outbox, self._feed, moved=self.moved, read_models=self._read_models
        )
        parking = ParkedVersions(pool, sealer, SERVICE)
        processor = BatchProcessor(project, KeyParking(parking, project))
        lease = Lease(pool, f"feed of model {number}", self._settings.instance, _LEASE_SECONDS)
        catch_up = CatchUp(pool, project, processor, self._feed, lease)
        group = group_of(self._settings, number)
        follower = Follower(self._settings, group, pool, processor, catch_up)
        loops = Loops()
        loops.add(f"follow model {number}", follower.run, interval_seconds=0.1)
        loops.add(f"parked of model {number}", parking.retry_due, interval_seconds=1.0)
        return FollowedModel(pool, loops, follower, parking)

    async def _own_key(self) -> bytes:
        return await own_key(self._directory)

    async def _database_answers(self) -> None:
        await self.pool.open()
        async with self.pool.connection() as conn:
            await catalog.models(conn)
        await self._clock.ask(Heartbeat())
