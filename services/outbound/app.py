"""What outbound is made of."""

import asyncio
from functools import partial
from typing import Final

from fastapi import FastAPI
from uuid_utils.compat import uuid7

from services.outbound.adapters import kafka
from services.outbound.adapters.directory import NumberTable
from services.outbound.adapters.gauges import Gauges
from services.outbound.adapters.hashes import Hashes
from services.outbound.adapters.media_parts import MediaParts
from services.outbound.adapters.sending import start_sending
from services.outbound.adapters.store import PostgresStore
from services.outbound.handlers.recover import Recover
from services.outbound.handlers.retention import Forget
from services.outbound.settings import Settings
from shared.contracts.topics import DIRECTORY_EVENTS
from shared.plumbing.database import Database
from shared.plumbing.loops import Heartbeat
from shared.plumbing.outbox import Outbox
from shared.plumbing.parking import Parking
from shared.plumbing.sealing import Sealer
from shared.plumbing.secrets_client import Fetch
from shared.plumbing.service import Service

SERVICE: Final = "outbound"


def build_app(settings: Settings, *, fetch_secrets: Fetch | None = None) -> FastAPI:
    """The whole service; `fetch_secrets` stands in for directory's internal API."""
    database = Database(
        settings.database_url, "SELECT 1 FROM queue LIMIT 1", min_size=2, max_size=8
    )
    waits_for = ("postgres", "secrets", "directory", "kafka")
    service = Service(SERVICE, settings, waits_for=waits_for, database=database)
    secrets = service.secrets(fetch_secrets, interval_seconds=settings.secrets_interval_seconds)
    numbers, hashes = NumberTable(secrets), Hashes(secrets)
    directory = service.reader("directory", DIRECTORY_EVENTS.name, numbers.on_message)
    outbox = Outbox(database.pool, service.producer)
    media = MediaParts(service, settings, numbers)
    wake = asyncio.Event()  # something may be sent

    async def start() -> None:
        """Nothing is sent before the attempts of dead processes have been looked after."""
        await service.open_database()
        await service.arrival("secrets", secrets.ready)
        sealer, session = Sealer(secrets.own_key), uuid7()
        store = PostgresStore(database.pool, sealer, outbox, uuid7)
        recover = Recover(store, instance=settings.instance, session=session, now=service.now)
        look = partial(recover.look, Heartbeat())
        await service.attempt("recovery", look, also=Database.transient)
        await service.connect_producer()
        start_sending(service, settings, store, numbers, hashes, wake, session)
        media.start(store, database, sender=wake)
        parking = Parking(database.pool, sealer, SERVICE)
        kafka.subscriptions(service.broker, settings, parking, store, hashes, wake, media.wake)
        forget = Forget(store, retention=settings.retention, now=service.now)
        service.loop("recover", recover.look, 5.0)
        service.loop("outbox", outbox.drain, wake=outbox.wake)
        service.loop("parked", parking.retry_due)
        service.loop("gauges", Gauges(database.pool).measure, 5.0)
        service.loop("forget", forget.turn, 60.0)
        await service.arrival("directory", directory.ready)
        await service.consume()

    return media.mount(service.app(start))
