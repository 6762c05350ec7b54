"""Delete outcomes of people's commands after 7 days, in batches."""

from typing import Final

from shared.plumbing.loops import Body, Heartbeat
from shared.plumbing.postgres import Pool

KEPT_DAYS: Final = 7
_BATCH: Final = 500
_LOCK: Final = "SELECT pg_advisory_xact_lock(77)"  # the append's: no command is judged meanwhile
_FORGET: Final = """
DELETE FROM claim WHERE (account, kind, key) IN (
    SELECT account, kind, key FROM claim
    WHERE kind = 'command' AND at < now() - make_interval(days => %s) ORDER BY at LIMIT %s)
"""


async def forget_batch(pool: Pool) -> int:
    """Forget the oldest outcomes, one batch; how many there were."""
    async with pool.connection() as conn, conn.transaction():
        await conn.execute(_LOCK)
        return (await conn.execute(_FORGET, (KEPT_DAYS, _BATCH))).rowcount


def forget_old(pool: Pool) -> Body:
    """The body of the loop: batch after batch until nothing is old."""

    async def body(beat: Heartbeat) -> None:
        while await forget_batch(pool) == _BATCH:
            beat.beat()

    return body
