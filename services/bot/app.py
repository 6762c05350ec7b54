"""What the bot is made of."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

from fastapi import FastAPI

from services.bot.adapters.catch_up import CatchUp
from services.bot.adapters.codec import Codec
from services.bot.adapters.directory import FlowTargets
from services.bot.adapters.evaluators import EVALUATORS
from services.bot.adapters.feed import FeedRefusedError, TicketsFeed
from services.bot.adapters.files import FlowFileError, flow_files, read_flow
from services.bot.adapters.gauges import Gauges
from services.bot.adapters.kafka import consumers
from services.bot.adapters.retention import forget_ended
from services.bot.adapters.secrets import SecretsRefusedError, own_key
from services.bot.adapters.store import PostgresStore
from services.bot.handlers.flows import Flows
from services.bot.handlers.publish import Publishing, Read
from services.bot.handlers.replies import Replies
from services.bot.handlers.sessions import Sessions
from services.bot.handlers.ticket_events import TicketEvents
from services.bot.handlers.timers import Timers
from services.bot.settings import Settings
from shared.contracts.topics import DIRECTORY_EVENTS
from shared.plumbing import health, logs, metrics, tasks
from shared.plumbing.compacted import CompactedReader
from shared.plumbing.database_clock import ASK_SECONDS, DatabaseClock
from shared.plumbing.http import InternalClients
from shared.plumbing.kafka import Producer, ServiceBroker, start_when_ready, watch
from shared.plumbing.loops import Heartbeat, Lease, Loops
from shared.plumbing.outbox import Outbox
from shared.plumbing.parked_versions import ParkedVersions
from shared.plumbing.postgres import STARTING, make_pool
from shared.plumbing.sealing import Sealer
from shared.plumbing.startup import until_done
from shared.plumbing.timer_failures import TimerFailures
from shared.plumbing.tokens import TokenSigner
from shared.plumbing.transient import TRANSIENT_ANYWHERE

SERVICE: Final = "bot"
_LEASE_SECONDS: Final = 30.0
_SEEN_SECONDS: Final = 30.0
_ENDED_SECONDS: Final = 60.0
_AWAY: Final[tuple[type[Exception], ...]] = (
    *STARTING,
    *TRANSIENT_ANYWHERE,
    SecretsRefusedError,
    FeedRefusedError,
)

_log = logs.get(__name__)


def build_app(settings: Settings, *, now: Callable[[], datetime] | None = None) -> FastAPI:
    """The whole service; without `now` the time is the database's."""
    bot = _Bot(settings, now)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        for name in ("postgres", "secrets", "directory", "feed", "kafka"):
            bot.waiting.waiting_for(name)
        arriving = asyncio.create_task(bot.arrive())
        arriving.add_done_callback(_report)
        try:
            yield
        finally:
            await tasks.end(arriving)
            await bot.leave()

    app = FastAPI(title=SERVICE, lifespan=lifespan, openapi_url=None)
    health.routes(app, bot.waiting, bot.loops)
    metrics.mount(app, SERVICE)
    return app


class _Bot:
    """The parts, how they are joined, and their order of start."""

    def __init__(self, settings: Settings, now: Callable[[], datetime] | None) -> None:
        self.waiting, self.loops = health.Health(), Loops()
        self._settings = settings
        self._pool = make_pool(settings.database_url, min_size=2, max_size=10)
        self._clock = DatabaseClock(self._pool)
        self._now = now or self._clock.now
        self._producer = Producer(settings)
        self._outbox = Outbox(self._pool, self._producer)
        self._failures = TimerFailures(self._pool, "timer_id")
        self._calls = InternalClients(TokenSigner(SERVICE, settings.keys_dir, now=self._now))
        self._directory = self._calls.to("directory", settings.directory_urls)
        self._book = FlowTargets()
        self._reader = CompactedReader(settings, DIRECTORY_EVENTS.name, self._book.on_message)
        self._broker: ServiceBroker | None = None

    async def arrive(self) -> None:
        """Wait for what is needed, in turn: flows before the past, the past before Kafka."""
        await until_done("postgres", self._pool_answers, _AWAY)
        self.waiting.arrived("postgres")
        sealer = Sealer(await until_done("secrets", self._own_key, _AWAY))
        self.waiting.arrived("secrets")
        await self._producer.start()
        store = PostgresStore(self._pool, Codec(sealer), self._outbox)
        publishing = self._publishing(store)
        sessions = Sessions(store, Flows(store, publishing), EVALUATORS, self._now)
        feed = TicketsFeed(self._calls.to("tickets", self._settings.tickets_urls))
        ticket_events = TicketEvents(self._pool, store, sessions, feed, self._outbox)
        replies = Replies(self._pool, sessions, self._outbox)
        parking = ParkedVersions(self._pool, sealer, SERVICE)
        self._broker = consumers(self._settings, parking, ticket_events, replies)
        timers = Timers(self._pool, store, sessions, self._outbox, self._failures, self._now)
        catch_up = CatchUp(
            self._pool,
            store,
            sessions,
            ticket_events,
            feed,
            parking,
            self._outbox,
            Lease(self._pool, "feed", self._settings.instance, _LEASE_SECONDS),
            self._now,
        )
        self._add_loops(publishing, parking, timers, catch_up, self._broker)
        await self.loops.start()
        await self._reader.ready.wait()
        await until_done("directory", publishing.look, _AWAY)
        self.waiting.arrived("directory")
        await until_done("feed", catch_up.run, _AWAY)
        self.waiting.arrived("feed")
        await start_when_ready(self._broker, self.waiting)

    async def leave(self) -> None:
        """Take nothing more, then end what the rest needs last."""
        if self._broker is not None:
            await self._broker.stop()
        await self.loops.stop()
        await self._producer.stop()
        await self._calls.close()
        await self._pool.close()

    def _add_loops(
        self,
        publishing: Publishing,
        parking: ParkedVersions,
        timers: Timers,
        catch_up: CatchUp,
        broker: ServiceBroker,
    ) -> None:
        settings, add = self._settings, self.loops.add

        async def publish(_: Heartbeat) -> None:
            if self._reader.ready.is_set():  # half of a directory would refuse what is right
                await publishing.look()

        async def seen(beat: Heartbeat) -> None:
            if not self.waiting.waits_for:  # who only waits is absent
                await catch_up.seen(beat)

        async def past(beat: Heartbeat) -> None:
            if not self.waiting.waits_for:  # at the start it is read in turn
                await catch_up.again(beat)

        add("clock", self._clock.ask, interval_seconds=ASK_SECONDS)
        add("directory", self._reader.run, interval_seconds=1.0)
        every = settings.publish_seconds
        add("publish", publish, interval_seconds=every, wake=self._book.changed)
        add("timers", timers.fire, interval_seconds=settings.timer_seconds)
        add("timer-failures", self._failures.measure, interval_seconds=5.0)
        add("outbox", self._outbox.drain, interval_seconds=1.0, wake=self._outbox.wake)
        add("parked", parking.retry_due, interval_seconds=1.0)
        add("gauges", Gauges(self._pool, self._now).measure, interval_seconds=5.0)
        add("consumers", watch(broker), interval_seconds=1.0)
        add("past", past, interval_seconds=1.0)
        add("seen", seen, interval_seconds=_SEEN_SECONDS)
        kept = timedelta(days=settings.keep_ended_days)
        add("ended", forget_ended(self._pool, kept, self._now), interval_seconds=_ENDED_SECONDS)

    def _publishing(self, store: PostgresStore) -> Publishing:
        return Publishing(
            self._pool,
            store,
            self._outbox,
            self._book,
            self._read_all,
            EVALUATORS,
            self._now,
            self.waiting.note,
        )

    def _read_all(self) -> list[Read]:
        found: list[Read] = []
        for path in flow_files(self._settings.flows_dir):
            try:
                found.append(Read(path.name, read_flow(path)))
            except FlowFileError as error:
                found.append(Read(path.name, None, "; ".join(error.lines)))
        return found

    async def _own_key(self) -> bytes:
        return await own_key(self._directory)

    async def _pool_answers(self) -> None:
        await self._pool.open()
        async with self._pool.connection() as conn:
            await conn.execute("SELECT 1 FROM session LIMIT 1")
        await self._clock.ask(Heartbeat())


def _report(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()):
        _log.error("cannot start", exc_info=error)
