"""The loops that send: put together for one session of a process."""

import asyncio
import random
from contextlib import suppress
from uuid import UUID

from services.outbound.adapters.directory import NumberTable
from services.outbound.adapters.graph import GraphApi, open_session
from services.outbound.adapters.hashes import Hashes
from services.outbound.adapters.store import PostgresStore
from services.outbound.domain.pace import number_rate
from services.outbound.handlers.outcomes import Recorder
from services.outbound.handlers.send import Limits, Send
from services.outbound.settings import Settings
from shared.plumbing.loops import Heartbeat
from shared.plumbing.service import Service


def start_sending(
    service: Service,
    settings: Settings,
    store: PostgresStore,
    numbers: NumberTable,
    hashes: Hashes,
    wake: asyncio.Event,
    session: UUID,
) -> None:
    """Add the loops that send and record outcomes; what is in flight is finished at the end."""
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
