"""The PostgreSQL database of one service: its pool, its clock, and when it can be used."""

from typing import Final, LiteralString

from shared.plumbing.database_clock import DatabaseClock
from shared.plumbing.loops import Heartbeat
from shared.plumbing.postgres import STARTING, make_pool


class Database:
    """A pool that `Service` opens, waits for and closes; `clock.now` is the database's time."""

    transient: Final = STARTING
    """What `open` raises while the server is away or the migrations have not run."""

    def __init__(self, url: str, probe: LiteralString, *, max_size: int, min_size: int = 1) -> None:
        """`probe` is a query that succeeds once the migrations have run."""
        self.pool = make_pool(url, min_size=min_size, max_size=max_size)
        self.clock = DatabaseClock(self.pool)
        self._probe: LiteralString = probe

    async def open(self) -> None:
        """Connect, probe and ask for the time; may be called again after a failure."""
        await self.pool.open()
        async with self.pool.connection() as conn:
            await conn.execute(self._probe)
        await self.clock.ask(Heartbeat())
