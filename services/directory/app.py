"""What directory is made of."""

import os
import secrets as random_secrets
from collections.abc import Callable, Mapping
from datetime import datetime
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
from shared.plumbing import logs
from shared.plumbing.database import Database
from shared.plumbing.outbox import Outbox
from shared.plumbing.postgres import TRANSIENT
from shared.plumbing.problems import install_problems
from shared.plumbing.service import Service
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
    database = Database(settings.database_url, "SELECT 1 FROM entity_history LIMIT 1", max_size=8)
    waits_for = ("postgres", "seed", "kafka")
    service = Service(SERVICE, settings, waits_for=waits_for, database=database, now=now)
    pool, outbox = database.pool, Outbox(database.pool, service.producer)
    vault = Vault(master_key(settings.keys_dir))
    seeds = SeedHandler(pool, outbox, vault)
    sessions = Sessions(
        pool,
        now=service.now,
        new_id=new_id,
        new_token=lambda: random_secrets.token_urlsafe(32),
        life=settings.refresh_life,
    )

    async def apply_seed() -> None:
        if settings.seed is not None:
            seed = seed_file.read(settings.seed, variables)
            _log.info("seeded", count=await seeds.apply(seed, service.now()))

    async def start() -> None:
        await service.open_database()
        await service.attempt("seed", apply_seed, also=TRANSIENT)
        service.loop("outbox", outbox.drain, wake=outbox.wake)
        await service.connect_producer()

    app = service.app(start)
    install_problems(app, PROBLEMS)
    entities_http.install_refusals(app)
    app.include_router(
        http.router(
            sessions,
            Secrets(pool, vault),
            EntityHandler(pool, outbox, service.now),
            TokenVerifier(SERVICE, settings.keys_dir, now=service.now),
            seeded=lambda: "seed" not in service.health.waits_for,
        )
    )
    return app
