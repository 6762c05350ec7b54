"""Which process may do what only one may do at a time? The holder of a row, by the database's time."""

from typing import Final

from shared.plumbing.postgres import Pool

_ACQUIRE: Final = """
INSERT INTO lease AS held (name, holder, until)
VALUES (%(name)s, %(holder)s, clock_timestamp() + make_interval(secs => %(seconds)s))
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
WHERE held.holder = excluded.holder OR held.until < clock_timestamp()
"""
_RENEW: Final = """
UPDATE lease SET until = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE name = %(name)s AND holder = %(holder)s AND until >= clock_timestamp()
"""
_RELEASE: Final = "DELETE FROM lease WHERE name = %(name)s AND holder = %(holder)s"


class Lease:
    """A row of table `lease`. It limits how often two work at once; what must never be done twice needs
    a condition in the database as well (D4: the position is stored only over the old one)."""

    def __init__(self, pool: Pool, name: str, holder: str, seconds: float) -> None:
        self._pool = pool
        self._names = {"name": name, "holder": holder, "seconds": seconds}

    async def acquire(self) -> bool:
        """Take it when it is free, ours already, or over."""
        return await self._changed(_ACQUIRE)

    async def renew(self) -> bool:
        """Hold it for longer; false when it was lost."""
        return await self._changed(_RENEW)

    async def release(self) -> None:
        """Give it back, so that another need not wait."""
        await self._changed(_RELEASE)

    async def _changed(self, sql: str) -> bool:
        async with self._pool.connection() as conn:
            done = await conn.execute(sql, self._names)  # pyright: ignore[reportArgumentType]
            return done.rowcount == 1
