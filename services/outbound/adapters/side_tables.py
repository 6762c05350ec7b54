"""Tables beside the queue: attempts, holds, windows, workers, statuses without a row."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection

from services.outbound.domain.queue_row import QueueRow
from services.outbound.domain.retrying import Hold
from services.outbound.handlers.ports import Ended, Held
from shared.contracts.inbound import INBOUND_TYPES, Status
from shared.plumbing.sealing import Sealer

_START: Final = """
INSERT INTO attempt (message_id, number, session, started_at)
SELECT * FROM unnest(%s::uuid[], %s::int[], %s::uuid[], %s::timestamptz[])
"""
_END: Final = """
UPDATE attempt SET ended_at = %s, outcome = ended.outcome, code = ended.code
FROM unnest(%s::uuid[], %s::int[], %s::text[], %s::int[])
    AS ended (message_id, number, outcome, code)
WHERE (attempt.message_id, attempt.number) = (ended.message_id, ended.number)
"""
_HELD: Final = """
SELECT connection_id, error_class, until <= %s AND NOT EXISTS (
    SELECT FROM queue WHERE queue.connection_id = hold.connection_id AND queue.state = 'sending')
FROM hold
"""
_HOLD: Final = """
INSERT INTO hold (connection_id, error_class, code, since, until) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (connection_id) DO UPDATE SET error_class = excluded.error_class,
    code = excluded.code, since = excluded.since, until = greatest(hold.until, excluded.until)
"""
_RELEASE: Final = """
DELETE FROM hold USING unnest(%s::uuid[], %s::timestamptz[]) AS working (connection_id, started_at)
WHERE hold.connection_id = working.connection_id AND hold.since < working.started_at
"""
_HEARD: Final = """
INSERT INTO last_inbound AS known (connection_id, identity, occurred_at)
SELECT * FROM unnest(%s::uuid[], %s::bytea[], %s::timestamptz[])
ON CONFLICT (connection_id, identity) DO UPDATE SET occurred_at = excluded.occurred_at
WHERE known.occurred_at < excluded.occurred_at
"""
_BEGIN: Final = """
INSERT INTO worker (instance, session, seen_at) VALUES (%s, %s, clock_timestamp())
ON CONFLICT (instance) DO UPDATE SET session = excluded.session, seen_at = excluded.seen_at
"""
_ALIVE: Final = "UPDATE worker SET seen_at = clock_timestamp() WHERE session = %s"
_RULE: Final = "INSERT INTO ruling (message_id, ruled_at, reason) VALUES (%s, %s, %s)"
_KEEP: Final = """
INSERT INTO orphan_status (message_id, type, sealed, kept_at) VALUES (%s, %s, %s, %s)
ON CONFLICT (message_id, type) DO NOTHING
"""
_ORPHANS: Final = """
SELECT message_id, type, sealed FROM orphan_status WHERE message_id = ANY(%s) ORDER BY kept_at
"""


class SideTables:
    """The smaller tables as one transaction sees them."""

    def __init__(self, conn: AsyncConnection[Any], sealer: Sealer) -> None:
        self.conn = conn
        self.sealer = sealer

    async def start_attempts(self, rows: Sequence[QueueRow]) -> None:
        """Write down that these rows are about to be sent."""
        sends = [row for row in rows if row.conversation_id is not None]
        if sends:
            values = [(r.message_id, r.attempts, r.session, r.started_at) for r in sends]
            await self.conn.execute(_START, _columns(values))

    async def end_attempts(self, ended: Sequence[Ended], now: datetime) -> None:
        """Write down how attempts ended."""
        if ended:
            values = [(e.message_id, e.number, e.outcome, e.code) for e in ended]
            await self.conn.execute(_END, (now, *_columns(values)))

    async def held(self, now: datetime) -> Mapping[UUID, Held]:
        """The numbers that refused; one probes when no attempt of it is under way anywhere."""
        rows = await (await self.conn.execute(_HELD, (now,))).fetchall()
        return {number: Held(error_class, over) for number, error_class, over in rows}

    async def hold(self, connection_id: UUID, hold: Hold, now: datetime) -> None:
        """Nothing leaves by this number for a while."""
        until = now + timedelta(seconds=hold.seconds)
        await self.conn.execute(_HOLD, (connection_id, hold.error_class, hold.code, now, until))

    async def release(self, working: Mapping[UUID, datetime]) -> None:
        """End the holds of numbers that accepted an attempt which began after the hold."""
        if working:
            await self.conn.execute(_RELEASE, (list(working), list(working.values())))

    async def heard(self, instants: Mapping[tuple[UUID, bytes], datetime]) -> None:
        """The last instant at which a customer wrote; in order, so that nobody deadlocks."""
        values = [(*key, instants[key]) for key in sorted(instants)]
        await self.conn.execute(_HEARD, _columns(values))

    async def begin_session(self, instance: str, session: UUID) -> None:
        """The first sign of life; another session of this instance is dead from now on."""
        await self.conn.execute(_BEGIN, (instance, session))

    async def alive(self, session: UUID) -> bool:
        """A sign of life; False: another session has taken the instance's place."""
        return (await self.conn.execute(_ALIVE, (session,))).rowcount == 1

    async def keep_ruling(self, message_id: UUID, reason: str, at: datetime) -> None:
        """Why a person ruled that a send of unknown fate counts as failed."""
        await self.conn.execute(_RULE, (message_id, at, reason))

    async def keep_orphans(self, statuses: Sequence[tuple[UUID, Status]], now: datetime) -> None:
        """Keep statuses whose row is not there: after a restore it may come again."""
        values = [
            (id_, status.TYPE, self.sealer.seal(status.body(), _aad(id_)), now)
            for id_, status in statuses
        ]
        if values:
            async with self.conn.cursor() as cursor:
                await cursor.executemany(_KEEP, values)

    async def orphans(self, message_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[Status]]:
        """Statuses that came before their row."""
        rows = await (await self.conn.execute(_ORPHANS, (list(message_ids),))).fetchall()
        found: dict[UUID, list[Status]] = {}
        for message_id, kind, sealed in rows:
            opened = self.sealer.open(bytes(sealed), _aad(message_id))
            status = INBOUND_TYPES[kind].read(opened)
            if isinstance(status, Status):
                found.setdefault(message_id, []).append(status)
        return found


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _aad(message_id: UUID) -> bytes:
    return b"orphan\x1f" + message_id.bytes
