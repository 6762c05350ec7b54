"""What outbound is made of."""

import asyncio
import random
from contextlib import suppress
from functools import partial
from typing import Final
from uuid import UUID

from fastapi import FastAPI
from uuid_utils.compat import uuid7

from services.outbound.adapters import kafka
from services.outbound.adapters.directory import NumberTable
from services.outbound.adapters.gauges import Gauges
from services.outbound.adapters.graph import GraphApi, open_session
from services.outbound.adapters.hashes import Hashes
from services.outbound.adapters.media_parts import MediaParts
from services.outbound.adapters.store import PostgresStore
from services.outbound.domain.pace import number_rate
from services.outbound.handlers.outcomes import Recorder
from services.outbound.handlers.recover import Recover
from services.outbound.handlers.retention import Forget
from services.outbound.handlers.send import Limits, Send
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
        _start_sending(service, settings, store, numbers, hashes, wake, session)
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


def _start_sending(
    service: Service,
    settings: Settings,
    store: PostgresStore,
    numbers: NumberTable,
    hashes: Hashes,
    wake: asyncio.Event,
    session: UUID,
) -> None:
    http = open_session(connections=settings.in_flight)
    graph = GraphApi(http, timeout_seconds=settings.timeout_seconds)
    limits = Limits(settings.in_flight, settings.window_margin)
    rate, now = number_rate(settings.messages_per_second), service.now
    recorder = Recorder(store, hashes, now=now, jitter=random.random, recorded=wake.set)
    send = Send(
        store, graph, numbers, hashes, recorder, rate, session=session, limits=limits, now=now
    )

    async def finish() -> None:
        await send.finish(settings.timeout_seconds + 1.0)
        with suppress(Exception):  # the database is away: they will be unknown
            await recorder.record(Heartbeat())
        await http.close()

    service.at_stop(finish)
    service.loop("send", send.turn, settings.poll_seconds, wake=wake)
    service.loop("record", recorder.record, wake=recorder.wake)
