"""The tables of the pace: a number's row is its lock, so that no two processes spend one token."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection

from services.outbound.domain.pace import Level
from services.outbound.handlers.ports import Levels

_MEET: Final = """
INSERT INTO number_pace (connection_id) SELECT unnest(%s::uuid[]) ON CONFLICT DO NOTHING
"""
# Who shows no sign of life takes nothing: an attempt that begins within 15 s of one is over before
# the 30 s have passed after which another process calls it abandoned.
_LOCK: Final = """
SELECT number.connection_id, number.tokens, number.at, extract(epoch FROM clock_timestamp())::float8
FROM number_pace AS number
WHERE number.connection_id = ANY(%(numbers)s)
  AND EXISTS (SELECT FROM worker WHERE worker.session = %(session)s
              AND worker.seen_at > clock_timestamp() - interval '15 s')
  AND EXISTS (SELECT FROM queue WHERE queue.connection_id = number.connection_id
              AND queue.state = 'queued' AND queue.next_attempt_at <= %(now)s)
FOR UPDATE OF number SKIP LOCKED
"""
_PAIRS: Final = "SELECT conversation_id, tokens, at FROM pair_pace WHERE conversation_id = ANY(%s)"
_SPEND_NUMBERS: Final = """
UPDATE number_pace AS number SET tokens = new.tokens, at = new.at
FROM unnest(%s::uuid[], %s::float8[], %s::float8[]) AS new (connection_id, tokens, at)
WHERE number.connection_id = new.connection_id
"""
_SPEND_PAIRS: Final = """
INSERT INTO pair_pace (conversation_id, tokens, at)
SELECT * FROM unnest(%s::uuid[], %s::float8[], %s::float8[])
ON CONFLICT (conversation_id) DO UPDATE SET tokens = excluded.tokens, at = excluded.at
"""


class LevelsOfPace:
    """The levels as one transaction sees them."""

    def __init__(self, conn: AsyncConnection[Any]) -> None:
        self.conn = conn

    async def meet(self, connection_ids: Iterable[UUID]) -> None:
        """Every number that has rows has a level; in order, so that nobody deadlocks."""
        await self.conn.execute(_MEET, (sorted(set(connection_ids)),))

    async def numbers(self, ready: Sequence[UUID], session: UUID, now: datetime) -> Levels:
        """Lock the numbers that have something due and that no other process has locked."""
        values = {"numbers": list(ready), "session": session, "now": now}
        rows = await (await self.conn.execute(_LOCK, values)).fetchall()
        levels = {number: Level(tokens, at) for number, tokens, at, _ in rows}
        return Levels(max((clock for *_, clock in rows), default=0.0), levels)

    async def pairs(self, conversation_ids: Sequence[UUID]) -> Mapping[UUID, Level]:
        """The levels of these conversations; the others were not used lately."""
        rows = await (await self.conn.execute(_PAIRS, (list(conversation_ids),))).fetchall()
        return {conversation: Level(tokens, at) for conversation, tokens, at in rows}

    async def spend(self, numbers: Mapping[UUID, Level], pairs: Mapping[UUID, Level]) -> None:
        """Store the levels of numbers that are locked here, and of their conversations."""
        if numbers:
            await self.conn.execute(_SPEND_NUMBERS, _columns(numbers))
        if pairs:
            await self.conn.execute(_SPEND_PAIRS, _columns(pairs))


def _columns(levels: Mapping[UUID, Level]) -> tuple[list[UUID], list[float], list[float]]:
    found = levels.values()
    return list(levels), [level.tokens for level in found], [level.at for level in found]
