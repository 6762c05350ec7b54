"""Read streams, claims and the log in batches, decoded and opened."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg import AsyncCursor, Error

from services.tickets.storage.append import OWN_ID
from services.tickets.storage.codec import Codec, UnknownTopicError
from services.tickets.storage.contract import Meta, StoredEvent, Unreadable
from services.tickets.storage.data_loader import DataLoader
from services.tickets.storage.keys import ContactKeys
from shared.plumbing import logs
from shared.plumbing.postgres import Pool
from shared.plumbing.sealing import SealBrokenError, Sealer

_Row = tuple[int, UUID, UUID, int, UUID, str, bytes]
_Claim = tuple[UUID, str, bytes]

_STREAMS: Final[LiteralString] = """
SELECT notification_id, account, originator_id, originator_version, event.key, topic, state
FROM unnest(%b::uuid[], %b::bigint[]) AS wanted (stream, known)
JOIN event ON originator_id = stream AND originator_version > known
ORDER BY originator_id, originator_version
"""
_LOG: Final[LiteralString] = """
SELECT notification_id, account, originator_id, originator_version, event.key, topic, state
FROM event WHERE notification_id > %b ORDER BY notification_id LIMIT %b
"""
_STREAM: Final[LiteralString] = """
SELECT notification_id, account, originator_id, originator_version, event.key, topic, state
FROM event WHERE originator_id = %b AND originator_version >= %b
ORDER BY originator_version LIMIT %b
"""
_HOLDERS: Final[LiteralString] = """
SELECT account, kind, key, value
FROM unnest(%b::uuid[], %b::text[], %b::bytea[]) AS wanted (account, kind, key)
JOIN claim USING (account, kind, key)
"""
_ALL: Final = 2**31
_EPOCH: Final = "SELECT epoch FROM store_epoch"
_HEAD: Final = "SELECT coalesce(max(notification_id), 0) FROM event"
UNREADABLE: Final = (UnknownTopicError, SealBrokenError, ValueError, LookupError, TypeError)
"""What decoding raises when the bytes are not those of an event that we know."""
_NOBODY: Final = Meta(datetime.fromtimestamp(0, UTC), "", UUID(int=0), "")
_log = logs.get(__name__)


class Loader:
    """Reads for the port; concurrent callers share their queries."""

    def __init__(self, pool: Pool, codec: Codec, keys: ContactKeys) -> None:
        self._pool = pool
        self._codec = codec
        self._keys = keys
        self._streams: DataLoader[tuple[UUID, int], list[StoredEvent]] = DataLoader(self._load)
        self._claims: DataLoader[_Claim, bytes] = DataLoader(self._hold)

    async def load(
        self, streams: Sequence[tuple[UUID, int]]
    ) -> Mapping[UUID, Sequence[StoredEvent]]:
        """Per (stream, known version) what is newer; every asked stream has an entry."""
        found = await self._streams.get(streams)
        return {stream: found.get((stream, known), []) for stream, known in streams}

    async def holders(
        self, account: UUID, claims: Sequence[tuple[str, bytes]]
    ) -> Mapping[tuple[str, bytes], bytes]:
        """Who holds these (kind, key); free ones are absent."""
        found = await self._claims.get([(account, kind, key) for kind, key in claims])
        return {(kind, key): value for (_, kind, key), value in found.items()}

    async def outcome(self, account: UUID, command_id: UUID) -> bytes | None:
        """What the command's own id holds."""
        own = (OWN_ID, command_id.bytes)
        return (await self.holders(account, [own])).get(own)

    async def log(self, after: int, limit: int) -> Sequence[StoredEvent]:
        """The log in commit order."""
        return await self._shown(await self._rows(_LOG, (after, limit)))

    async def stream(self, stream: UUID, from_version: int, limit: int) -> Sequence[StoredEvent]:
        """One stream from a version on."""
        return await self._shown(await self._rows(_STREAM, (stream, from_version, limit)))

    async def epoch(self) -> int:
        """The store's epoch."""
        return (await self._rows(_EPOCH, ()))[0][0]

    async def head(self) -> int:
        """The highest log id."""
        return (await self._rows(_HEAD, ()))[0][0]

    async def _load(
        self, wanted: Sequence[tuple[UUID, int]]
    ) -> Mapping[tuple[UUID, int], list[StoredEvent]]:
        least: dict[UUID, int] = {}
        for stream, known in wanted:
            least[stream] = min(known, least.get(stream, known))
        if len(least) == 1:  # alone it is planned once, and needs no arrays
            ((stream, known),) = least.items()
            rows = await self._rows(_STREAM, (stream, known + 1, _ALL))
        else:
            rows = await self._rows(_STREAMS, (list(least), list(least.values())))
        found: dict[UUID, list[StoredEvent]] = {}
        for event in await self._decoded(rows):
            found.setdefault(event.stream, []).append(event)
        return {
            (stream, known): [e for e in found[stream] if e.version > known]
            if known != least[stream]
            else found[stream]
            for stream, known in wanted
            if stream in found
        }

    async def _hold(self, wanted: Sequence[_Claim]) -> Mapping[_Claim, bytes]:
        rows = await self._rows(
            _HOLDERS, tuple(list(column) for column in zip(*wanted, strict=True))
        )
        return {(account, kind, key): value for account, kind, key, value in rows}

    async def _rows(self, sql: LiteralString, params: tuple[Any, ...]) -> list[Any]:
        async with self._pool.connection() as conn:
            await conn.set_autocommit(True)  # one round trip instead of three
            cursor = AsyncCursor(conn)
            try:
                await cursor.execute(sql, params, prepare=True, binary=True)
                return await cursor.fetchall()
            finally:
                with suppress(Error):  # a broken connection never goes back to the pool
                    await conn.set_autocommit(False)

    async def _decoded(self, rows: Sequence[_Row]) -> list[StoredEvent]:
        needed = {key for row in rows if (key := self._codec.key_of(row[6])) is not None}
        sealers = await self._keys.to_open(needed)
        return [self._event(row, sealers) for row in rows]

    async def _shown(self, rows: Sequence[_Row]) -> list[StoredEvent]:
        """As `_decoded`, with Unreadable for what cannot be decoded; its key must be there."""
        needed = {key for row in rows if (key := self._key_of(row)) is not None}
        sealers = await self._keys.to_open(needed)
        return [self._event_or_not(row, sealers) for row in rows]

    def _key_of(self, row: _Row) -> UUID | None:
        try:
            return self._codec.key_of(row[6])
        except UNREADABLE:
            return None

    def _event_or_not(self, row: _Row, sealers: Mapping[UUID, Sealer | None]) -> StoredEvent:
        try:
            return self._event(row, sealers)
        except UNREADABLE as error:
            log_id, account, stream, version, key, topic, state = row
            _log.error("unreadable event", position=log_id, type=topic, error=type(error).__name__)
            meta = self._codec.meta_of(state) or _NOBODY
            return StoredEvent(log_id, account, stream, version, key, Unreadable(topic), meta)

    def _event(self, row: _Row, sealers: Mapping[UUID, Sealer | None]) -> StoredEvent:
        log_id, account, stream, version, key, topic, state = row
        event, meta = self._codec.decode(topic, state, stream, version, sealers)
        return StoredEvent(log_id, account, stream, version, key, event, meta)
