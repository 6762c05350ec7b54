"""What tickets is made of."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import uuid_utils.compat as uuid_utils
from fastapi import FastAPI

from services.tickets.adapters import http, kafka, media_keys
from services.tickets.adapters.directory import DirectoryTable
from services.tickets.adapters.feed import Feed
from services.tickets.adapters.positions import Epoch
from services.tickets.adapters.relay import start_relay
from services.tickets.adapters.timer_poller import start_timers
from services.tickets.handlers.commands import CommandHandler
from services.tickets.handlers.execution import CommandExecutor
from services.tickets.handlers.flow_commands import FlowCommandHandler
from services.tickets.handlers.inbound import InboundHandler
from services.tickets.settings import Settings
from services.tickets.storage.event_database import EventDatabase
from services.tickets.storage.outcomes import forget_old
from services.tickets.storage.snapshots import Snapshots
from services.tickets.storage.state_cache import StateCache, save_grown
from shared.contracts.problems import PROBLEMS
from shared.contracts.topics import DIRECTORY_EVENTS
from shared.plumbing.parking import Parking
from shared.plumbing.problems import install_problems
from shared.plumbing.sealing import Sealer
from shared.plumbing.secrets_client import Fetch
from shared.plumbing.service import Service
from shared.plumbing.tokens import TokenVerifier

SERVICE = "tickets"


def build_app(
    settings: Settings,
    *,
    fetch_secrets: Fetch | None = None,
    now: Callable[[], datetime] | None = None,
    new_id: Callable[[], UUID] = uuid_utils.uuid7,
) -> FastAPI:
    """The whole service; `fetch_secrets` stands in for directory's internal API.

    Without `now` the time is the database's.
    """
    stored = asyncio.Event()

    async def wrapping_key(account: UUID) -> bytes:
        return await secrets.wrapping_key(account)

    database = EventDatabase(settings.database_url, wrapping_key, stored)
    waits_for = ("postgres", "secrets", "directory", "kafka")
    service = Service(SERVICE, settings, waits_for=waits_for, database=database, now=now)
    secrets = service.secrets(fetch_secrets, interval_seconds=settings.secrets_interval_seconds)
    table = DirectoryTable()
    directory = service.reader("directory", DIRECTORY_EVENTS.name, table.on_message)
    store = database.store
    snapshots = Snapshots(database.pool, database.keys)
    cache = StateCache(store, settings.warm_streams, snapshots)
    silence = timedelta(seconds=settings.bot_silence_seconds)
    executor = CommandExecutor(store, cache, service.now, silence)

    def can_judge() -> bool:
        """Whether commands can be decided: by the directory, with the secrets, at this instant."""
        return secrets.ready.is_set() and directory.ready.is_set() and database.clock.known

    async def start() -> None:
        """Everything that writes events begins when the log is open."""
        await service.open_database()
        service.at_stop(database.close_writer)
        service.loop("store-writer", database.writer.watch)
        service.loop("snapshots", save_grown(cache, snapshots), 5.0)
        service.loop("outcomes", forget_old(database.pool), settings.outcomes_interval_seconds)
        start_relay(service, settings, store, database.pool, stored)
        start_timers(service, settings, database.pool, executor, table, can_judge)
        await service.arrival("secrets", secrets.ready)
        await service.arrival("directory", directory.ready)
        await service.connect_producer()
        parking = Parking(database.pool, Sealer(secrets.own_key), SERVICE)
        service.loop("parked", parking.retry_due)
        arrivals = InboundHandler(executor, table, secrets, new_id, database.unmatched)
        service.loop("unmatched", arrivals.apply_matched, 30.0)
        kafka.subscriptions(service, arrivals, FlowCommandHandler(executor, table), parking)
        await service.consume()

    app = service.app(start)
    install_problems(app, PROBLEMS)
    verifier = TokenVerifier(SERVICE, settings.keys_dir, now=service.now)
    commands = CommandHandler(executor, table)
    app.include_router(http.commands(commands, Epoch(store), verifier, can_judge))
    app.include_router(http.feeding(Feed(store), verifier))
    app.include_router(media_keys.router(database.keys, verifier))
    return app
