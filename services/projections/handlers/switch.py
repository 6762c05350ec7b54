"""Let readers see another model, once it has everything that the live one has."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import Final

from psycopg import sql
from psycopg.errors import LockNotAvailable

from services.projections.domain.positions import Checkpoint, behind
from services.projections.read_models.read_model import Connection
from services.projections.storage import checkpoints, live_model, schemas
from services.projections.storage import models as catalog
from services.projections.storage.models import (
    BehindLiveError,
    LiveModelError,
    NoSuchModelError,
    WrongStateError,
)
from shared.plumbing import logs

_PATIENCE_SECONDS: Final = 1.0  # with the live model standing still: half of its lock_timeout
_LOOK_SECONDS: Final = 0.01
_PAUSE_SECONDS: Final = 0.2
_RAISE: Final = "UPDATE {}.position SET log_id = %s WHERE partition = %s"
_log = logs.get(__name__)

Reset = Callable[[Connection], Awaitable[None]]
"""Tells screens to load again, in the transaction that moves the pointer."""


async def switch(conn: Connection, to: int, reset: Reset, *, seconds: float) -> None:
    """Move the pointer to a model that has everything that the live one has.

    First the model must be close behind. Then the live one stands still for a second at most while
    it is reached; if that is not enough, it goes on and it is tried again. Raises BehindLiveError
    or LockNotAvailable after `seconds`, NoSuchModelError, WrongStateError, LiveModelError.
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
    await _reached(conn, to, await checkpoints.of_model(conn, await _replaced(conn, to)))


async def _switch(conn: Connection, to: int, reset: Reset) -> None:
    await catalog.lock_pointer(conn)
    old = await checkpoints.of_model(conn, await _replaced(conn, to), lock=True)
    await _reached(conn, to, old)
    await _raise(conn, to, old, await checkpoints.of_model(conn, to, lock=True))
    await live_model.without_readers(conn)
    await catalog.point_at(conn, to)
    await reset(conn)


async def _replaced(conn: Connection, to: int) -> int:
    """The live model, which this one may replace; raises as `switch`."""
    found = {model.number: model for model in await catalog.models(conn)}
    if to not in found:
        raise NoSuchModelError(to)
    if found[to].live:
        raise LiveModelError(to)
    if not found[to].follows:
        raise WrongStateError(to, "paused" if found[to].paused else found[to].state)
    return next(number for number, model in found.items() if model.live)


async def _reached(conn: Connection, to: int, old: Mapping[int, Checkpoint]) -> None:
    deadline = monotonic() + _PATIENCE_SECONDS
    while late := behind(await checkpoints.of_model(conn, to), old):
        if monotonic() > deadline:
            raise BehindLiveError(late)
        await asyncio.sleep(_LOOK_SECONDS)


async def _raise(
    conn: Connection, to: int, old: Mapping[int, Checkpoint], new: Mapping[int, Checkpoint]
) -> None:
    """Where a feed was read farther than there were events: no reader finds an older position."""
    statement = sql.SQL(_RAISE).format(sql.Identifier(schemas.schema(to)))
    for partition, checkpoint in old.items():
        if new[partition].epoch == checkpoint.epoch and new[partition].log_id < checkpoint.log_id:
            await conn.execute(statement, (checkpoint.log_id, partition))
