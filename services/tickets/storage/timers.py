"""The table of timers: rows are leased by a short transaction, and never held while firing.

protocols.md 6: the append that a timer causes deletes its row, and would wait for whoever holds it
with the store's lock in hand.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

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


@dataclass(frozen=True, slots=True)
class Timer:
    """A row that is due."""

    id: UUID
    account: UUID
    stream: UUID
    kind: str


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
