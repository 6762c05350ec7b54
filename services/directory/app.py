"""What directory is made of."""

import asyncio
import os
import secrets as random_secrets
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

import uuid_utils.compat as uuid_utils
from fastapi import FastAPI

from services.directory.adapters import entities_http, http, seed_file
from services.directory.handlers.entities import EntityHandler
from services.directory.handlers.secrets import Secrets
from services.directory.handlers.seed import SeedHandler
from services.directory.handlers.sessions import Sessions
from services.directory.settings import Settings
from services.directory.storage.vault import Vault, master_key
from shared.contracts.problems import PROBLEMS
from shared.plumbing import health, logs, metrics, tasks
from shared.plumbing.arriving import until_done
from shared.plumbing.database_clock import ASK_SECONDS, DatabaseClock
from shared.plumbing.kafka import Producer
from shared.plumbing.loops import Heartbeat, Loops
from shared.plumbing.outbox import Outbox
from shared.plumbing.postgres import STARTING, TRANSIENT, Pool, make_pool
from shared.plumbing.problems import install_problems
from shared.plumbing.tokens import TokenVerifier

SERVICE: Final = "directory"

_log = logs.get(__name__)


def build_app(
    settings: Settings,
    *,
    variables: Mapping[str, str] = os.environ,
    now: Callable[[], datetime] | None = None,
    new_id: Callable[[], UUID] = uuid_utils.uuid7,
) -> FastAPI:
    """The whole service; without `now` the time is the database's."""
    waiting, loops = health.Health(), Loops()
    pool = make_pool(settings.database_url, min_size=1, max_size=8)
    database_clock = DatabaseClock(pool)
    now = now or database_clock.now
    producer = Producer(settings)
    outbox = Outbox(pool, producer)
    vault = Vault(master_key(settings.keys_dir))
    seeds = SeedHandler(pool, outbox, vault)
    sessions = Sessions(
        pool,
        now=now,
        new_id=new_id,
        new_token=lambda: random_secrets.token_urlsafe(32),
        life=settings.refresh_life,
    )
    loops.add("clock", database_clock.ask, interval_seconds=ASK_SECONDS)
    loops.add("outbox", outbox.drain, interval_seconds=1.0, wake=outbox.wake)

    async def arrive() -> None:
        await until_done("postgres", partial(_open, pool, database_clock), STARTING)
        waiting.arrived("postgres")
        if settings.seed is not None:
            seed = seed_file.read(settings.seed, variables)
            changed = await until_done("postgres", lambda: seeds.apply(seed, now()), TRANSIENT)
            _log.info("seeded", count=changed)
        waiting.arrived("seed")
        await producer.start()
        waiting.arrived("kafka")
        await loops.start()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        for name in ("postgres", "seed", "kafka"):
            waiting.waiting_for(name)
        arriving = asyncio.create_task(arrive())
        try:
            yield
        finally:
            await tasks.end(arriving)
            await loops.stop()
            await producer.stop()
            await pool.close()

    app = FastAPI(title=SERVICE, lifespan=lifespan, openapi_url=None)
    install_problems(app, PROBLEMS)
    entities_http.install_refusals(app)
    app.include_router(
        http.router(
            sessions,
            Secrets(pool, vault),
            EntityHandler(pool, outbox, now),
            TokenVerifier(SERVICE, settings.keys_dir, now=now),
            seeded=lambda: "seed" not in waiting.waits_for,
        )
    )
    health.routes(app, waiting, loops)
    metrics.mount(app, SERVICE)
    return app


async def _open(pool: Pool, database_clock: DatabaseClock) -> None:
    await pool.open()
    async with pool.connection() as conn:
        await conn.execute("SELECT 1 FROM entity LIMIT 1")
    await database_clock.ask(Heartbeat())
