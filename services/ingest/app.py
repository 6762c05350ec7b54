"""What ingest is made of."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import aiohttp
import uuid_utils.compat as uuid_utils
from fastapi import FastAPI

from services.ingest.adapters import webhook
from services.ingest.adapters.backlog import Backlog
from services.ingest.adapters.directory import ConnectionBook
from services.ingest.adapters.kafka import DeadlinePublisher
from services.ingest.adapters.known import KnownByDirectory
from services.ingest.adapters.secrets import Fetch, Secrets, fetch_from
from services.ingest.handlers.accept import Accept
from services.ingest.settings import Settings
from shared.contracts.problems import PROBLEMS
from shared.contracts.topics import DIRECTORY_EVENTS
from shared.plumbing import clock, health, metrics, tasks
from shared.plumbing.compacted import CompactedReader
from shared.plumbing.http import Answer, InternalClient
from shared.plumbing.kafka import Producer
from shared.plumbing.loops import Loops
from shared.plumbing.problems import install_problems
from shared.plumbing.tokens import TokenSigner

SERVICE = "ingest"


def build_app(
    settings: Settings,
    *,
    fetch_secrets: Fetch | None = None,
    now: Callable[[], datetime] = clock.now,
    new_id: Callable[[], UUID] = uuid_utils.uuid7,
) -> FastAPI:
    """The whole service; `fetch_secrets` stands in for directory's internal API."""
    waiting, loops, internal = health.Health(), Loops(), _Internal(settings)
    book = ConnectionBook()
    secrets = Secrets(fetch_secrets or internal.fetch, lambda: waiting.arrived("secrets"))
    producer = Producer(settings, deadline_seconds=settings.publish_deadline_seconds)
    publisher = DeadlinePublisher(
        producer,
        deadline_seconds=settings.publish_deadline_seconds,
        at_once=settings.posts_at_once,
    )
    reader = CompactedReader(settings, DIRECTORY_EVENTS.name, book.on_message)
    backlog = Backlog(settings, now=now)
    accept = Accept(KnownByDirectory(secrets, book), publisher, now=now, new_id=new_id)

    def refusing() -> str | None:
        if waiting.waits_for:
            return "not_ready"
        return "unavailable" if backlog.too_old or publisher.full else None

    loops.add(
        "secrets",
        secrets.refresh,
        interval_seconds=settings.secrets_interval_seconds,
        wake=secrets.wanted,
    )
    loops.add("directory", reader.run, interval_seconds=1.0)
    loops.add("backlog", backlog.look, interval_seconds=settings.backlog_interval_seconds)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        for name in ("secrets", "directory", "kafka"):
            waiting.waiting_for(name)
        await loops.start()
        arrivals = asyncio.create_task(_arrivals(waiting, reader, producer))
        try:
            yield
        finally:
            await tasks.end(arrivals)
            await loops.stop()
            await producer.stop()
            await internal.close()

    app = FastAPI(title=SERVICE, lifespan=lifespan, openapi_url=None)
    install_problems(app, PROBLEMS)
    webhook.routes(app, accept, secrets, refusing)
    health.routes(app, waiting, loops)
    metrics.mount(app, SERVICE)
    return app


async def _arrivals(waiting: health.Health, reader: CompactedReader, producer: Producer) -> None:
    await reader.ready.wait()
    waiting.arrived("directory")
    await producer.start()
    waiting.arrived("kafka")


class _Internal:
    """directory over HTTP; the session belongs to the running loop, so it is made on first use."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None
        self._fetch: Fetch | None = None

    async def fetch(self) -> Answer:
        """The answer of GET /internal/secrets."""
        if self._fetch is None:
            signer = TokenSigner(SERVICE, self._settings.keys_dir)
            urls = self._settings.directory_urls
            self._fetch = fetch_from(InternalClient(signer, "directory", urls, self._opened))
        return await self._fetch()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    async def close(self) -> None:
        """Close what was opened."""
        if self._session is not None:
            await self._session.close()
