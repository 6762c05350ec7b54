"""The database's time, so that all processes agree (reliability.md F18).

The machine's monotonic clock carries its answer on: a wall clock that is set forward or back, or is
wrong on one machine, changes nothing that is stored, due, leased or sent.
"""

from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final

from shared.plumbing import clock, metrics
from shared.plumbing.loops import Heartbeat
from shared.plumbing.postgres import Pool

ASK_SECONDS: Final = 5.0  # a machine that was suspended comes back with an old instant

_offset = metrics.gauge("clock_offset_seconds", "This machine's clock, ahead of the database's")


class DatabaseClock:
    """Give `now` to who needs the time, `ask` to the loops."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._told: tuple[datetime, float] | None = None

    @property
    def known(self) -> bool:
        """Whether the database has been asked; before that, the machine's clock is all there is."""
        return self._told is not None

    def now(self) -> datetime:
        """This instant, aware, UTC."""
        if self._told is None:
            return clock.now()
        at, heard = self._told
        return at + timedelta(seconds=monotonic() - heard)

    async def ask(self, beat: Heartbeat) -> None:
        """A body for Loops; while the database is away the last answer is carried on."""
        async with self._pool.connection() as conn:
            asked = monotonic()
            row = await (await conn.execute("SELECT clock_timestamp()")).fetchone()
            heard = monotonic()
        if row is not None:
            at: datetime = row[0].astimezone(UTC)
            self._told = (at + timedelta(seconds=(heard - asked) / 2), heard)
            _offset.set((clock.now() - self.now()).total_seconds())
        beat.beat()
