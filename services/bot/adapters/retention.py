"""Deletes sessions that ended long ago, in batches, with all of their events.

A session whose row is locked waits for the next run.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from shared.plumbing.loops import Body, Heartbeat
from shared.plumbing.postgres import Pool

BATCH: Final = 200
_FORGET: Final = """
DELETE FROM session WHERE id IN (
    SELECT id FROM session WHERE state = 'ended' AND ended_at < %s
    ORDER BY ended_at LIMIT %s FOR UPDATE SKIP LOCKED)
"""


def forget_ended(pool: Pool, kept: timedelta, now: Callable[[], datetime]) -> Body:
    """The body of the loop: batch after batch until none has ended before that time."""

    async def body(beat: Heartbeat) -> None:
        while await _forget_batch(pool, now() - kept) == BATCH:
            beat.beat()

    return body


async def _forget_batch(pool: Pool, before: datetime) -> int:
    async with pool.connection() as conn:
        return (await conn.execute(_FORGET, (before, BATCH))).rowcount
