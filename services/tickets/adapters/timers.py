"""Which timers are due? Rows are leased by a short transaction, and never held while firing.

protocols.md 6: the append that a timer causes deletes its row, and would wait for whoever holds it
with the store's lock in hand.
"""

import asyncio
from collections.abc import Callable
from typing import Final
from uuid import UUID

from services.tickets.handlers.timers import Timer, TimerHandler
from shared.plumbing import logs, metrics
from shared.plumbing.loops import Heartbeat
from shared.plumbing.postgres import Pool
from shared.plumbing.timer_failures import TimerFailures

_BATCH: Final = 64
_LEASE: Final = """
UPDATE timer SET leased_until = clock_timestamp() + make_interval(secs => %s)
WHERE id IN (
    SELECT id FROM timer WHERE due <= clock_timestamp()
        AND coalesce(next_attempt_at, '-infinity') <= clock_timestamp()
        AND coalesce(leased_until, '-infinity') < clock_timestamp()
    ORDER BY due LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING id, account, stream, kind
"""
_IS_SET: Final = "SELECT EXISTS (SELECT FROM timer WHERE id = %s)"

_fired = metrics.counter("timers_fired", "Timers that were handled, stale ones too", ["kind"])
_failed = metrics.counter("timer_failures", "Timers that failed: tried again", ["kind"])
_log = logs.get(__name__)


class TimerTable:
    """Table `timer`: the appends set and clear its rows."""

    def __init__(self, pool: Pool, lease_seconds: float) -> None:
        self._pool = pool
        self._lease_seconds = lease_seconds
        self.failures = TimerFailures(pool, "id")

    async def lease_due(self) -> list[Timer]:
        """Some timers that are due, for this process alone until their lease is over."""
        async with self._pool.connection() as conn:  # committed when it is given back
            rows = await conn.execute(_LEASE, (self._lease_seconds, _BATCH))
            return [Timer(*row) for row in await rows.fetchall()]

    async def is_set(self, timer_id: UUID) -> bool:
        """Whether its row is still there."""
        async with self._pool.connection() as conn:
            row = await (await conn.execute(_IS_SET, (timer_id,))).fetchone()
        return row is not None and row[0]


class TimerPoller:
    """`run` is the body of a loop; one that fails is tried again, ever more rarely."""

    def __init__(
        self, table: TimerTable, handler: TimerHandler, is_ready: Callable[[], bool]
    ) -> None:
        self._table = table
        self._handler = handler
        self._is_ready = is_ready

    async def run(self, beat: Heartbeat) -> None:
        """Fire what is due, until nothing is."""
        while self._is_ready() and (due := await self._table.lease_due()):
            await asyncio.gather(*(self._fire(timer) for timer in due))
            beat.beat()

    async def _fire(self, timer: Timer) -> None:
        try:
            await self._handler.fire(timer)
        except Exception as error:  # noqa: BLE001  whatever it is, the others are due too
            _failed.labels(kind=timer.kind).inc()
            _log.warning("timer failed", timer=timer.id, kind=timer.kind, exc_info=True)
            await self._table.failures.note(timer.id, error)
        else:
            _fired.labels(kind=timer.kind).inc()
