"""Publish messages from rows that were stored with the change that they tell.

Rows are claimed and deleted under a lock by one drainer at a time, never "read after a position": a
row that commits late under a low number is still found (D4). A crash between the acknowledgments
and the delete repeats messages, in the same order; it loses none.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import orjson
from psycopg import AsyncConnection

from shared.contracts.envelope import Envelope
from shared.plumbing import metrics
from shared.plumbing.failpoints import FAILPOINTS, hit
from shared.plumbing.kafka.headers import from_headers, to_headers
from shared.plumbing.kafka.messages import Outgoing
from shared.plumbing.kafka.producer import Producer
from shared.plumbing.loops import Heartbeat
from shared.plumbing.postgres import Pool

_BATCH: Final = 500

_PUT: Final = """
INSERT INTO outbox (topic, key, headers, body)
SELECT topic, key, headers::jsonb, body
FROM unnest(%b::text[], %b::bytea[], %b::text[], %b::bytea[])
    WITH ORDINALITY AS message (topic, key, headers, body, number) ORDER BY number
"""
_LOCK: Final = """
SELECT pg_try_advisory_xact_lock(hashtextextended(current_schema() || '.outbox', 0)),
    set_config('idle_in_transaction_session_timeout', '30s', true)
"""
_READ: Final = "SELECT seq, topic, key, headers, body FROM outbox ORDER BY seq LIMIT %s"
_DELETE: Final = "DELETE FROM outbox WHERE seq = ANY(%s)"

_drained = metrics.counter("outbox_drained", "Messages published from the outbox")

FAILPOINTS.update({"outbox.after_produce"})


class Outbox:
    """The table `outbox` in the service's schema (PLUMBING_SQL["outbox"])."""

    def __init__(self, pool: Pool, producer: Producer) -> None:
        self._pool = pool
        self._producer = producer
        self.wake = asyncio.Event()

    async def put(self, conn: AsyncConnection[Any], messages: Sequence[Outgoing]) -> None:
        """Store the messages in the caller's transaction; call `wake.set()` after its commit.

        Writers of one key hold a lock of their own (the row that the message is about), so that the
        numbers of a key's messages rise in the order of their commits.
        """
        if messages:
            columns = zip(*map(_row, messages), strict=True)
            await conn.execute(_PUT, [list(column) for column in columns])

    async def drain(self, beat: Heartbeat) -> None:
        """A body for Loops (each second, woken by `wake`): publish until nothing is left."""
        while await self._some():
            beat.beat()

    async def _some(self) -> bool:
        """Publish a batch; false when another process drains, or nothing is left."""
        async with self._pool.connection() as conn:
            locked = await (await conn.execute(_LOCK)).fetchone()
            if locked is None or not locked[0]:
                return False
            rows = await (await conn.execute(_READ, (_BATCH,))).fetchall()
            await self._producer.send_all([_message(row) for row in rows])
            hit("outbox.after_produce")
            await conn.execute(_DELETE, ([row[0] for row in rows],))
        _drained.inc(len(rows))
        return len(rows) == _BATCH


def _row(message: Outgoing) -> tuple[str, bytes, str, bytes]:
    headers = {name: value.decode() for name, value in to_headers(message.envelope)}
    return message.topic, message.key, orjson.dumps(headers).decode(), message.body


def _message(row: tuple[Any, ...]) -> Outgoing:
    _, topic, key, headers, body = row
    return Outgoing(topic, bytes(key), _envelope(headers), bytes(body))


def _envelope(headers: dict[str, str]) -> Envelope:
    return from_headers([(name, value.encode()) for name, value in headers.items()])
