"""Where are snapshots of conversations kept? In a table, sealed with their contact's key (D10)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from services.tickets.adapters.data_loader import DataLoader
from services.tickets.adapters.keys import ContactKeys
from services.tickets.domain.conversation.state import SNAPSHOT_FORM, Conversation
from services.tickets.handlers.snapshots import Snapshot
from services.tickets.handlers.state_cache import StateCache
from services.tickets.handlers.store import KeyDestroyedError
from shared.plumbing import logs, metrics
from shared.plumbing.loops import Body, Heartbeat
from shared.plumbing.postgres import Pool
from shared.plumbing.sealing import SealBrokenError

_LOAD: Final = """
SELECT stream, account, key, version, log_id, state FROM snapshot
WHERE stream = ANY(%s::uuid[]) AND form = %s
"""
_SAVE: Final = """
INSERT INTO snapshot AS kept (stream, account, key, form, version, log_id, state)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (stream) DO UPDATE SET (form, version, log_id, state)
    = (excluded.form, excluded.version, excluded.log_id, excluded.state)
WHERE kept.version < excluded.version OR kept.form <> excluded.form
"""
_STATE: Final = TypeAdapter(Conversation)

_saved = metrics.counter("snapshots_saved", "Long streams that were written down")
_log = logs.get(__name__)


class SealedSnapshots:
    """The table `snapshot`. Other forms than today's are ignored, and replaced in time."""

    def __init__(self, pool: Pool, keys: ContactKeys) -> None:
        self._pool = pool
        self._keys = keys
        self._loads: DataLoader[UUID, Snapshot] = DataLoader(self._load)

    async def load(self, streams: Sequence[UUID]) -> Mapping[UUID, Snapshot]:
        """See the port."""
        return await self._loads.get(streams)

    async def save(self, snapshot: Snapshot) -> None:
        """See the port; of a contact that was erased nothing is kept."""
        try:
            sealer = await self._keys.to_seal(snapshot.account, snapshot.key)
        except KeyDestroyedError:
            return
        state = sealer.seal(
            _STATE.dump_json(snapshot.state), _place(snapshot.stream, snapshot.version)
        )
        values = (
            *(snapshot.stream, snapshot.account, snapshot.key, SNAPSHOT_FORM),
            *(snapshot.version, snapshot.log_id, state),
        )
        async with self._pool.connection() as conn:
            await conn.execute(_SAVE, values)
        _saved.inc()

    async def _load(self, streams: Sequence[UUID]) -> Mapping[UUID, Snapshot]:
        async with self._pool.connection() as conn:
            rows = await (await conn.execute(_LOAD, (list(streams), SNAPSHOT_FORM))).fetchall()
        sealers = await self._keys.to_open(row[2] for row in rows)
        found: dict[UUID, Snapshot] = {}
        for stream, account, key, version, log_id, sealed in rows:
            sealer = sealers[key]
            if sealer is None:  # erased: the events are tombstones, and so is what they give
                continue
            try:
                state: Any = _STATE.validate_json(sealer.open(sealed, _place(stream, version)))
            except (SealBrokenError, ValidationError):
                _log.warning("snapshot ignored", stream=stream, version=version)
                continue
            found[stream] = Snapshot(
                stream=stream,
                account=account,
                key=key,
                version=version,
                log_id=log_id,
                state=state,
            )
        return found


def save_due(cache: StateCache, snapshots: SealedSnapshots) -> Body:
    """The body of the loop: write down what has grown long enough since the last time."""

    async def body(beat: Heartbeat) -> None:
        for snapshot in cache.grown():
            await snapshots.save(snapshot)
            beat.beat()

    return body


def _place(stream: UUID, version: int) -> bytes:
    return b"snapshot" + stream.bytes + version.to_bytes(8)
