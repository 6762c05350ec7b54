"""What each verb of an operator does with the models; opens everything that it needs."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from psycopg import AsyncConnection

from services.projections.adapters.consumer_groups import forget_group as forget
from services.projections.adapters.consumer_groups import group_of
from services.projections.adapters.feed import Feed
from services.projections.adapters.model_parts import model_parts
from services.projections.domain.positions import Checkpoint
from services.projections.handlers import rebuild as rebuilding
from services.projections.handlers import switch as switching
from services.projections.handlers import verify as verifying
from services.projections.handlers.project import resets
from services.projections.handlers.rebuild import ModelParts, Pace, Tell
from services.projections.handlers.verify import Comparison
from services.projections.read_models.read_model import Connection
from services.projections.settings import Settings
from services.projections.storage import checkpoints, schemas
from services.projections.storage import models as catalog
from services.projections.storage.batches import State
from services.projections.storage.models import Model
from shared.plumbing import clock
from shared.plumbing.feed import FeedClient
from shared.plumbing.http import InternalClients
from shared.plumbing.kafka import Producer
from shared.plumbing.outbox import Outbox
from shared.plumbing.parked_verbs import parking_at
from shared.plumbing.parked_versions import ParkedVersions
from shared.plumbing.parking import Parking
from shared.plumbing.postgres import make_pool
from shared.plumbing.sealing import Sealer
from shared.plumbing.secrets_client import own_key
from shared.plumbing.tokens import TokenSigner

_SERVICE: Final = "projections"
_INSTANCE: Final = "guiche projections"
_REACH_SECONDS: Final = 120.0
_SWITCH_SECONDS: Final = 30.0
_FORGET_SECONDS: Final = 20.0  # longer than the session of a member


@dataclass(frozen=True, slots=True)
class Standing:
    """A model, how far it is, and how many events it could not fold."""

    model: Model
    places: dict[int, Checkpoint]
    parked: int


async def status() -> list[Standing]:
    """Every model."""
    async with _connected() as conn:
        return [
            Standing(
                model,
                await checkpoints.of_model(conn, model.number),
                await catalog.parked_of(conn, model.number),
            )
            for model in await catalog.models(conn)
        ]


async def rebuild(batch_events: int, most_per_second: float | None, tell: Tell) -> int:
    """Build a model, or go on with one; its number, when it has reached the live one.

    Raises BusyError, TooManyModelsError, BehindLiveError.
    """
    async with _calls() as calls, _connected() as conn:
        await catalog.alone_at_work(conn)
        async with conn.transaction():
            number = await rebuilding.unfinished(conn)
        async with calls.parts(number, "building") as made:
            pace = Pace(made.pool, number, tell, most_per_second)
            await rebuilding.rebuild(
                made, number, calls.feed, _INSTANCE, pace, batch_events=batch_events
            )
            await rebuilding.reached(made.pool, number, _REACH_SECONDS)
    return number


async def verify(number: int | None) -> list[Comparison]:
    """Compare a model with the live one; raises BusyError, NoSuchModelError, BehindLiveError."""
    async with _calls() as calls, _connected() as conn:
        await catalog.alone_at_work(conn)
        other, live = (await catalog.other(conn, number)).number, await catalog.live(conn)
        async with (
            calls.parts(other, "verifying") as made,
            verifying.stands_still(conn, other),
        ):
            return await verifying.compare(calls.url, live, other, made, calls.feed)


async def switch(number: int | None) -> int:
    """Move the pointer to a model, or to one that was never seen; raises as `handlers.switch`.

    Without a number it never goes back: of two operators who switch at once the second is told.
    """
    async with _connected() as conn:
        to = await catalog.newest(conn) if number is None else number
        await _move(conn, to)
    return to


async def rollback() -> int:
    """Move the pointer back; raises NothingBeforeError, and as `handlers.switch`."""
    async with _connected() as conn:
        to = await catalog.before(conn)
        await _move(conn, to)
    return to


async def drop(number: int) -> None:
    """End a model; raises NoSuchModelError, LiveModelError."""
    async with _connected() as conn, conn.transaction():
        await catalog.drop(conn, number)


async def forget_group(number: int) -> None:
    """End its group in Kafka; raises GroupStaysError, KafkaError."""
    settings = Settings()
    await forget(settings, group_of(settings, number), seconds=_FORGET_SECONDS)


async def pause(number: int, *, paused: bool) -> None:
    """Let a model stand still, or go on; raises NoSuchModelError, LiveModelError."""
    async with _connected() as conn:
        await catalog.pause(conn, number, paused=paused)


@asynccontextmanager
async def parking(opens: bool) -> AsyncGenerator[Parking]:  # noqa: FBT001
    """What the live model could not fold."""
    settings = Settings()
    key = partial(own_key, settings, _SERVICE) if opens else None
    async with _connected() as conn:
        url = schemas.address(settings.database_url, await catalog.live(conn))
    async with parking_at(url, _SERVICE, key, ParkedVersions) as found:
        yield found


async def _move(conn: Connection, to: int) -> None:
    settings = Settings()
    pool = make_pool(settings.database_url, min_size=0, max_size=1)  # closed: `put` needs none
    outbox = Outbox(pool, Producer(settings))

    async def reset(within: Connection) -> None:
        accounts = await catalog.accounts_of(within, to)
        await outbox.put(within, resets(accounts, clock.now()))

    await switching.switch(conn, to, reset, seconds=_SWITCH_SECONDS)


@asynccontextmanager
async def _connected() -> AsyncGenerator[Connection]:
    async with await AsyncConnection.connect(Settings().database_url, autocommit=True) as conn:
        yield conn


@dataclass(frozen=True, slots=True)
class _Calls:
    """Who is asked over HTTP, and our own key."""

    url: str
    feed: Feed
    sealer: Sealer

    @asynccontextmanager
    async def parts(self, number: int, turn: State) -> AsyncGenerator[ModelParts]:
        """What folds a model in this process, with an open pool."""
        made = model_parts(self.url, number, self.feed, self.sealer, turn)
        await made.pool.open()
        try:
            yield made
        finally:
            await made.pool.close()


@asynccontextmanager
async def _calls() -> AsyncGenerator[_Calls]:
    settings = Settings()
    key = await own_key(settings, _SERVICE)
    calls = InternalClients(TokenSigner(_SERVICE, settings.keys_dir))
    try:
        client = calls.to("tickets", settings.tickets_urls)
        feed = Feed(FeedClient(client, _SERVICE, now=clock.now))
        yield _Calls(settings.database_url, feed, Sealer(key))
    finally:
        await calls.close()
