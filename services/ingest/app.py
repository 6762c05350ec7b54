"""What ingest is made of."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import uuid_utils.compat as uuid_utils
from fastapi import FastAPI

from services.ingest.adapters import webhook
from services.ingest.adapters.backlog import Backlog
from services.ingest.adapters.directory import Directory
from services.ingest.adapters.kafka import DeadlinePublisher
from services.ingest.handlers.accept import Accept
from services.ingest.settings import Settings
from shared.contracts.problems import PROBLEMS
from shared.contracts.topics import DIRECTORY_EVENTS
from shared.plumbing import clock
from shared.plumbing.problems import install_problems
from shared.plumbing.secrets_client import Fetch
from shared.plumbing.service import Service

SERVICE = "ingest"


def build_app(
    settings: Settings,
    *,
    fetch_secrets: Fetch | None = None,
    now: Callable[[], datetime] = clock.now,
    new_id: Callable[[], UUID] = uuid_utils.uuid7,
) -> FastAPI:
    """The whole service; `fetch_secrets` stands in for directory's internal API."""
    service = Service(
        SERVICE,
        settings,
        waits_for=("secrets", "directory", "kafka"),
        now=now,
        publish_deadline_seconds=settings.publish_deadline_seconds,
    )
    secrets = service.secrets(fetch_secrets, interval_seconds=settings.secrets_interval_seconds)
    directory = Directory(secrets)
    reader = service.reader("directory", DIRECTORY_EVENTS.name, directory.on_message)
    backlog = Backlog(settings, now=now)
    service.loop("backlog", backlog.look, settings.backlog_interval_seconds)
    publisher = DeadlinePublisher(
        service.producer,
        deadline_seconds=settings.publish_deadline_seconds,
        at_once=settings.posts_at_once,
    )

    async def start() -> None:
        await service.arrival("secrets", secrets.ready)
        await service.arrival("directory", reader.ready)
        await service.connect_producer()

    def refusal() -> str | None:
        if service.health.waits_for:
            return "not_ready"
        return "unavailable" if backlog.too_old or publisher.full else None

    app = service.app(start)
    install_problems(app, PROBLEMS)
    accept = Accept(directory, publisher, now=now, new_id=new_id)
    webhook.routes(app, accept, directory, refusal)
    return app
