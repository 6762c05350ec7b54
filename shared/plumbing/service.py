"""One process of a service: its parts start in order, are supervised, and stop in order.

A composition root (`services/<name>/app.py`) reads like this:

    def build_app(settings: Settings, *, fetch_secrets: Fetch | None = None) -> FastAPI:
        database = Database(settings.database_url, "SELECT 1 FROM queue LIMIT 1", max_size=8)
        service = Service("bot", settings, waits_for=("postgres", "secrets", "directory", "kafka"),
                          database=database)
        secrets = service.secrets(fetch_secrets)  # a loop that asks directory
        directory = service.reader("directory", DIRECTORY_EVENTS.name, book.on_message)
        outbox = Outbox(database.pool, service.producer)

        async def start() -> None:
            await service.open_database()
            await service.arrival("secrets", secrets.ready)
            parking = Parking(database.pool, Sealer(secrets.own_key), "bot")
            subscribe(service.broker, settings, ...)
            service.loop("outbox", outbox.drain, wake=outbox.wake)
            await service.connect_producer()
            await service.arrival("directory", directory.ready)
            await service.consume()

        return service.app(start)

* `waits_for` names what has to arrive before `/ready` answers 200. `open_database` brings
  "postgres", `connect_producer` and `consume` bring "kafka"; `arrival` and `attempt` bring the name
  that they are given.
* `start` runs beside the HTTP server, so `/ready` can say what is missing and why. What is away is
  tried again with back-off, for ever. Any other exception is logged and ends the process with exit
  code 1. Raise a FatalError where an operator needs a sentence: its text is logged.
* Loops may be added before `start` or in it; one that is added while the others run starts at once.
  A FatalError in a loop ends the process as well.
* At the end: consumers, loops, what `at_stop` was given (the last one first), producer, HTTP
  session, pool. A part that fails to stop does not keep the others from stopping.
* The time (`service.now`) is what was given, else the database's, else the machine's.
* An app of one's own (the gateway's) takes `lifespan=service.lifespan(start)` and is given to
  `service.mount`.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from aiokafka.errors import KafkaError
from fastapi import FastAPI

from shared.plumbing import clock, health, logs, metrics, tasks
from shared.plumbing.compacted import CompactedReader
from shared.plumbing.http import InternalClients
from shared.plumbing.kafka import (
    Producer,
    Received,
    ServiceBroker,
    make_broker,
    start_when_ready,
    watch,
)
from shared.plumbing.loops import Body, Loops
from shared.plumbing.secrets_client import Fetch, SecretsClient, fetch_from
from shared.plumbing.server import Failure
from shared.plumbing.settings import CommonSettings
from shared.plumbing.startup import until_done
from shared.plumbing.tokens import TokenSigner
from shared.plumbing.transient import TRANSIENT_ANYWHERE, FatalError

if TYPE_CHECKING:  # a service without a database is installed without psycopg
    from shared.plumbing.database import Database

_CLOCK_SECONDS: Final = 5.0  # a machine that was suspended wakes up with an old instant
_log = logs.get(__name__)

T = TypeVar("T")
AsyncCall: TypeAlias = Callable[[], Awaitable[T]]
Lifespan: TypeAlias = Callable[[FastAPI], AbstractAsyncContextManager[None]]


class Service:
    """The parts of one process; how to use it stands at the top of this module."""

    def __init__(
        self,
        name: str,
        settings: CommonSettings,
        *,
        waits_for: Sequence[str],
        database: "Database | None" = None,
        now: Callable[[], datetime] | None = None,
        publish_deadline_seconds: float = 10.0,
        http_connections: int = 100,
    ) -> None:
        self.name = name
        self.settings = settings
        self.health = health.Health(waits_for)
        self.loops = Loops(on_fatal=self.fail)
        self.now = now or (database.clock.now if database is not None else clock.now)
        self._database = database
        self._publish_deadline_seconds = publish_deadline_seconds
        self._http_connections = http_connections
        self._at_stop: list[AsyncCall[None]] = []
        self._ending = False
        self.failure = Failure()

    @cached_property
    def calls(self) -> InternalClients:
        """HTTP clients of the other services, signed with this service's key."""
        signer = TokenSigner(self.name, self.settings.keys_dir, now=self.now)
        return InternalClients(signer, connections=self._http_connections)

    @cached_property
    def producer(self) -> Producer:
        """The one producer of the process."""
        return Producer(self.settings, deadline_seconds=self._publish_deadline_seconds)

    @cached_property
    def broker(self) -> ServiceBroker:
        """Where `subscribe` puts its subscriptions, before `consume`."""
        return make_broker(self.settings, self.name)

    def loop(
        self,
        name: str,
        body: Body,
        interval_seconds: float = 1.0,
        *,
        wake: asyncio.Event | None = None,
    ) -> None:
        """Call `body` again and again, as `Loops.add` says."""
        self.loops.add(name, body, interval_seconds=interval_seconds, wake=wake)

    def secrets(self, fetch: Fetch | None = None, *, interval_seconds: float) -> SecretsClient:
        """A client that asks directory (or `fetch`) each `interval_seconds`, and when needed."""
        ask = fetch or fetch_from(
            self.calls.to("directory", self.settings.directory_urls), self.name
        )
        client = SecretsClient(ask)
        self.loop("secrets", client.refresh, interval_seconds, wake=client.wanted)
        return client

    def reader(
        self, name: str, topic: str, on_message: Callable[[Received], None]
    ) -> CompactedReader:
        """A loop that reads `topic` whole and follows it; see `CompactedReader`."""
        reader = CompactedReader(self.settings, topic, on_message)
        self.loop(name, reader.run)
        return reader

    def at_stop(self, stop: AsyncCall[None]) -> None:
        """Call `stop` once consumers and loops have ended, while producer and database work."""
        self._at_stop.append(stop)

    async def open_database(self, name: str = "postgres") -> None:
        """Wait for the database and its migrations; from then on follow its clock."""
        database = self._database
        if database is None:
            message = "the service was made without a database"
            raise LookupError(message)
        await self.attempt(name, database.open, also=database.transient)
        self.loop("clock", database.clock.ask, _CLOCK_SECONDS)

    async def connect_producer(self, name: str = "kafka") -> None:
        """Wait until Kafka answers the producer."""
        await self.attempt(name, self.producer.connect)

    async def arrival(self, name: str, event: asyncio.Event) -> None:
        """Wait for what sets `event`."""
        self.health.waiting_for(name)
        await event.wait()
        self.health.arrived(name)

    async def attempt(
        self, name: str, call: AsyncCall[T], *, also: tuple[type[Exception], ...] = ()
    ) -> T:
        """The first result of `call`; what is away, and `also`, is waited for."""

        def reason(error: Exception) -> None:
            self.health.waiting_for(name, type(error).__name__)

        self.health.waiting_for(name)
        away = (*TRANSIENT_ANYWHERE, KafkaError, *also)
        found = await until_done(name, call, away, on_away=reason)
        self.health.arrived(name)
        return found

    async def consume(self) -> None:
        """Start the consumers when Kafka and all topics are there."""
        self.loop("consumers", watch(self.broker))
        await start_when_ready(self.broker, self.health)

    def fail(self, error: BaseException) -> None:
        """The process cannot run: log why and end it with exit code 1."""
        said = {"reason": str(error)} if isinstance(error, FatalError) else {}
        _log.critical("cannot run", exc_info=error, **said)
        self.failure.happen()

    def app(self, start: AsyncCall[None]) -> FastAPI:
        """An app without API pages that runs `start` and is mounted."""
        app = FastAPI(title=self.name, lifespan=self.lifespan(start), openapi_url=None)
        self.mount(app)
        return app

    def mount(self, app: FastAPI) -> None:
        """Serve `/health`, `/ready` and `/metrics`; let `fail` end the process."""
        app.state.failure = self.failure
        health.routes(app, self.health, self.loops)
        metrics.mount(app, self.name)

    def lifespan(self, start: AsyncCall[None]) -> Lifespan:
        """For FastAPI: loops and `start` run while the app is served."""

        @asynccontextmanager
        async def running(_: FastAPI) -> AsyncGenerator[None]:
            await self.loops.start()
            starting = asyncio.create_task(self._start(start))
            try:
                yield
            finally:
                self._ending = True
                await tasks.end(starting)
                await self._stop()

        return running

    async def _start(self, start: AsyncCall[None]) -> None:
        try:
            await start()
        except asyncio.CancelledError as error:
            if not self._ending:  # a library cancelled its caller: nobody asked us to end
                self.fail(error)
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, nobody else would hear of it
            self.fail(error)

    async def _stop(self) -> None:
        made = vars(self)  # of the cached parts those that somebody used
        async with AsyncExitStack() as parts:  # the last one that is put on it stops first
            if self._database is not None:
                parts.push_async_callback(self._database.pool.close)
            if "calls" in made:
                parts.push_async_callback(self.calls.close)
            if "producer" in made:
                parts.push_async_callback(self.producer.stop)
            for stop in self._at_stop:
                parts.push_async_callback(stop)
            parts.push_async_callback(self.loops.stop)
            if "broker" in made:
                parts.push_async_callback(self.broker.stop)
