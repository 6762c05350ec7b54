"""The catalogue of models: their forms and states, and which one is live.

A model is a schema `rm_v<N>` with all read models, its own checkpoints and its own parked events.
All that a program can fold are kept up to date, so that readers can be switched back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row

from services.projections.read_models import ReadModels
from services.projections.read_models.cards.queries import accounts
from services.projections.read_models.read_model import Connection
from services.projections.storage import checkpoints, schemas
from services.projections.storage.batches import State

_MODELS: Final = """
SELECT number, state, paused, created_at, form, number = pointer.model AS live,
    number IS NOT DISTINCT FROM pointer.previous AS previous
FROM models, pointer ORDER BY number
"""
_NEW: Final = """
INSERT INTO models (number, state, form)
SELECT max(number) + 1, 'building', %s FROM models RETURNING number
"""
_STATE: Final = "UPDATE models SET state = %s WHERE number = %s AND state = ANY(%s)"
_PAUSE: Final = """
UPDATE models SET paused = %(paused)s,
    state = CASE WHEN state = 'verifying' AND NOT %(paused)s THEN 'following' ELSE state END
WHERE number = %(number)s
"""
_ALONE_AT_WORK: Final = "SELECT pg_try_advisory_lock(hashtextextended('guiche.models', 0))"
_DELETE: Final = "DELETE FROM models WHERE number = %s"
_SET_FORM: Final = "UPDATE models SET form = %s WHERE number = %s"
_LOCK_POINTER: Final = "SELECT model FROM pointer FOR UPDATE"
_POINT_AT: Final = "UPDATE pointer SET model = %s, previous = model, moved_at = clock_timestamp()"
_LOCK_POSITION: Final = "LOCK TABLE {}.position IN ACCESS EXCLUSIVE MODE"
_COUNT_PARKED: Final = "SELECT count(*) FROM {}.parked"


class NoSuchModelError(LookupError):
    """There is no model of this number; without one, none beside the live one."""


class WrongStateError(Exception):
    """The model is built, compared or paused: its number, and its state as `status` prints it."""


class OtherFormError(Exception):
    """Another version of this program made the model, and only that can fold it: its number."""


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
    """One model; without a form when a version of before there were forms made it."""

    number: int
    state: State
    paused: bool
    created_at: datetime
    form: str | None
    live: bool
    previous: bool

    @property
    def follows(self) -> bool:
        """Whether a service of its form folds it."""
        return self.state == "following" and not self.paused


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


async def alone_at_work(conn: Connection) -> None:
    """For as long as the connection lives nobody else builds or compares; raises BusyError."""
    row = await (await conn.execute(_ALONE_AT_WORK)).fetchone()
    if row is None or not row[0]:
        raise BusyError


async def begin(conn: Connection, read_models: ReadModels) -> int:
    """A new model, empty, to be built; its number."""
    row = await (await conn.execute(_NEW, (schemas.form(read_models),))).fetchone()
    number: int = row[0] if row else 0
    await schemas.make(conn, number, read_models)
    return number


async def remake_if_empty(conn: Connection, read_models: ReadModels) -> bool:
    """Make the live model anew in our form if nothing was ever folded into it."""
    async with conn.transaction():
        await lock_pointer(conn)
        found = next(model for model in await models(conn) if model.live)
        name = sql.Identifier(schemas.schema(found.number))
        await conn.execute(sql.SQL(_LOCK_POSITION).format(name))
        if await checkpoints.of_model(conn, found.number):
            return False
        await schemas.drop(conn, found.number)
        await schemas.make(conn, found.number, read_models)
        await schemas.index(conn, found.number, read_models)
        await conn.execute(_SET_FORM, (schemas.form(read_models), found.number))
    return True


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
    await checkpoints.of_model(conn, number, lock=True)


async def pause(conn: Connection, number: int, *, paused: bool) -> None:
    """Stop folding a model, or go on with it; raises NoSuchModelError, LiveModelError."""
    async with conn.transaction():
        await _not_live(conn, number)
        await conn.execute(_PAUSE, {"number": number, "paused": paused})


async def drop(conn: Connection, number: int) -> None:
    """Drop a model that readers do not see; raises NoSuchModelError, LiveModelError."""
    await _not_live(conn, number)
    await fence(conn, number)  # a batch takes the tables in another order than DROP does
    await conn.execute(_DELETE, (number,))
    await schemas.drop(conn, number)


async def lock_pointer(conn: Connection) -> None:
    """Until the transaction ends nobody moves the pointer."""
    await conn.execute(_LOCK_POINTER)


async def point_at(conn: Connection, number: int) -> None:
    """Let readers see another model."""
    await conn.execute(_POINT_AT, (number,))


async def parked_of(conn: Connection, number: int) -> int:
    """How many events a model could not fold: its rows lack what they say."""
    statement = sql.SQL(_COUNT_PARKED).format(sql.Identifier(schemas.schema(number)))
    row = await (await conn.execute(statement)).fetchone()
    return 0 if row is None else row[0]


async def accounts_of(conn: Connection, number: int) -> list[UUID]:
    """Whose tickets a model holds; the transaction stays at its tables."""
    await schemas.at(conn, number)
    return await accounts(conn)


async def _not_live(conn: Connection, number: int) -> Model:
    """The model, which readers do not see until the transaction ends: a switch waits, or it does.

    Raises NoSuchModelError, LiveModelError.
    """
    await lock_pointer(conn)
    found = {model.number: model for model in await models(conn)}
    if number not in found:
        raise NoSuchModelError(number)
    if found[number].live:
        raise LiveModelError(number)
    return found[number]
