"""Park a message that cannot be applied: sealed in table `parked`, its key held (D13).

The consumer asks the table, not a memory of it, which keys of a batch are held: one query each,
and right whichever process owns the partition. Parked keys are retried here on their own, in order:
the oldest of a key first, the next only when it is done or skipped.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString

import orjson
from psycopg.rows import class_row

from shared.plumbing import logs, metrics
from shared.plumbing.kafka.headers import UnreadableHeadersError, from_headers
from shared.plumbing.kafka.messages import Handler, Received, Record
from shared.plumbing.loops import Heartbeat
from shared.plumbing.postgres import TRANSIENT, Pool
from shared.plumbing.sealing import Sealer
from shared.plumbing.transient import TRANSIENT_ANYWHERE, UnprocessableError

_HELD: Final = "SELECT DISTINCT key FROM parked WHERE topic = %s AND key = ANY(%s) AND holds"
_PARK: Final = """
INSERT INTO parked (topic, key, partition, "offset", timestamp_ms, reason, holds, sealed)
VALUES (%(topic)s, %(key)s, %(partition)s, %(offset)s, %(timestamp_ms)s, %(reason)s, %(holds)s,
    %(sealed)s)
ON CONFLICT (topic, partition, "offset") DO NOTHING
"""
# The first of each key, when its time has come; facts that commute are waited for by nobody, and
# wait for nobody. The lease keeps a second process off while we work.
_CLAIM: Final = """
UPDATE parked SET leased_until = clock_timestamp() + interval '60 s',
    first_tried_at = coalesce(first_tried_at, clock_timestamp())
WHERE seq = (
    SELECT head.seq FROM parked AS head
    WHERE head.next_attempt_at <= clock_timestamp()
      AND coalesce(head.leased_until, '-infinity') < clock_timestamp()
      AND head.topic = ANY(%s)
      AND NOT (head.holds AND EXISTS (
          SELECT FROM parked AS older
          WHERE (older.topic, older.key) = (head.topic, head.key)
            AND older.seq < head.seq AND older.holds))
    ORDER BY head.next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING seq, topic, key, partition, "offset", timestamp_ms, reason, sealed
"""
_DONE: Final = "DELETE FROM parked WHERE seq = %s RETURNING topic, key"
_AGAIN: Final = """
UPDATE parked SET attempts = attempts + 1, reason = %(reason)s, leased_until = NULL,
    next_attempt_at = CASE
        WHEN clock_timestamp() > first_tried_at + interval '1 hour' THEN 'infinity'
        ELSE clock_timestamp() + least(interval '1 s' * power(2, least(attempts, 9)), '5 min') END
WHERE seq = %(seq)s
"""
_GIVE_BACK: Final = "UPDATE parked SET leased_until = NULL WHERE seq = %s"
_LIST: Final = """
SELECT seq, topic, partition, "offset", reason, holds, attempts, parked_at,
    nullif(next_attempt_at, 'infinity') AS next_attempt_at
FROM parked ORDER BY seq LIMIT %s
"""
_ONE: Final = """
SELECT seq, topic, key, partition, "offset", timestamp_ms, reason, sealed FROM parked WHERE seq = %s
"""
_RETRY: Final = """
UPDATE parked SET next_attempt_at = clock_timestamp(), first_tried_at = NULL WHERE seq = %s
"""
_WAITING: Final = """
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(parked_at)), 0) FROM parked
"""

_size = metrics.gauge("parked", "Messages that wait in table parked")
_age = metrics.gauge("parked_oldest_seconds", "How long the oldest of them has waited")
_log = logs.get(__name__)


class NotParkedError(LookupError):
    """There is no such parked message."""


@dataclass(frozen=True, slots=True)
class ParkedEntry:
    """A parked message as an operator sees it; `next_attempt_at` is None when the hour is over."""

    seq: int
    topic: str
    partition: int
    offset: int
    reason: str
    holds: bool
    attempts: int
    parked_at: datetime
    next_attempt_at: datetime | None


@dataclass(frozen=True, slots=True)
class ParkedContent:
    """A parked message opened; it may hold personal data."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Row:
    seq: int
    topic: str
    key: bytes
    partition: int
    offset: int
    timestamp_ms: int
    reason: str
    sealed: bytes


class Parking:
    """The table `parked` in the service's schema (PLUMBING_SQL["parked"])."""

    def __init__(self, pool: Pool, sealer: Sealer, service: str) -> None:
        self._pool = pool
        self._sealer = sealer
        self._service = service
        self._handlers: dict[str, Handler] = {}
        self.measured = True  # of several places in one process only one may be

    @property
    def transient(self) -> tuple[type[Exception], ...]:
        """What is raised while PostgreSQL is away."""
        return TRANSIENT

    def handles(self, topic: str, handle: Handler) -> None:
        """`subscribe` says who handles a topic."""
        self._handlers[topic] = handle

    async def held(self, topic: str, keys: Sequence[bytes]) -> set[bytes]:
        """Which of the keys are held."""
        async with self._pool.connection() as conn:
            found = await conn.execute(_HELD, (topic, list(keys)))
            return {bytes(row[0]) for row in await found.fetchall()}

    async def is_held(self, topic: str, key: bytes) -> bool:
        """Whether later messages of the key must park behind it."""
        return bool(await self.held(topic, [key]))

    async def park(self, topic: str, record: Record, reason: str, *, holds: bool) -> None:
        """Keep a record, once, however often it is delivered."""
        key = record.key or b""
        row = {
            "topic": topic,
            "key": key,
            "partition": record.partition,
            "offset": record.offset,
            "timestamp_ms": record.timestamp,
            "reason": reason,
            "holds": holds,
            "sealed": self._sealer.seal(_pack(record), self._aad(topic, key)),
        }
        async with self._pool.connection() as conn:
            await conn.execute(_PARK, row)

    async def retry_due(self, beat: Heartbeat) -> None:
        """A body for Loops: retry what is due, key by key, until nothing is."""
        while True:
            row = await self._claim()
            if row is None:
                break
            await self._retry(row)
            beat.beat()
        if self.measured:
            await self._measure()

    async def _measure(self) -> None:
        async with self._pool.connection() as conn:
            found = await (await conn.execute(_WAITING)).fetchone()
        count, seconds = found or (0, 0)
        _size.set(count)
        _age.set(float(seconds))

    async def list(self, limit: int = 100) -> list[ParkedEntry]:
        """What waits, oldest first."""
        async with (
            self._pool.connection() as conn,
            conn.cursor(row_factory=class_row(ParkedEntry)) as cur,
        ):
            await cur.execute(_LIST, (limit,))
            return await cur.fetchall()

    async def show(self, seq: int) -> ParkedContent:
        """One message, opened; raises NotParkedError."""
        row = await self._one(_ONE, (seq,))
        if row is None:
            raise NotParkedError(seq)
        headers, body = _unpack(self._opened(row))
        return ParkedContent(
            {name: value.decode(errors="replace") for name, value in headers}, body
        )

    async def retry(self, seq: int) -> None:
        """Let it be retried at once, and for another hour; raises NotParkedError."""
        await self._changed(_RETRY, seq)

    async def skip(self, seq: int) -> None:
        """Give it up: the next of its key is retried; raises NotParkedError."""
        await self._changed(_DONE, seq)
        _log.warning("parked message skipped", seq=seq)

    async def _claim(self) -> _Row | None:
        return await self._one(_CLAIM, (list(self._handlers),))

    async def _one(self, sql: LiteralString, values: tuple[object, ...]) -> _Row | None:
        async with self._pool.connection() as conn, conn.cursor(row_factory=class_row(_Row)) as cur:
            await cur.execute(sql, values)
            return await cur.fetchone()

    async def _changed(self, sql: LiteralString, seq: int) -> None:
        async with self._pool.connection() as conn:
            if (await conn.execute(sql, (seq,))).rowcount == 0:
                raise NotParkedError(seq)

    async def _retry(self, row: _Row) -> None:
        try:
            await self._handlers[row.topic](self._received(row))
        except (*TRANSIENT, *TRANSIENT_ANYWHERE):
            async with self._pool.connection() as conn:
                await conn.execute(_GIVE_BACK, (row.seq,))
            raise  # what is away is no fault of the message: the loop waits and comes back
        except Exception as error:  # noqa: BLE001  a poison may raise anything
            await self._again(row, _reason(error))
        else:
            async with self._pool.connection() as conn:
                await conn.execute(_DONE, (row.seq,))
            _log.info("parked message applied", seq=row.seq, topic=row.topic)

    async def _again(self, row: _Row, reason: str) -> None:
        _log.warning(
            "parked message refused", seq=row.seq, topic=row.topic, reason=reason, exc_info=True
        )
        async with self._pool.connection() as conn:
            await conn.execute(_AGAIN, {"seq": row.seq, "reason": reason})

    def _received(self, row: _Row) -> Received:
        headers, body = _unpack(self._opened(row))
        try:
            envelope = from_headers(headers)
        except UnreadableHeadersError as error:
            reason = "unreadable"
            raise UnprocessableError(reason) from error
        return Received(
            topic=row.topic,
            partition=row.partition,
            offset=row.offset,
            key=bytes(row.key),
            envelope=envelope,
            body=body,
            timestamp_ms=row.timestamp_ms,
        )

    def _opened(self, row: _Row) -> bytes:
        return self._sealer.open(bytes(row.sealed), self._aad(row.topic, bytes(row.key)))

    def _aad(self, topic: str, key: bytes) -> bytes:
        return b"\x1f".join((b"parked", self._service.encode(), topic.encode(), key))


def _reason(error: Exception) -> str:
    return error.reason if isinstance(error, UnprocessableError) else type(error).__name__


def _pack(record: Record) -> bytes:
    headers = [[name, base64.b64encode(value or b"").decode()] for name, value in record.headers]
    return orjson.dumps({"headers": headers}) + b"\n" + (record.value or b"")


def _unpack(packed: bytes) -> tuple[list[tuple[str, bytes]], bytes]:
    head, _, body = packed.partition(b"\n")
    headers = [(name, base64.b64decode(value)) for name, value in orjson.loads(head)["headers"]]
    return headers, body
