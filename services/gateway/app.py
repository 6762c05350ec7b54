"""What the gateway is made of."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

import uuid_utils.compat as uuid_utils
from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from services.gateway.adapters.access_tokens import AccessTokens
from services.gateway.adapters.changes import Changes
from services.gateway.adapters.counting import Counting
from services.gateway.adapters.directory import Book
from services.gateway.adapters.http import contacts, live, problems, sessions, views
from services.gateway.adapters.http.body_cap import BodyCap
from services.gateway.adapters.http.signed_in import person_dependency
from services.gateway.adapters.http.tickets import TicketRoutes
from services.gateway.adapters.services import Directory, Projections, Tickets
from services.gateway.domain.cards import Names
from services.gateway.settings import Settings
from shared.contracts.topics import DIRECTORY_EVENTS, INBOX_CHANGES
from shared.plumbing import clock, health, metrics, tasks
from shared.plumbing.compacted import CompactedReader
from shared.plumbing.http import InternalClients
from shared.plumbing.loops import Loops
from shared.plumbing.tokens import TokenSigner

SERVICE: Final = "gateway"


def build_app(
    settings: Settings,
    *,
    now: Callable[[], datetime] = clock.now,
    new_id: Callable[[], UUID] = uuid_utils.uuid7,
) -> FastAPI:
    """The whole service."""
    waiting, loops, book = health.Health(), Loops(), Book()
    changes = Changes(settings.ring_changes)
    calls = InternalClients(TokenSigner(SERVICE, settings.keys_dir), connections=200)
    projections = Projections(calls.to("projections", settings.projections_urls))
    tokens = AccessTokens(settings.keys_dir, settings.access_life, now)
    names = Names(book.name_of, book.number_of)
    signed_in = person_dependency(tokens, book, lambda: not waiting.waits_for)
    counting = Counting(projections, settings.counts_pause_seconds)
    screens = live.Live(changes, counting, book, names, settings.queue_changes)
    book.on_rights_changed = screens.rights_changed
    readers = {
        "directory": CompactedReader(settings, DIRECTORY_EVENTS.name, book.on_message),
        "changes": CompactedReader(settings, INBOX_CHANGES.name, changes.on_message),
    }
    for name, reader in readers.items():
        loops.add(name, reader.run, interval_seconds=1.0)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        for name in readers:
            waiting.waiting_for(name)
        await loops.start()
        arriving = [
            asyncio.create_task(_arrive(waiting, name, reader)) for name, reader in readers.items()
        ]
        try:
            yield
        finally:
            await tasks.end(*arriving)
            await loops.stop()
            await calls.close()

    app = FastAPIOffline(title="Guichê", version="1", lifespan=lifespan)
    app.add_middleware(CorrelationIdMiddleware)
    app.add_middleware(BodyCap, most=settings.body_bytes)
    problems.install(app, names)
    directory = Directory(calls.to("directory", settings.directory_urls))
    app.include_router(
        sessions.router(directory, tokens, names, signed_in, settings.logins_per_minute)
    )
    cursor_key = tokens.cursor_key()
    app.include_router(views.router(projections, names, signed_in, cursor_key))
    app.include_router(contacts.router(projections, names, signed_in, cursor_key))
    tickets = Tickets(calls.to("tickets", settings.tickets_urls))
    routes = TicketRoutes(tickets, projections, names, signed_in, cursor_key, new_id)
    app.include_router(routes.router())
    app.include_router(live.router(screens, signed_in))
    health.routes(app, waiting, loops)
    metrics.mount(app, SERVICE)
    return app


async def _arrive(waiting: health.Health, name: str, reader: CompactedReader) -> None:
    await reader.ready.wait()
    waiting.arrived(name)
