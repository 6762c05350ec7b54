"""The table `queue`: rows in order, the first of each conversation, locked while they change."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from services.outbound.domain.queue_row import Kind, QueueRow, State, Told
from services.outbound.domain.window import closes_at
from services.outbound.handlers.ports import Due, Queued, file_of
from shared.contracts.outbound import SendMessage, SendReadReceipt
from shared.plumbing.sealing import SealBrokenError, Sealer

# `queued_at` is of another service: its clock must not make a row wait.
_INSERT: Final = """
INSERT INTO queue (message_id, kind, key, account_id, contact_id, connection_id, conversation_id,
    ticket_id, after, identities, window_closes_at, correlation, media_id, state, sealed,
    queued_at, next_attempt_at)
VALUES (%(message_id)s, %(kind)s, %(key)s, %(account_id)s, %(contact_id)s, %(connection_id)s,
    %(conversation_id)s, %(ticket_id)s, %(after)s, %(identities)s, %(window_closes_at)s,
    %(correlation)s, %(media_id)s, 'queued', %(sealed)s, %(queued_at)s,
    least(%(queued_at)s, clock_timestamp()))
ON CONFLICT (message_id) DO NOTHING
"""
# An earlier row of a conversation can only leave `queued` and `sending` for good, and no row gets
# an earlier `seq` later (one partition, in order): what this finds free stays free.
_DUE: Final = """
SELECT q.*,
    (SELECT max(i.occurred_at) FROM last_inbound AS i
     WHERE i.connection_id = q.connection_id AND i.identity = ANY(q.identities)) AS last_inbound,
    (SELECT file.provider_id FROM media_upload AS file
     WHERE (file.media_id, file.connection_id) = (q.media_id, q.connection_id)) AS provider_media_id
FROM unnest(%(numbers)s::uuid[], %(limits)s::int[]) AS number (id, most)
CROSS JOIN LATERAL (
    SELECT waiting.* FROM queue AS waiting
    WHERE waiting.connection_id = number.id AND waiting.state = 'queued'
      AND waiting.next_attempt_at <= %(now)s
      AND (waiting.conversation_id IS NULL OR NOT EXISTS (
          SELECT FROM queue AS earlier
          WHERE earlier.conversation_id = waiting.conversation_id AND earlier.seq < waiting.seq
            AND earlier.state IN ('queued', 'sending')))
      AND (waiting.after IS NULL OR NOT EXISTS (
          SELECT FROM queue AS before
          WHERE before.message_id = waiting.after
            AND (before.state IN ('queued', 'sending')
                 OR (before.state IN ('accepted', 'unknown') AND before.told = 0
                     AND before.settled_at > %(now)s::timestamptz - interval '3 s'))))
      AND (waiting.media_id IS NULL OR EXISTS (
          SELECT FROM media_upload AS file
          WHERE file.media_id = waiting.media_id AND file.connection_id = waiting.connection_id
            AND file.provider_id IS NOT NULL AND file.expires_at > %(now)s))
    ORDER BY waiting.next_attempt_at, waiting.seq LIMIT number.most
    FOR UPDATE SKIP LOCKED) AS q
LIMIT %(most)s
"""
_LOCKED: Final = "SELECT * FROM queue WHERE message_id = ANY(%s) ORDER BY message_id FOR UPDATE"
_ABANDONED: Final = """
SELECT q.* FROM queue AS q
WHERE q.state = 'sending' AND NOT EXISTS (
    SELECT FROM worker
    WHERE worker.session = q.session AND worker.seen_at > clock_timestamp() - interval '30 s')
ORDER BY q.message_id LIMIT %s FOR UPDATE SKIP LOCKED
"""
_SAVE: Final = """
UPDATE queue AS q SET state = new.state, next_attempt_at = new.next_attempt_at,
    attempts = new.attempts, refusals = new.refusals, session = new.session,
    started_at = new.started_at, wamid_hash = new.wamid_hash, told = new.told,
    reason = new.reason, cancel = new.cancel, settled_at = new.settled_at,
    sealed = CASE WHEN new.state IN ('queued', 'sending') THEN q.sealed END
FROM unnest(%(message_id)s::uuid[], %(state)s::text[], %(next_attempt_at)s::timestamptz[],
    %(attempts)s::int[], %(refusals)s::int[], %(session)s::uuid[], %(started_at)s::timestamptz[],
    %(wamid_hash)s::bytea[], %(told)s::smallint[], %(reason)s::text[],
    %(cancel)s::text[], %(settled_at)s::timestamptz[])
    AS new (message_id, state, next_attempt_at, attempts, refusals, session, started_at,
        wamid_hash, told, reason, cancel, settled_at)
WHERE q.message_id = new.message_id
"""
_SAVED: Final = (
    *("message_id", "state", "next_attempt_at", "attempts", "refusals", "session"),
    *("started_at", "wamid_hash", "told", "reason", "cancel", "settled_at"),
)
_DELETE: Final = "DELETE FROM queue WHERE message_id = ANY(%s)"


class Rows:
    """The rows as one transaction sees them."""

    def __init__(self, conn: AsyncConnection[Any], sealer: Sealer) -> None:
        self.conn = conn
        self.sealer = sealer

    async def insert(self, queued: Sequence[Queued]) -> int:
        """Store rows in this order; repeats do nothing. How many are new."""
        async with self.conn.cursor() as cursor:
            await cursor.executemany(_INSERT, [self._values(each) for each in queued])
            return cursor.rowcount

    async def due(self, limits: Mapping[UUID, int], most: int, now: datetime) -> Sequence[Due]:
        """Lock what may be sent: the first of each conversation, so many of each number."""
        async with self.conn.cursor(row_factory=dict_row) as cursor:
            values = {"numbers": list(limits), "limits": list(limits.values())}
            await cursor.execute(_DUE, {**values, "most": most, "now": now})
            return [self._due(row) for row in await cursor.fetchall()]

    async def locked(self, message_ids: Iterable[UUID]) -> Mapping[UUID, QueueRow]:
        """Lock these rows, always in the same order, so that no two transactions deadlock."""
        found = await self._rows(_LOCKED, (list(message_ids),))
        return {row.message_id: row for row in found}

    async def abandoned(self, most: int) -> Sequence[QueueRow]:
        """Lock rows in `sending` whose worker shows no sign of life."""
        return await self._rows(_ABANDONED, (most,))

    async def update(self, rows: Sequence[QueueRow]) -> None:
        """Store what may change; a row that left `queued` and `sending` loses its text."""
        if rows:
            columns = {name: [getattr(row, name) for row in rows] for name in _SAVED}
            await self.conn.execute(_SAVE, columns)

    async def delete(self, message_ids: Sequence[UUID]) -> None:
        """Forget rows."""
        if message_ids:
            await self.conn.execute(_DELETE, (list(message_ids),))

    async def _rows(self, query: LiteralString, values: tuple[object, ...]) -> list[QueueRow]:
        async with self.conn.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(query, values)
            return [_row(found) for found in await cursor.fetchall()]

    def _values(self, queued: Queued) -> dict[str, object]:
        command = queued.command
        own = _of_message(command) if isinstance(command, SendMessage) else _of_receipt(command)
        return {
            **own,
            "key": queued.key,
            "account_id": command.account_id,
            "contact_id": command.contact_id,
            "connection_id": command.connection_id,
            "identities": list(queued.identities),
            "correlation": queued.correlation,
            "media_id": queued.media_id,
            "sealed": self.sealer.seal(command.body(), _aad(queued.message_id)),
        }

    def _due(self, found: dict[str, Any]) -> Due:
        row = _row(found)
        return Due(
            row,
            _with_file(self._command(row, found["sealed"]), found["provider_media_id"]),
            closes_at(found["window_closes_at"], found["last_inbound"]),
        )

    def _command(self, row: QueueRow, sealed: bytes | None) -> SendMessage | SendReadReceipt | None:
        kind = SendMessage if row.kind is Kind.SEND else SendReadReceipt
        try:
            return kind.read(self.sealer.open(bytes(sealed or b""), _aad(row.message_id)))
        except (SealBrokenError, ValueError):
            return None


def _with_file(
    command: SendMessage | SendReadReceipt | None, provider_id: str | None
) -> SendMessage | SendReadReceipt | None:
    if provider_id is None or not isinstance(command, SendMessage):
        return command
    media = file_of(command)
    if media is None:
        return command
    named = media.model_copy(update={"id": provider_id})
    content = command.content.model_copy(update={"media": named})
    return command.model_copy(update={"content": content})


def _of_message(command: SendMessage) -> dict[str, object]:
    return {
        "message_id": command.message_id,
        "kind": Kind.SEND,
        "conversation_id": command.conversation_id,
        "ticket_id": command.ticket_id,
        "after": command.after,
        "window_closes_at": command.window_closes_at,
        "queued_at": command.queued_at,
    }


def _of_receipt(command: SendReadReceipt) -> dict[str, object]:
    nothing = dict.fromkeys(("conversation_id", "ticket_id", "after", "window_closes_at"))
    return {
        **nothing,
        "message_id": command.receipt_id,
        "kind": Kind.RECEIPT,
        "queued_at": command.read_at,
    }


def _row(found: dict[str, Any]) -> QueueRow:
    return QueueRow(
        message_id=found["message_id"],
        kind=Kind(found["kind"]),
        key=bytes(found["key"]),
        account_id=found["account_id"],
        contact_id=found["contact_id"],
        connection_id=found["connection_id"],
        conversation_id=found["conversation_id"],
        ticket_id=found["ticket_id"],
        state=State(found["state"]),
        queued_at=found["queued_at"],
        next_attempt_at=found["next_attempt_at"],
        attempts=found["attempts"],
        refusals=found["refusals"],
        session=found["session"],
        started_at=found["started_at"],
        wamid_hash=None if found["wamid_hash"] is None else bytes(found["wamid_hash"]),
        told=Told(found["told"]),
        reason=found["reason"],
        cancel=found["cancel"],
        settled_at=found["settled_at"],
        correlation=found["correlation"],
    )


def _aad(message_id: UUID) -> bytes:
    return b"queue\x1f" + message_id.bytes
