"""What the gateway is made of."""

from collections.abc import Callable
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
from services.gateway.adapters.directory import DirectoryTable
from services.gateway.adapters.entities import Entities
from services.gateway.adapters.http import (
    contacts,
    live,
    media,
    openapi,
    problems,
    sessions,
    views,
)
from services.gateway.adapters.http.body_cap import BodyCap
from services.gateway.adapters.http.entities import EntityRoutes
from services.gateway.adapters.http.signed_in import person_dependency
from services.gateway.adapters.http.tickets import TicketRoutes
from services.gateway.adapters.media import Media
from services.gateway.adapters.services import Directory, Projections, Tickets
from services.gateway.domain.cards import Names
from services.gateway.settings import Settings
from shared.contracts.topics import DIRECTORY_EVENTS, INBOX_CHANGES
from shared.plumbing import clock
from shared.plumbing.service import Service

SERVICE: Final = "gateway"


def build_app(
    settings: Settings,
    *,
    now: Callable[[], datetime] = clock.now,
    new_id: Callable[[], UUID] = uuid_utils.uuid7,
) -> FastAPI:
    """The whole service."""
    waits_for = ("directory", "changes")
    service = Service(SERVICE, settings, waits_for=waits_for, now=now, http_connections=200)
    table, changes = DirectoryTable(), Changes(settings.ring_changes)
    readers = {
        "directory": service.reader("directory", DIRECTORY_EVENTS.name, table.on_message),
        "changes": service.reader("changes", INBOX_CHANGES.name, changes.on_message),
    }
    projections = Projections(service.calls.to("projections", settings.projections_urls))
    tokens = AccessTokens(settings.keys_dir, settings.access_life, now)
    names = Names(table.name_of, table.number_of)
    signed_in = person_dependency(tokens, table, lambda: not service.health.waits_for)
    counting = Counting(projections, settings.counts_pause_seconds)
    screens = live.Live(changes, counting, table, names, settings.queue_changes)
    table.on_rights_changed = screens.rights_changed

    async def start() -> None:
        for name, reader in readers.items():
            await service.arrival(name, reader.ready)

    app = FastAPIOffline(title="Guichê", version="1", lifespan=service.lifespan(start))
    app.add_middleware(CorrelationIdMiddleware)
    app.add_middleware(
        BodyCap, most=settings.body_bytes, files={media.UPLOADS: settings.upload_bytes}
    )
    problems.install(app, names)
    openapi.install(app)
    client = service.calls.to("directory", settings.directory_urls)
    directory = Directory(client)
    app.include_router(
        sessions.router(directory, tokens, names, signed_in, settings.logins_per_minute)
    )
    cursor_key = tokens.cursor_key()
    app.include_router(views.router(projections, names, signed_in, cursor_key))
    app.include_router(contacts.router(projections, names, signed_in, cursor_key))
    tickets = Tickets(service.calls.to("tickets", settings.tickets_urls))
    files = Media(service.calls.to("outbound", settings.outbound_urls))
    routes = TicketRoutes(tickets, projections, files, names, signed_in, cursor_key, new_id)
    app.include_router(routes.router())
    app.include_router(media.router(files, projections, signed_in, new_id))
    entities = EntityRoutes(Entities(client), names, signed_in, cursor_key, new_id)
    app.include_router(entities.router())
    app.include_router(live.router(screens, signed_in))
    service.mount(app)
    return app
