"""Which models are there, and which one do readers see? One row says it, one transaction moves it.

A model is a schema `rm_v<N>` with rows, counters and positions of its own. All that exist are kept
up to date, so the pointer may go back as easily as it went forth.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Final
from uuid import UUID

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import LockNotAvailable
from psycopg.rows import class_row

from services.projections.adapters import store, tables
from services.projections.handlers.ports import Connection, Place, State
from shared.plumbing import logs
from shared.plumbing.settings import CommonSettings

_MODELS: Final = """
SELECT number, state, paused, created_at, number = pointer.model AS live,
    number IS NOT DISTINCT FROM pointer.previous AS previous
FROM model, pointer ORDER BY number
"""
# Readers hold it for as long as they read, shared: nobody reads the old model after the switch.
_READING: Final = "SELECT pg_advisory_xact_lock_shared(hashtextextended('guiche.pointer', 0))"
_AT_LIVE: Final = """
SELECT set_config('search_path', 'rm_v' || pointer.model || ',projections', true) FROM pointer
"""
_NEW: Final = """
INSERT INTO model (number, state)
SELECT max(number) + 1, 'building' FROM model RETURNING number
"""
_STATE: Final = "UPDATE model SET state = %s WHERE number = %s AND state = ANY(%s)"
_PAUSE: Final = """
UPDATE model SET paused = %(paused)s,
    state = CASE WHEN state = 'verifying' AND NOT %(paused)s THEN 'following' ELSE state END
WHERE number = %(number)s
"""
_ALONE_AT_WORK: Final = "SELECT pg_try_advisory_lock(hashtextextended('guiche.models', 0))"
_FORGET: Final = "DELETE FROM model WHERE number = %s"
_LOCK_POINTER: Final = "SELECT model FROM pointer FOR UPDATE"
_ALONE: Final = (
    "SELECT set_config('lock_timeout', '300ms', true),"
    " pg_advisory_xact_lock(hashtextextended('guiche.pointer', 0))"
)
_PLACES: Final = """
SELECT partition, epoch, log_id, kafka_offset, follow_from, last_event FROM {}.position
ORDER BY partition {}
"""
_MOVE: Final = "UPDATE pointer SET model = %s, previous = model, moved_at = clock_timestamp()"
_log = logs.get(__name__)
_PATIENCE_SECONDS: Final = 1.0  # with the live model standing still: half of its lock_timeout
_LOOK_SECONDS: Final = 0.01
_PAUSE_SECONDS: Final = 0.2


class NoSuchModelError(LookupError):
    """There is no model of this number; without one, none beside the live one."""


class WrongStateError(Exception):
    """The model is built, compared or paused: its number, and its state as `status` prints it."""


class NothingNewerError(LookupError):
    """No model waits to be seen for the first time."""


class NothingBeforeError(LookupError):
    """Readers have seen no other model before."""


class LiveModelError(Exception):
    """The model that readers see is not paused, dropped, or switched to."""


class BusyError(Exception):
    """Another process builds or compares models."""


class BehindLiveError(Exception):
    """The model has not reached the live one; the numbers of partitions that are behind."""

    def __init__(self, partitions: Sequence[int]) -> None:
        super().__init__(f"partitions {', '.join(map(str, partitions))}")
        self.partitions = partitions


@dataclass(frozen=True, slots=True)
class Model:
    """One model."""

    number: int
    state: State
    paused: bool
    created_at: datetime
    live: bool
    previous: bool

    @property
    def follows(self) -> bool:
        """Whether the service folds it."""
        return self.state == "following" and not self.paused


def address(url: str, number: int) -> str:
    """The database, with the tables of one model in front."""
    options = str(conninfo_to_dict(url).get("options") or "")
    path = f"-c search_path={tables.schema(number)},projections"
    return make_conninfo(url, options=f"{options} {path}".strip())


def group(settings: CommonSettings, number: int) -> str:
    """The consumer group that follows Kafka for a model."""
    return settings.group("projections" if number == 1 else f"projections.v{number}")


async def models(conn: Connection) -> list[Model]:
    """All of them."""
    async with conn.cursor(row_factory=class_row(Model)) as cursor:
        await cursor.execute(_MODELS)
        return await cursor.fetchall()


async def live(conn: Connection) -> int:
    """The number of the model that readers see."""
    return next(model.number for model in await models(conn) if model.live)


async def other(conn: Connection, number: int | None) -> Model:
    """A model that readers do not see: this one, or the newest; raises NoSuchModelError."""
    found = [
        model for model in await models(conn) if not model.live and number in {None, model.number}
    ]
    if not found:
        raise NoSuchModelError(*(() if number is None else (number,)))
    return found[-1]


async def newest(conn: Connection) -> int:
    """The model that readers have not seen yet; raises NothingNewerError."""
    found = [model.number for model in await models(conn) if not (model.live or model.previous)]
    if not found:
        raise NothingNewerError
    return found[-1]


async def before(conn: Connection) -> int:
    """The model that readers saw before the last switch; raises NothingBeforeError."""
    found = [model.number for model in await models(conn) if model.previous and not model.live]
    if not found:
        raise NothingBeforeError
    return found[0]


async def at_live(conn: Connection) -> None:
    """For this transaction: the tables that readers see, and no switch until it ends."""
    await conn.execute(_READING)  # a statement before: the next one sees what it waited for
    await conn.execute(_AT_LIVE)


async def live_places(conn: Connection) -> dict[int, Place]:
    """How far the model is that readers see; it is not dropped between two statements."""
    async with conn.pipeline():
        await at_live(conn)
        return await store.places(conn)


async def alone_at_work(conn: Connection) -> None:
    """For as long as the connection lives nobody else builds or compares; raises BusyError."""
    row = await (await conn.execute(_ALONE_AT_WORK)).fetchone()
    if row is None or not row[0]:
        raise BusyError


async def begin(conn: Connection) -> int:
    """A new model, empty, to be built; its number."""
    row = await (await conn.execute(_NEW)).fetchone()
    number: int = row[0] if row else 0
    await tables.make(conn, number)
    return number


async def change(conn: Connection, number: int, state: State, *allowed: State) -> None:
    """Put a model that readers do not see into another state.

    Raises NoSuchModelError, LiveModelError, and WrongStateError when it is in none of `allowed`.
    """
    async with conn.transaction():
        found = await _not_live(conn, number)
        done = await conn.execute(_STATE, (state, number, list(allowed)))
    if done.rowcount == 0:
        raise WrongStateError(number, found.state)


async def fence(conn: Connection, number: int) -> None:
    """Wait for the batch that is under way: every later one sees the state of the model."""
    await _locked_places(conn, number)


async def pause(conn: Connection, number: int, *, paused: bool) -> None:
    """Let a model stand still, or go on; raises NoSuchModelError, LiveModelError."""
    async with conn.transaction():
        await _not_live(conn, number)
        await conn.execute(_PAUSE, {"number": number, "paused": paused})


async def drop(conn: Connection, number: int) -> None:
    """End a model that readers do not see; raises NoSuchModelError, LiveModelError."""
    await _not_live(conn, number)
    await fence(conn, number)  # a batch takes the tables in another order than DROP does
    await conn.execute(_FORGET, (number,))
    await tables.drop(conn, number)


async def _not_live(conn: Connection, number: int) -> Model:
    """The model, which readers do not see until the transaction ends: a switch waits, or it does.

    Raises NoSuchModelError, LiveModelError.
    """
    await conn.execute(_LOCK_POINTER)
    found = {model.number: model for model in await models(conn)}
    if number not in found:
        raise NoSuchModelError(number)
    if found[number].live:
        raise LiveModelError(number)
    return found[number]


async def switch(
    conn: Connection, to: int, reset: Callable[[Connection], Awaitable[None]], *, seconds: float
) -> None:
    """Move the pointer when the model has everything that the live one has.

    First the other one must be close behind. Then the live model stands still for a second at most
    while it is reached; is that not enough, it goes on and it is tried again. `reset` tells
    screens, in the transaction that moves the pointer. Raises BehindLiveError after `seconds`,
    NoSuchModelError, WrongStateError, LiveModelError.
    """
    deadline = monotonic() + seconds
    while True:
        try:
            await _close(conn, to)
            async with conn.transaction():
                await _switch(conn, to, reset)
        except (BehindLiveError, LockNotAvailable) as error:
            if monotonic() > deadline:
                raise
            _log.warning("not switched yet", model=to, reason=f"{type(error).__name__}: {error}")
        else:
            return
        await asyncio.sleep(_PAUSE_SECONDS)


async def _close(conn: Connection, to: int) -> None:
    """Return when the model has reached where the live one was a moment ago."""
    await _reached(conn, to, await places_of(conn, await _replaced(conn, to)))


async def _switch(
    conn: Connection, to: int, reset: Callable[[Connection], Awaitable[None]]
) -> None:
    await conn.execute(_LOCK_POINTER)
    old = await _locked_places(conn, await _replaced(conn, to))
    await _reached(conn, to, old)
    await _raise(conn, to, old, await _locked_places(conn, to))
    await conn.execute(_ALONE)
    await conn.execute(_MOVE, (to,))
    await reset(conn)


async def _replaced(conn: Connection, to: int) -> int:
    """The live model, which this one may replace; raises as `switch`."""
    found = {model.number: model for model in await models(conn)}
    if to not in found:
        raise NoSuchModelError(to)
    if found[to].live:
        raise LiveModelError(to)
    if not found[to].follows:
        raise WrongStateError(to, "paused" if found[to].paused else found[to].state)
    return next(number for number, model in found.items() if model.live)


async def _reached(conn: Connection, to: int, old: Mapping[int, Place]) -> None:
    deadline = monotonic() + _PATIENCE_SECONDS
    while True:
        new = await places_of(conn, to)
        late = behind(new, old)
        if not late:
            return
        if monotonic() > deadline:
            raise BehindLiveError(late)
        await asyncio.sleep(_LOOK_SECONDS)


def behind(new: Mapping[int, Place], old: Mapping[int, Place]) -> list[int]:
    """The partitions of which one has not folded everything that the other has."""
    return [
        partition
        for partition, place in old.items()
        if partition not in new
        or (new[partition].epoch, new[partition].log_id) < (place.epoch, place.last_event)
    ]


async def places_of(conn: Connection, number: int) -> dict[int, Place]:
    """How far a model is."""
    return await _places(conn, number, sql.SQL(""))


async def parked_of(conn: Connection, number: int) -> int:
    """How many events a model could not fold: its rows lack what they say."""
    statement = sql.SQL("SELECT count(*) FROM {}.parked")
    found = await conn.execute(statement.format(sql.Identifier(tables.schema(number))))
    row = await found.fetchone()
    return 0 if row is None else row[0]


async def accounts_of(conn: Connection, number: int) -> list[UUID]:
    """Whose tickets a model holds."""
    statement = sql.SQL("SELECT DISTINCT account_id FROM {}.counter ORDER BY 1")
    found = await conn.execute(statement.format(sql.Identifier(tables.schema(number))))
    return [row[0] for row in await found.fetchall()]


async def _locked_places(conn: Connection, number: int) -> dict[int, Place]:
    return await _places(conn, number, sql.SQL("FOR UPDATE"))


async def _places(conn: Connection, number: int, lock: sql.SQL) -> dict[int, Place]:
    statement = sql.SQL(_PLACES).format(sql.Identifier(tables.schema(number)), lock)
    rows = await (await conn.execute(statement)).fetchall()
    return {row[0]: Place(*row) for row in rows}


async def _raise(
    conn: Connection, to: int, old: Mapping[int, Place], new: Mapping[int, Place]
) -> None:
    """Where a feed was read farther than there were events: no reader finds an older position."""
    statement = sql.SQL("UPDATE {}.position SET log_id = %s WHERE partition = %s").format(
        sql.Identifier(tables.schema(to))
    )
    for partition, place in old.items():
        if new[partition].epoch == place.epoch and new[partition].log_id < place.log_id:
            await conn.execute(statement, (place.log_id, partition))
