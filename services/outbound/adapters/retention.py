"""What is deleted when its time is over, so many rows at once; who holds a lock is passed over."""

from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg import AsyncConnection

from services.outbound.domain.pace import PAIR_FULL_SECONDS

_SETTLED: Final = """
DELETE FROM queue WHERE message_id IN (
    SELECT old.message_id FROM queue AS old
    WHERE old.state IN ('accepted', 'refused', 'cancelled', 'dead') AND old.settled_at < %s
    ORDER BY old.settled_at LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING message_id
"""
_ATTEMPTS: Final = "DELETE FROM attempt WHERE message_id = ANY(%s)"
_RULINGS: Final = "DELETE FROM ruling WHERE message_id = ANY(%s)"
_ORPHANS: Final = """
DELETE FROM orphan_status WHERE (message_id, type) IN (
    SELECT message_id, type FROM orphan_status WHERE kept_at < %s LIMIT %s FOR UPDATE SKIP LOCKED)
"""
_HEARD: Final = """
DELETE FROM last_inbound WHERE (connection_id, identity) IN (
    SELECT connection_id, identity FROM last_inbound WHERE occurred_at < %s
    LIMIT %s FOR UPDATE SKIP LOCKED)
"""
_PAIRS: Final = """
DELETE FROM pair_pace WHERE conversation_id IN (
    SELECT conversation_id FROM pair_pace
    WHERE at < extract(epoch FROM clock_timestamp()) - %s LIMIT %s FOR UPDATE SKIP LOCKED)
"""
_WORKERS: Final = """
DELETE FROM worker WHERE instance IN (
    SELECT instance FROM worker WHERE seen_at < %s LIMIT %s FOR UPDATE SKIP LOCKED)
"""


class Forgetting:
    """Old rows of all tables as one transaction sees them."""

    def __init__(self, conn: AsyncConnection[Any]) -> None:
        self.conn = conn

    async def forget_settled(self, before: datetime, most: int) -> int:
        """Rows that were settled before, with their attempts and rulings; how many."""
        found = await (await self.conn.execute(_SETTLED, (before, most))).fetchall()
        message_ids: list[UUID] = [message_id for (message_id,) in found]
        for delete in (_ATTEMPTS, _RULINGS) if message_ids else ():
            await self.conn.execute(delete, (message_ids,))
        return len(message_ids)

    async def forget_orphans(self, before: datetime, most: int) -> int:
        """Statuses whose row did not come; how many."""
        return await self._deleted(_ORPHANS, before, most)

    async def forget_heard(self, before: datetime, most: int) -> int:
        """Instants of customers whose window is long closed; how many."""
        return await self._deleted(_HEARD, before, most)

    async def forget_pairs(self, most: int) -> int:
        """Pairs that have rested until they are like new ones; how many."""
        return await self._deleted(_PAIRS, PAIR_FULL_SECONDS, most)

    async def forget_workers(self, before: datetime, most: int) -> int:
        """Instances that are gone; how many."""
        return await self._deleted(_WORKERS, before, most)

    async def _deleted(self, query: LiteralString, *values: object) -> int:
        return (await self.conn.execute(query, values)).rowcount
