"""What can an operator ask of the read models?"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

import aiohttp
import typer
from aiokafka.errors import KafkaError
from psycopg import AsyncConnection

from services.projections.adapters import comparing, groups, pointer, rebuilding
from services.projections.adapters.catching_up import BATCH_EVENTS
from services.projections.adapters.comparing import Comparison
from services.projections.adapters.feed import Feed
from services.projections.adapters.groups import GroupStaysError
from services.projections.adapters.parked import ParkedEvents
from services.projections.adapters.pointer import (
    BehindLiveError,
    BusyError,
    LiveModelError,
    Model,
    NoSuchModelError,
)
from services.projections.adapters.rebuilding import Pace, Progress
from services.projections.adapters.secrets import own_key
from services.projections.handlers.ports import Connection, Place, State
from services.projections.handlers.project import resets
from services.projections.settings import Settings
from shared.plumbing import clock, collector
from shared.plumbing.http import InternalClient
from shared.plumbing.kafka import Producer
from shared.plumbing.outbox import Outbox
from shared.plumbing.parked_verbs import parked_verbs, parking_at
from shared.plumbing.parking import Parking
from shared.plumbing.postgres import make_pool
from shared.plumbing.sealing import Sealer
from shared.plumbing.tokens import TokenSigner

_SERVICE: Final = "projections"
_INSTANCE: Final = "guiche projections"
_REACH_SECONDS: Final = 120.0
_SWITCH_SECONDS: Final = 30.0
_FORGET_SECONDS: Final = 20.0  # longer than the session of a member
_WRONG: Final = (
    NoSuchModelError,
    LiveModelError,
    BehindLiveError,
    rebuilding.TooManyModelsError,
    BusyError,
)
_SAID: Final[dict[type[Exception], str]] = {
    NoSuchModelError: "no such model, or not in a state that allows this",
    LiveModelError: "readers see this model",
    BehindLiveError: "the model is behind the other one",
    rebuilding.TooManyModelsError: "there is a second model already: switch, or drop it",
    BusyError: "another process builds or compares models",
}
T = TypeVar("T")

app: Final = typer.Typer(help="The read models: where they are, rebuilding, what is parked.")
_Number = Annotated[int | None, typer.Argument(metavar="MODEL", help="As `status` prints it.")]
_One = Annotated[int, typer.Argument(metavar="MODEL", help="As `status` prints it.")]
_All = Annotated[bool, typer.Option("--all", help="All read models: they share one fold.")]
_Batch = Annotated[int, typer.Option(min=1, help="Events that are stored at once.")]
_Throttle = Annotated[float | None, typer.Option(min=1, help="Events per second at most.")]


@app.callback()
def projections() -> None:
    """The read models."""


@app.command()
def status() -> None:
    """Every model, and how far each partition of it is folded."""
    for model, places in _run(_status()):
        typer.echo(f"model {model.number}: {_described(model)}")
        typer.echo("partition  epoch  log id  kafka offset")
        for place in places.values():
            offset = "feed" if place.kafka_offset is None else str(place.kafka_offset)
            typer.echo(f"{place.partition:9}  {place.epoch:5}  {place.log_id:6}  {offset}")


@app.command()
def rebuild(
    *, every: _All = True, batch: _Batch = BATCH_EVENTS, throttle: _Throttle = None
) -> None:
    """Build all read models anew beside the live ones; goes on where one was interrupted."""
    del every  # one fold makes rows, timeline, contacts and counters: one alone would save nothing
    collector.calm()
    number = _run(_rebuild(batch, throttle))
    typer.echo(f"model {number} follows; next: verify, switch")


@app.command()
def verify(number: _Number = None) -> None:
    """Compare a model with the one that readers see, at one position; 1 when they differ."""
    collector.calm()
    found = _run(_verify(number))
    for comparison in found:
        _print(comparison)
    if not all(comparison.same for comparison in found):
        raise typer.Exit(1)


@app.command()
def switch(number: _Number = None) -> None:
    """Let readers see another model, as soon as it has what the live one has."""
    typer.echo(f"readers see model {_run(_switch(number))}")


@app.command()
def rollback() -> None:
    """Let readers see the model again that they saw before the last switch."""
    typer.echo(f"readers see model {_run(_rollback())}")


@app.command()
def drop(number: _One) -> None:
    """End a model that readers do not see."""
    _run(_drop(number))
    typer.echo(f"model {number} is gone")
    try:
        _run(_forget(number))
    except (GroupStaysError, KafkaError, OSError) as error:
        typer.echo(f"its group stays until Kafka forgets it: {type(error).__name__}", err=True)


@app.command()
def pause(number: _One) -> None:
    """Let a model stand still that readers do not see: its rebuild, or its following."""
    _run(_pause(number, paused=True))


@app.command()
def resume(number: _One) -> None:
    """Let it go on; also after a verification that died."""
    _run(_pause(number, paused=False))


def _described(model: Model) -> str:
    seen = "live" if model.live else "live before" if model.previous else "beside the live one"
    return f"{seen}, {'paused' if model.paused else model.state}, since {model.created_at:%F %T}"


def _print(comparison: Comparison) -> None:
    said = "the same" if comparison.same else "DIFFERENT"
    typer.echo(f"{comparison.table:14}  {comparison.rows[0]:9}  {comparison.rows[1]:9}  {said}")
    for key, what in comparison.differences:
        typer.echo(f"  {key}: {what}")


def _tell(progress: Progress) -> None:
    left = "" if progress.left is None else f", {progress.left} left"
    typer.echo(
        f"{progress.log_id} of {progress.head} ({progress.percent:.0f} %), "
        f"{progress.per_second:.0f} events/s{left}{', paused' if progress.paused else ''}"
    )


def _run(work: Awaitable[T]) -> T:
    async def run() -> T:
        return await work

    try:
        return asyncio.run(run())
    except _WRONG as error:
        said = _SAID[type(error)]
        typer.echo(f"{said}: {error}" if error.args else said, err=True)
        raise typer.Exit(1) from None


@asynccontextmanager
async def _connected() -> AsyncGenerator[Connection]:
    async with await AsyncConnection.connect(Settings().database_url, autocommit=True) as conn:
        yield conn


async def _status() -> list[tuple[Model, dict[int, Place]]]:
    async with _connected() as conn:
        models = await pointer.models(conn)
        return [(model, await pointer.places_of(conn, model.number)) for model in models]


async def _rebuild(batch: int, throttle: float | None) -> int:
    async with _calls() as calls, _connected() as conn:
        await pointer.alone_at_work(conn)
        async with conn.transaction():
            number = await rebuilding.unfinished(conn)
        typer.echo(f"model {number} is built")
        made = calls.parts(number, "building")
        await made.pool.open()
        try:
            pace = Pace(made.pool, number, _tell, throttle)
            await rebuilding.rebuild(made, number, calls.feed, _INSTANCE, pace, batch_events=batch)
            await rebuilding.reached(made.pool, number, _REACH_SECONDS)
        finally:
            await made.pool.close()
    return number


async def _verify(number: int | None) -> list[Comparison]:
    async with _calls() as calls, _connected() as conn:
        await pointer.alone_at_work(conn)
        other, live = (await pointer.other(conn, number)).number, await pointer.live(conn)
        made = calls.parts(other, "verifying")
        await made.pool.open()
        try:
            async with comparing.stands_still(conn, other):
                return await comparing.compare(calls.url, live, other, made, calls.feed)
        finally:
            await made.pool.close()


async def _switch(number: int | None) -> int:
    async with _connected() as conn:
        to = (await pointer.other(conn, number)).number
        await _moved(conn, to)
    return to


async def _rollback() -> int:
    async with _connected() as conn:
        before = [model.number for model in await pointer.models(conn) if model.previous]
        if not before:
            raise NoSuchModelError
        await _moved(conn, before[0])
    return before[0]


async def _moved(conn: Connection, to: int) -> None:
    settings = Settings()
    outbox = Outbox(make_pool(settings.database_url, min_size=0, max_size=1), Producer(settings))

    async def reset(within: Connection) -> None:
        accounts = await pointer.accounts_of(within, to)
        await outbox.put(within, resets(accounts, clock.now()))

    await pointer.switch(conn, to, reset, seconds=_SWITCH_SECONDS)


async def _drop(number: int) -> None:
    async with _connected() as conn, conn.transaction():
        await pointer.drop(conn, number)


async def _forget(number: int) -> None:
    settings = Settings()
    group = pointer.group(settings, number)
    await groups.forget_group(settings, group, seconds=_FORGET_SECONDS)


async def _pause(number: int, *, paused: bool) -> None:
    async with _connected() as conn:
        await pointer.pause(conn, number, paused=paused)


@dataclass(frozen=True, slots=True)
class _Calls:
    """Who is asked over HTTP, and our own key."""

    url: str
    feed: Feed
    sealer: Sealer

    def parts(self, number: int, turn: State) -> rebuilding.Parts:
        """What folds a model in this process."""
        return rebuilding.parts(self.url, number, self.feed, self.sealer, turn)


@asynccontextmanager
async def _calls() -> AsyncGenerator[_Calls]:
    settings = Settings()
    signer = TokenSigner(_SERVICE, settings.keys_dir)
    async with aiohttp.ClientSession() as session:
        tickets = InternalClient(signer, "tickets", settings.tickets_urls, lambda: session)
        key = await _key_by(settings, session)
        yield _Calls(settings.database_url, Feed(tickets, clock.now), Sealer(key))


async def _key_by(settings: Settings, session: aiohttp.ClientSession) -> bytes:
    signer = TokenSigner(_SERVICE, settings.keys_dir)
    urls = settings.directory_urls
    return await own_key(InternalClient(signer, "directory", urls, lambda: session))


@asynccontextmanager
async def _parking(opens: bool) -> AsyncGenerator[Parking]:  # noqa: FBT001
    settings = Settings()

    async def key() -> bytes:
        async with aiohttp.ClientSession() as session:
            return await _key_by(settings, session)

    async with _connected() as conn:
        url = pointer.address(settings.database_url, await pointer.live(conn))
    async with parking_at(url, _SERVICE, key if opens else None, ParkedEvents) as parking:
        yield parking


parked: Final = parked_verbs(_parking, skip_opens=True)
app.add_typer(parked, name="parked")
