"""What projections is made of."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

from fastapi import FastAPI

from services.projections.adapters import http
from services.projections.adapters.feed import Feed
from services.projections.adapters.followed_model import Following, follow
from services.projections.adapters.model_builder import ModelBuilder
from services.projections.adapters.model_supervisor import ModelSupervisor
from services.projections.adapters.read_your_writes import ReadYourWrites
from services.projections.read_models import READ_MODELS, ReadModels
from services.projections.settings import Settings
from services.projections.storage import schemas
from shared.contracts.problems import PROBLEMS
from shared.plumbing.database import Database
from shared.plumbing.feed import FeedClient
from shared.plumbing.outbox import Outbox
from shared.plumbing.problems import install_problems
from shared.plumbing.sealing import Sealer
from shared.plumbing.service import Service
from shared.plumbing.tokens import TokenVerifier

SERVICE: Final = "projections"
_SECRETS_SECONDS: Final = 60.0


def build_app(
    settings: Settings,
    *,
    now: Callable[[], datetime] | None = None,
    read_models: ReadModels = READ_MODELS,
) -> FastAPI:
    """The whole service; without `now` the time is the database's."""
    database = Database(settings.database_url, "SELECT 1 FROM pointer", min_size=2, max_size=12)
    waits_for = ("postgres", "secrets", "kafka", "feed")
    service = Service(SERVICE, settings, waits_for=waits_for, database=database, now=now)
    secrets = service.secrets(interval_seconds=_SECRETS_SECONDS)
    tickets = service.calls.to("tickets", settings.tickets_urls)
    feed = Feed(FeedClient(tickets, SERVICE, now=service.now))
    outbox = Outbox(database.pool, service.producer)
    moved = asyncio.Condition()  # notified when something was folded
    form = schemas.form(read_models)

    async def start() -> None:
        """Wait for what is needed; then follow every model of this program's form."""
        await service.open_database()
        await service.arrival("secrets", secrets.ready)
        await service.connect_producer()
        sealer = Sealer(secrets.own_key)
        following = Following(settings, sealer, feed, outbox, moved, read_models)
        supervisor = ModelSupervisor(database.pool, form, partial(follow, following))
        builder = ModelBuilder(
            settings.database_url, settings.instance, feed, sealer, outbox, read_models
        )
        service.at_stop(supervisor.end)
        service.loop("outbox", outbox.drain, wake=outbox.wake)
        service.loop("models", supervisor.look, 0.5)
        service.loop("form", builder.look, 0.5)
        await service.arrival("feed", supervisor.live_ready)

    app = service.app(start)
    install_problems(app, PROBLEMS)
    waiting = ReadYourWrites(database.pool, moved, settings.wait_seconds)
    verifier = TokenVerifier(SERVICE, settings.keys_dir, now=service.now)
    app.include_router(http.router(database.pool, waiting, verifier))
    return app
