"""Models beside each other on a database of their own, and a tickets that gives the feed."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from psycopg import AsyncConnection

from services.projections.adapters.feed import Feed
from services.projections.adapters.model_parts import model_parts
from services.projections.domain.positions import Checkpoint
from services.projections.handlers import rebuild, switch, verify
from services.projections.handlers.project import Project, resets
from services.projections.handlers.rebuild import ModelParts, Pace, RebuildProgress
from services.projections.handlers.verify import Comparison
from services.projections.read_models import READ_MODELS, ReadModels
from services.projections.read_models.read_model import Connection
from services.projections.storage import checkpoints, schemas
from services.projections.storage import models as catalog
from services.projections.storage.batches import State
from shared.contracts.internal_api import FeedPage, SecretsAnswer
from shared.contracts.topics import TICKETS_EVENTS
from shared.plumbing import clock
from shared.plumbing.feed import FeedClient
from shared.plumbing.http import InternalClient
from shared.plumbing.kafka import Producer
from shared.plumbing.outbox import Outbox
from shared.plumbing.postgres import Pool, make_pool
from shared.plumbing.sealing import Sealer
from shared.plumbing.settings import CommonSettings
from shared.plumbing.tokens import TokenSigner
from tests.projections.stories import Log, as_feed
from tests.support.stack import Postgres

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


class Others:
    """tickets, whose log a test holds, and directory, which knows our key."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.asked: list[str] = []

    async def events(self, request: web.Request) -> web.Response:
        query = request.query
        limit = min(int(query["limit"]), 15)  # so that a page of ours takes several
        found = (
            [
                event
                for event in self.log.events
                if (str(event.stream), event.version) >= (query["stream"], int(query["from"]))
                and str(event.stream) == query["stream"]
            ]
            if "stream" in query
            else self.log.events[int(query["after"]) :]
        )
        told = [as_feed(self.log, event) for event in found[:limit]]
        after = found[:limit][-1].log_id if told else int(query.get("after", "0"))
        page = FeedPage(epoch=1, events=told, next_after=after, head=len(self.log.events))
        return web.Response(text=page.model_dump_json(), content_type="application/json")

    async def secrets(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        answer = SecretsAnswer(service_key=KEY)
        return web.Response(text=answer.model_dump_json(), content_type="application/json")


@dataclass(frozen=True, slots=True)
class Models:
    """The models of one database; `conn` stands outside of all of them."""

    url: str
    conn: Connection
    feed: Feed
    others: str
    _pools: dict[int, Pool]
    read_models: ReadModels = READ_MODELS

    def parts(self, number: int, turn: State) -> ModelParts:
        return model_parts(self.url, number, self.feed, Sealer(bytes(32)), turn, self.read_models)

    async def pool(self, number: int) -> Pool:
        if number not in self._pools:
            pool = make_pool(schemas.address(self.url, number), min_size=1, max_size=3)
            await pool.open()
            self._pools[number] = pool
        return self._pools[number]

    async def has_folded(self, log_id: int) -> None:
        """Every partition of model 1 is there."""
        numbers = range(TICKETS_EVENTS.partitions)
        async with (await self.pool(1)).connection() as conn:
            await checkpoints.move(conn, [Checkpoint(n, 1, log_id) for n in numbers])

    async def follows(self, number: int, log: Log, first: int = 0, upto: int | None = None) -> int:
        """Fold what the model has not folded of these events, as the service does."""
        pool = await self.pool(number)
        outbox = Outbox(pool, Producer(CommonSettings()))
        return await Project(pool, outbox, self.feed, read_models=self.read_models).apply(
            log.events[first:upto]
        )

    async def rebuilt(self, *, batch: int = 100, throttle: float | None = None) -> int:
        """The number of the model that was built, as the verb does it."""
        told: list[RebuildProgress] = []
        async with self.conn.transaction():
            number = await rebuild.unfinished(self.conn, self.read_models)
        made = self.parts(number, "building")
        await made.pool.open()
        try:
            pace = Pace(made.pool, number, told.append, throttle)
            await rebuild.rebuild(made, number, self.feed, "test", pace, batch_events=batch)
        finally:
            await made.pool.close()
        assert told[-1].percent == 100
        return number

    async def compared(self, number: int) -> list[Comparison]:
        """What `verify` finds."""
        made = self.parts(number, "verifying")
        await made.pool.open()
        try:
            async with verify.stands_still(self.conn, number):
                live = await catalog.live(self.conn)
                return await verify.compare(self.url, live, number, made, self.feed)
        finally:
            await made.pool.close()

    async def switched(self, number: int, seconds: float = 0.0) -> None:
        """Let readers see this model."""
        outbox = Outbox(await self.pool(number), Producer(CommonSettings()))

        async def reset(conn: Connection) -> None:
            accounts = await catalog.accounts_of(conn, number)
            await outbox.put(conn, resets(accounts, clock.now()))

        await switch.switch(self.conn, number, reset, seconds=seconds)

    async def told(self) -> list[str]:
        """The types of what lies in the outbox, in order."""
        found = await self.conn.execute("SELECT headers ->> 'ce_type' FROM outbox ORDER BY seq")
        return [row[0] for row in await found.fetchall()]


@asynccontextmanager
async def beside(
    postgres: Postgres,
    keys_dir: Path,
    log: Log,
    read_models: ReadModels = READ_MODELS,
    *,
    fresh: bool = True,
) -> AsyncGenerator[Models]:
    """Model 1 is live and empty; the feed is the log's. Not fresh: as the migrations left it."""
    url = postgres.service_url(postgres.new_database(), "projections")
    others = Others(log)
    app = web.Application()
    app.router.add_get("/internal/events", others.events)
    app.router.add_get("/internal/secrets", others.secrets)
    pools: dict[int, Pool] = {}
    async with (
        TestServer(app) as server,
        ClientSession() as session,
        await AsyncConnection.connect(url, autocommit=True) as conn,
    ):
        where = str(server.make_url(""))
        signer = TokenSigner("projections", keys_dir)
        client = InternalClient(signer, "tickets", [where], lambda: session)
        feed = Feed(FeedClient(client, "projections", now=clock.now))
        made = Models(url, conn, feed, where, pools, read_models)
        if fresh:
            assert await catalog.remake_if_empty(conn, read_models)
            await made.has_folded(0)
        try:
            yield made
        finally:
            for pool in pools.values():
                await pool.close()
