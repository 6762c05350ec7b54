"""What tickets is made of."""

import asyncio
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID

import aiohttp
import uuid_utils.compat as uuid_utils
from fastapi import FastAPI

from services.tickets.adapters import http, kafka, media_keys
from services.tickets.adapters.directory import DirectoryTable
from services.tickets.adapters.feed import Feed
from services.tickets.adapters.positions import Epoch, RelayPosition
from services.tickets.adapters.relay import LEASE, Relay, RelayLag
from services.tickets.adapters.secrets import Fetch, Secrets, fetch_from
from services.tickets.adapters.timer_poller import TimerPoller
from services.tickets.handlers.commands import CommandHandler
from services.tickets.handlers.contact_resolution import ContactResolver
from services.tickets.handlers.episodes import Episodes
from services.tickets.handlers.execution import CommandExecutor
from services.tickets.handlers.flow_commands import FlowCommandHandler
from services.tickets.handlers.inbound import InboundHandler
from services.tickets.handlers.inbound_source import InboundTools
from services.tickets.handlers.protocol_numbers import ProtocolNumbers
from services.tickets.handlers.timers import TimerHandler
from services.tickets.settings import Settings
from services.tickets.storage.database import Database
from services.tickets.storage.outcomes import forget_old
from services.tickets.storage.snapshots import Snapshots
from services.tickets.storage.state_cache import StateCache, save_grown
from services.tickets.storage.timers import TimerTable
from shared.contracts.problems import PROBLEMS
from shared.contracts.topics import DIRECTORY_EVENTS
from shared.plumbing import health, logs, metrics, tasks
from shared.plumbing.compacted import CompactedReader
from shared.plumbing.database_clock import ASK_SECONDS, DatabaseClock
from shared.plumbing.http import Answer, InternalClient
from shared.plumbing.kafka import Producer, make_broker, start_when_ready, watch
from shared.plumbing.loops import Heartbeat, Lease, Loops
from shared.plumbing.parking import Parking
from shared.plumbing.postgres import TRANSIENT
from shared.plumbing.problems import install_problems
from shared.plumbing.sealing import Sealer
from shared.plumbing.tokens import TokenSigner, TokenVerifier

SERVICE = "tickets"
_log = logs.get(__name__)


class _Service:
    """The parts, how they are joined, and their order of start."""

    def __init__(
        self,
        settings: Settings,
        fetch_secrets: Fetch | None,
        given_now: Callable[[], datetime] | None,
        new_id: Callable[[], UUID],
    ) -> None:
        self.settings, self._given_now = settings, given_now
        self.waiting, self.loops = health.Health(), Loops()
        self.internal = _Internal(settings, self.now)
        self.secrets = Secrets(fetch_secrets or self.internal.fetch)
        self.book = DirectoryTable()
        self.reader = CompactedReader(settings, DIRECTORY_EVENTS.name, self.book.on_message)
        stored = asyncio.Event()
        self.database = Database(
            settings.database_url, self.secrets.wrapping_key, lambda _: stored.set()
        )
        self.store = self.database.store
        self.clock = DatabaseClock(self.database.pool)
        self.producer = Producer(settings)
        self.position = RelayPosition(self.database.pool)
        self.relay = Relay(
            self.store,
            self.producer,
            self.position,
            Lease(self.database.pool, LEASE, settings.instance, settings.relay_lease_seconds),
            wake=stored,
            lease_seconds=settings.relay_lease_seconds,
            poll_seconds=settings.relay_poll_seconds,
        )
        snapshots = Snapshots(self.database.pool, self.database.keys)
        cache = StateCache(self.store, settings.warm_streams, snapshots)
        self.save_snapshots = save_grown(cache, snapshots)
        silence = timedelta(seconds=settings.bot_silence_seconds)
        executor = CommandExecutor(self.store, cache, self.now, silence)
        self.commands = CommandHandler(executor, self.book)
        self.flow_commands = FlowCommandHandler(executor, self.book)
        table = TimerTable(self.database.pool, settings.timers_lease_seconds)
        self.timer_failures = table.failures
        timers = TimerHandler(executor, self.book, table)
        self.timers = TimerPoller(table, timers, self.can_judge)
        contacts = ContactResolver(self.store, self.secrets, new_id)
        tools = InboundTools(executor, contacts, self.secrets)
        episodes = Episodes(executor, ProtocolNumbers(self.store, new_id), new_id)
        self.arrivals = InboundHandler(tools, self.book, episodes)
        self.broker = make_broker(settings, SERVICE)
        self.parking: Parking | None = None

    def now(self) -> datetime:
        """This instant: the database's, unless another was given."""
        return self.clock.now() if self._given_now is None else self._given_now()

    def add_loops(self) -> None:
        """Everything that never ends."""
        settings, add = self.settings, self.loops.add
        lag = RelayLag(self.store, self.position, self.now)
        add("clock", self.clock.ask, interval_seconds=ASK_SECONDS)
        add(
            "secrets",
            self.secrets.refresh,
            interval_seconds=settings.secrets_interval_seconds,
            wake=self.secrets.wanted,
        )
        add("directory", self.reader.run, interval_seconds=1.0)
        add("store-writer", self.database.writer.watch, interval_seconds=1.0)
        add("relay", self.relay.run, interval_seconds=1.0)
        add("relay-lag", lag.measure, interval_seconds=2.0)
        add("snapshots", self.save_snapshots, interval_seconds=5.0)
        add("consumers", watch(self.broker), interval_seconds=1.0)
        add("parked", self._retry_parked, interval_seconds=1.0)
        add("timers", self.timers.run, interval_seconds=settings.timers_poll_seconds)
        add("timer-failures", self.timer_failures.measure, interval_seconds=5.0)
        add(
            "outcomes",
            forget_old(self.database.pool),
            interval_seconds=settings.outcomes_interval_seconds,
        )

    async def begin(self) -> None:
        """Start, or end the process: on a cluster of another shape it must not run."""
        try:
            await self._begin()
        except Exception:
            _log.exception("cannot run")
            signal.raise_signal(signal.SIGTERM)
            raise

    async def _begin(self) -> None:
        """Wait for what is needed, for ever; then consume."""
        await self.secrets.ready.wait()
        self.waiting.arrived("secrets")
        await self.reader.ready.wait()
        self.waiting.arrived("directory")
        await self._database_answers()
        self.waiting.arrived("database")
        await self.producer.start()
        self.parking = Parking(self.database.pool, Sealer(self.secrets.own_key), SERVICE)
        kafka.subscriptions(
            self.broker,
            self.settings,
            self.arrivals,
            self.flow_commands,
            self.producer,
            self.parking,
        )
        await start_when_ready(self.broker, self.waiting)

    async def _database_answers(self) -> None:
        while True:
            try:
                await self.store.epoch()
            except TRANSIENT:
                await asyncio.sleep(0.5)
            else:
                return

    async def _retry_parked(self, beat: Heartbeat) -> None:
        if self.parking is not None:
            await self.parking.retry_due(beat)

    def can_judge(self) -> bool:
        """Whether commands can be decided: by the directory, with the secrets, at this instant."""
        return self.secrets.ready.is_set() and self.reader.ready.is_set() and self.clock.known

    async def end(self) -> None:
        """In the order in which one needs the other."""
        await self.broker.stop()
        await self.loops.stop()
        await self.producer.stop()
        await self.database.close()
        await self.internal.close()


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
    service = _Service(settings, fetch_secrets, now, new_id)
    service.add_loops()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        for name in ("secrets", "directory", "database", "kafka"):
            service.waiting.waiting_for(name)
        await service.database.open()
        await service.loops.start()
        beginning = asyncio.create_task(service.begin())
        try:
            yield
        finally:
            await tasks.end(beginning)
            await service.end()

    app = FastAPI(title=SERVICE, lifespan=lifespan, openapi_url=None)
    install_problems(app, PROBLEMS)
    verifier = TokenVerifier(SERVICE, settings.keys_dir, now=service.now)
    epoch = Epoch(service.store)
    app.include_router(http.commands(service.commands, epoch, verifier, service.can_judge))
    app.include_router(http.feeding(Feed(service.store), verifier))
    app.include_router(media_keys.router(service.database.keys, verifier))
    health.routes(app, service.waiting, service.loops)
    metrics.mount(app, SERVICE)
    return app


class _Internal:
    """directory over HTTP; the session belongs to the running loop, so it is made on first use."""

    def __init__(self, settings: Settings, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now
        self._session: aiohttp.ClientSession | None = None
        self._fetch: Fetch | None = None

    async def fetch(self) -> Answer:
        """The answer of GET /internal/secrets."""
        if self._fetch is None:
            signer = TokenSigner(SERVICE, self._settings.keys_dir, now=self._now)
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
