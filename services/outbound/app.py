"""What outbound is made of."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import aiohttp
import uuid_utils.compat as uuid_utils
from fastapi import FastAPI

from services.outbound.adapters.directory import NumberBook
from services.outbound.adapters.gauges import Gauges
from services.outbound.adapters.graph import GraphApi, open_session
from services.outbound.adapters.kafka import consumers
from services.outbound.adapters.secrets import Fetch, Secrets, fetch_from
from services.outbound.adapters.store import PostgresStore
from services.outbound.domain.pace import number_rate
from services.outbound.handlers.enqueue import Enqueue
from services.outbound.handlers.forget import Forget
from services.outbound.handlers.record import Recorder
from services.outbound.handlers.recover import Recover
from services.outbound.handlers.send import Limits, Send
from services.outbound.handlers.settle import Settle
from services.outbound.settings import Settings
from shared.contracts.topics import DIRECTORY_EVENTS
from shared.plumbing import health, logs, metrics, tasks
from shared.plumbing.arriving import until_done
from shared.plumbing.compacted import CompactedReader
from shared.plumbing.database_clock import ASK_SECONDS, DatabaseClock
from shared.plumbing.http import InternalClients
from shared.plumbing.kafka import Producer, ServiceBroker, start_when_ready, watch
from shared.plumbing.loops import Heartbeat, Loops
from shared.plumbing.outbox import Outbox
from shared.plumbing.parking import Parking
from shared.plumbing.postgres import make_pool
from shared.plumbing.sealing import Sealer
from shared.plumbing.tokens import TokenSigner

SERVICE: Final = "outbound"
_GRACE_SECONDS: Final = 1.0  # beyond the time-out of a call

_log = logs.get(__name__)


def build_app(
    settings: Settings,
    *,
    fetch_secrets: Fetch | None = None,
    now: Callable[[], datetime] | None = None,
    new_id: Callable[[], UUID] = uuid_utils.uuid7,
    jitter: Callable[[], float] = random.random,
) -> FastAPI:
    """The whole service; `fetch_secrets` stands in for directory's internal API.

    Without `now` the time is the database's.
    """
    outbound = _Outbound(settings, fetch_secrets, now, new_id, jitter)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        for name in ("postgres", "secrets", "directory", "kafka"):
            outbound.waiting.waiting_for(name)
        arriving = asyncio.create_task(outbound.arrive())
        arriving.add_done_callback(_report)
        try:
            yield
        finally:
            await tasks.end(arriving)
            await outbound.leave()

    app = FastAPI(title=SERVICE, lifespan=lifespan, openapi_url=None)
    health.routes(app, outbound.waiting, outbound.loops)
    metrics.mount(app, SERVICE)
    return app


class _Outbound:
    """The parts, and the order in which they come and go."""

    def __init__(
        self,
        settings: Settings,
        fetch_secrets: Fetch | None,
        now: Callable[[], datetime] | None,
        new_id: Callable[[], UUID],
        jitter: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._new_id = new_id
        self._jitter = jitter
        self.waiting, self.loops = health.Health(), Loops()
        self._pool = make_pool(settings.database_url, min_size=2, max_size=8)
        self._clock = DatabaseClock(self._pool)
        self._now = now or self._clock.now
        self._producer = Producer(settings)
        self._outbox = Outbox(self._pool, self._producer)
        self._internal: InternalClients | None = None
        self._calls: aiohttp.ClientSession | None = None
        self._secrets = Secrets(fetch_secrets or self._fetch())
        self._book = NumberBook(self._secrets)
        self._reader = CompactedReader(settings, DIRECTORY_EVENTS.name, self._book.on_message)
        self._wake = asyncio.Event()
        self._broker: ServiceBroker | None = None
        self._send: Send | None = None
        self._recorder: Recorder | None = None

    async def arrive(self) -> None:
        """Wait for what is needed, in turn; then look after the dead, then send."""
        await self._arrived("postgres", self._open)
        await self._arrived("secrets", lambda: self._secrets.refresh(Heartbeat()))
        sealer = Sealer(self._secrets.own_key)
        store = PostgresStore(self._pool, sealer, self._outbox, self._new_id)
        session = self._new_id()
        recover = Recover(store, instance=self._settings.instance, session=session, now=self._now)
        await self._arrived("recovery", lambda: recover.look(Heartbeat()))
        send, recorder = self._sender(store, session)
        parking = Parking(self._pool, sealer, SERVICE)
        enqueue = Enqueue(store, self._secrets, self._wake)
        self._broker = consumers(
            self._settings, parking, enqueue, Settle(store, self._secrets, self._wake)
        )
        self._add_loops(send, recorder, recover, parking, self._broker)
        forget = Forget(
            store, retention=timedelta(days=self._settings.retention_days), now=self._now
        )
        self.loops.add("forget", forget.turn, interval_seconds=60.0)
        await self._producer.start()
        await self.loops.start()
        await self._reader.ready.wait()
        self.waiting.arrived("directory")
        await start_when_ready(self._broker, self.waiting)

    async def leave(self) -> None:
        """Take nothing more, finish what is in flight, store its outcomes."""
        if self._broker is not None:
            await self._broker.stop()
        await self.loops.stop()
        if self._send is not None and self._recorder is not None:
            await self._send.finish(self._settings.timeout_seconds + _GRACE_SECONDS)
            with suppress(Exception):  # the database is away: they will be unknown
                await self._recorder.record(Heartbeat())
        await self._producer.stop()
        for session in (self._internal, self._calls):
            if session is not None:
                await session.close()
        await self._pool.close()

    def _sender(self, store: PostgresStore, session: UUID) -> tuple[Send, Recorder]:
        settings = self._settings
        recorder = Recorder(
            store, self._secrets, now=self._now, jitter=self._jitter, recorded=self._wake.set
        )
        self._calls = open_session(connections=settings.in_flight)
        send = Send(
            store,
            GraphApi(self._calls, timeout_seconds=settings.timeout_seconds),
            self._book,
            self._secrets,
            recorder,
            number_rate(settings.messages_per_second),
            session=session,
            limits=Limits(settings.in_flight, timedelta(seconds=settings.window_margin_seconds)),
            now=self._now,
        )
        self._send, self._recorder = send, recorder
        return send, recorder

    def _add_loops(
        self,
        send: Send,
        recorder: Recorder,
        recover: Recover,
        parking: Parking,
        broker: ServiceBroker,
    ) -> None:
        add, secrets = self.loops.add, self._secrets
        every = self._settings.secrets_interval_seconds
        add("clock", self._clock.ask, interval_seconds=ASK_SECONDS)
        add("secrets", secrets.refresh, interval_seconds=every, wake=secrets.wanted)
        add("directory", self._reader.run, interval_seconds=1.0)
        add("send", send.turn, interval_seconds=self._settings.poll_seconds, wake=self._wake)
        add("record", recorder.record, interval_seconds=1.0, wake=recorder.wake)
        add("recover", recover.look, interval_seconds=5.0)
        add("outbox", self._outbox.drain, interval_seconds=1.0, wake=self._outbox.wake)
        add("parked", parking.retry_due, interval_seconds=1.0)
        add("gauges", Gauges(self._pool).measure, interval_seconds=5.0)
        add("consumers", watch(broker), interval_seconds=1.0)

    async def _arrived(self, name: str, attempt: Callable[[], Awaitable[None]]) -> None:
        self.waiting.waiting_for(name)
        await until_done(name, attempt, (Exception,))  # whatever is away, we wait for it
        self.waiting.arrived(name)

    async def _open(self) -> None:
        await self._pool.open()
        async with self._pool.connection() as conn:
            await conn.execute("SELECT 1 FROM queue LIMIT 1")
        await self._clock.ask(Heartbeat())

    def _fetch(self) -> Fetch:
        signer = TokenSigner(SERVICE, self._settings.keys_dir, now=self._now)
        self._internal = InternalClients(signer)
        return fetch_from(self._internal.to("directory", self._settings.directory_urls))


def _report(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()):
        _log.error("cannot start", exc_info=error)
