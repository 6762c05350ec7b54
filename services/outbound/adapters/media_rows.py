"""The tables `media` and `media_upload` as one transaction sees them."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row, kwargs_row

from services.outbound.domain.media import Direction, MediaRow, MediaState
from services.outbound.handlers.media_ports import WantedUpload
from shared.plumbing import metrics
from shared.plumbing.loops import Heartbeat
from shared.plumbing.postgres import Pool

_COLUMNS: Final = """id, account_id, contact_id, ticket_id, connection_id, direction, state,
    mime_type, created_at, sealed_filename, size, sha256, salt, reason, attempts, conversation_id,
    message_id, provider_id, key, correlation"""
_INSERT: Final = f"""
INSERT INTO media ({_COLUMNS}, next_attempt_at)
VALUES (%(id)s, %(account_id)s, %(contact_id)s, %(ticket_id)s, %(connection_id)s, %(direction)s,
    %(state)s, %(mime_type)s, %(created_at)s, %(sealed_filename)s, %(size)s, %(sha256)s, %(salt)s,
    %(reason)s, %(attempts)s, %(conversation_id)s, %(message_id)s, %(provider_id)s, %(key)s,
    %(correlation)s, clock_timestamp())
ON CONFLICT (id) DO NOTHING
"""  # noqa: S608  a constant
_ONE: Final = f"SELECT {_COLUMNS} FROM media WHERE id = %s AND account_id = %s"  # noqa: S608
_SAVE: Final = """
UPDATE media SET state = %(state)s, mime_type = %(mime_type)s, size = %(size)s,
    sha256 = %(sha256)s, salt = %(salt)s, reason = %(reason)s, attempts = %(attempts)s,
    next_attempt_at = %(next_attempt_at)s
WHERE id = %(id)s AND state = 'pending' AND attempts = %(attempts)s
"""
_DUE: Final = f"""
UPDATE media SET attempts = attempts + 1, next_attempt_at = clock_timestamp() + %(lease)s
WHERE id IN (
    SELECT id FROM media
    WHERE state = 'pending' AND direction = 'inbound' AND next_attempt_at <= clock_timestamp()
      AND connection_id = ANY(%(connections)s)
    ORDER BY next_attempt_at LIMIT %(most)s FOR UPDATE SKIP LOCKED)
RETURNING {_COLUMNS}
"""  # noqa: S608
_WANT: Final = """
INSERT INTO media_upload (media_id, connection_id, next_attempt_at)
SELECT *, clock_timestamp() FROM unnest(%s::uuid[], %s::uuid[]) ON CONFLICT DO NOTHING
"""
_CLAIM: Final = """
UPDATE media_upload AS upload
SET attempts = attempts + 1, next_attempt_at = clock_timestamp() + %(lease)s
FROM (
    SELECT media_id, connection_id FROM media_upload AS wanted
    WHERE next_attempt_at <= clock_timestamp()
      AND (provider_id IS NULL OR expires_at <= clock_timestamp())
      AND connection_id = ANY(%(connections)s)
      AND EXISTS (SELECT FROM queue WHERE queue.media_id = wanted.media_id
                  AND queue.connection_id = wanted.connection_id AND queue.state = 'queued')
    ORDER BY next_attempt_at LIMIT %(most)s FOR UPDATE SKIP LOCKED) AS due
WHERE (upload.media_id, upload.connection_id) = (due.media_id, due.connection_id)
RETURNING upload.media_id, upload.connection_id, upload.attempts,
    (SELECT account_id FROM media WHERE media.id = upload.media_id) AS account_id
"""
_UPLOADED: Final = """
UPDATE media_upload SET provider_id = %s, expires_at = clock_timestamp() + %s, attempts = 0
WHERE media_id = %s AND connection_id = %s
"""
_AGAIN: Final = """
UPDATE media_upload SET next_attempt_at = clock_timestamp() + %s
WHERE media_id = %s AND connection_id = %s
"""
_DELETE_UPLOAD: Final = "DELETE FROM media_upload WHERE media_id = %s AND connection_id = %s"
_WAITING: Final = """
SELECT message_id FROM queue WHERE media_id = %s AND connection_id = %s AND state = 'queued'
"""
_REDRIVE: Final = """
UPDATE media SET state = 'pending', attempts = 0, next_attempt_at = clock_timestamp(),
    created_at = clock_timestamp()
WHERE id = %s AND direction = 'inbound' AND state <> 'stored'
"""
_EXPIRED: Final = """
DELETE FROM media_upload WHERE (media_id, connection_id) IN (
    SELECT media_id, connection_id FROM media_upload AS old
    WHERE coalesce(old.expires_at, old.next_attempt_at) < %s AND NOT EXISTS (
        SELECT FROM queue WHERE queue.media_id = old.media_id
        AND queue.connection_id = old.connection_id AND queue.state = 'queued')
    LIMIT %s FOR UPDATE SKIP LOCKED)
"""


_GAUGES: Final = """
SELECT count(*) FILTER (WHERE state = 'pending'), count(*) FILTER (WHERE state = 'unavailable'),
    coalesce(extract(epoch FROM clock_timestamp() - min(created_at)
        FILTER (WHERE state = 'pending')), 0)::float8
FROM media WHERE state <> 'stored' AND direction = 'inbound'
"""

_rows = metrics.gauge("outbound_media_rows", "Customers' files that are not here", ["state"])
_age = metrics.gauge("outbound_media_oldest_seconds", "Age of the oldest file to be fetched")


class MediaGauges:
    """How many files wait to be fetched, and for how long."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def measure(self, beat: Heartbeat) -> None:
        """A body for Loops."""
        async with self._pool.connection() as conn:
            found = await (await conn.execute(_GAUGES)).fetchone()
        pending, unavailable, seconds = found or (0, 0, 0.0)
        _rows.labels(state="pending").set(pending)
        _rows.labels(state="unavailable").set(unavailable)
        _age.set(max(0.0, seconds))
        beat.beat()


class MediaRows:
    """Rows of files."""

    def __init__(self, conn: AsyncConnection[Any]) -> None:
        self.conn = conn

    async def insert_media(self, rows: Sequence[MediaRow]) -> int:
        """Store rows; repeats do nothing. How many are new."""
        if not rows:
            return 0
        async with self.conn.cursor() as cursor:
            await cursor.executemany(_INSERT, [asdict(row) for row in rows])
            return cursor.rowcount

    async def media(self, account_id: UUID, media_id: UUID) -> MediaRow | None:
        """One row of this account."""
        async with self.conn.cursor(row_factory=kwargs_row(_row)) as cursor:
            await cursor.execute(_ONE, (media_id, account_id))
            return await cursor.fetchone()

    async def claim_fetches(
        self, connections: Sequence[UUID], most: int, lease: timedelta
    ) -> Sequence[MediaRow]:
        """Files to fetch now; nobody else gets them before the lease ends."""
        values = {"connections": list(connections), "most": most, "lease": lease}
        async with self.conn.cursor(row_factory=kwargs_row(_row)) as cursor:
            await cursor.execute(_DUE, values)
            return await cursor.fetchall()

    async def save_media(self, row: MediaRow, next_attempt_at: datetime | None = None) -> bool:
        """Store what became of a pending row; False when somebody else has claimed it since."""
        values = asdict(row) | {"next_attempt_at": next_attempt_at}
        return (await self.conn.execute(_SAVE, values)).rowcount == 1

    async def redrive_media(self, media_id: UUID) -> bool:
        """Fetch a file again that is not here; False when there is none to fetch."""
        return (await self.conn.execute(_REDRIVE, (media_id,))).rowcount == 1

    async def want_uploads(self, wanted: Sequence[tuple[UUID, UUID]]) -> None:
        """Files (media, connection) that messages wait for."""
        if wanted:
            pairs = sorted(set(wanted))
            columns = [[media for media, _ in pairs], [number for _, number in pairs]]
            await self.conn.execute(_WANT, columns)

    async def claim_uploads(
        self, connections: Sequence[UUID], most: int, lease: timedelta
    ) -> Sequence[WantedUpload]:
        """Files that queued messages wait for; nobody else gets them before the lease ends."""
        values = {"connections": list(connections), "most": most, "lease": lease}
        async with self.conn.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(_CLAIM, values)
            return [WantedUpload(**row) for row in await cursor.fetchall()]

    async def uploaded(self, upload: WantedUpload, provider_id: str, usable: timedelta) -> None:
        """Meta has the file under this id."""
        values = (provider_id, usable, upload.media_id, upload.connection_id)
        await self.conn.execute(_UPLOADED, values)

    async def upload_again(self, upload: WantedUpload, pause: timedelta) -> None:
        """Try again after a pause."""
        await self.conn.execute(_AGAIN, (pause, upload.media_id, upload.connection_id))

    async def waiting_for(self, upload: WantedUpload) -> Sequence[UUID]:
        """The queued messages that wait for a file."""
        values = (upload.media_id, upload.connection_id)
        return [id_ for (id_,) in await (await self.conn.execute(_WAITING, values)).fetchall()]

    async def forget_upload(self, upload: WantedUpload) -> None:
        """The next message with this file begins anew."""
        await self.conn.execute(_DELETE_UPLOAD, (upload.media_id, upload.connection_id))

    async def forget_expired_uploads(self, before: datetime, most: int) -> int:
        """Delete ids that Meta does not know any more; how many."""
        return (await self.conn.execute(_EXPIRED, (before, most))).rowcount


def _row(**found: Any) -> MediaRow:  # noqa: ANN401  a row of the database
    found["direction"] = Direction(found["direction"])
    found["state"] = MediaState(found["state"])
    return MediaRow(**found)
