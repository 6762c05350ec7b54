"""Snapshots of conversations, in a table, sealed with their contact's key (D1, D10).

Nothing is decided on a snapshot alone: newer events are folded onto it, and the append checks the
version that comes out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from services.tickets.domain.conversation.state import SNAPSHOT_FORM, Conversation
from services.tickets.storage.contract import KeyDestroyedError
from services.tickets.storage.data_loader import DataLoader
from services.tickets.storage.keys import ContactKeys
from shared.plumbing import logs, metrics
from shared.plumbing.postgres import Pool
from shared.plumbing.sealing import SealBrokenError

EVERY_EVENTS: Final = 200  # design.md D1
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A conversation as it was at a version; `key` is the contact whose key seals it."""

    stream: UUID
    account: UUID
    key: UUID
    version: int
    log_id: int
    state: Any  # a Conversation: other streams are short


class Snapshots:
    """The table `snapshot`. Other forms than today's are ignored, and replaced in time."""

    def __init__(self, pool: Pool, keys: ContactKeys) -> None:
        self._pool = pool
        self._keys = keys
        self._loads: DataLoader[UUID, Snapshot] = DataLoader(self._load)

    async def load(self, streams: Sequence[UUID]) -> Mapping[UUID, Snapshot]:
        """Those that there are; one that cannot be read is as good as none."""
        return await self._loads.get(streams)

    async def save(self, snapshot: Snapshot) -> None:
        """Keep it, unless a newer one is kept; of a contact that was erased nothing is."""
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


def _place(stream: UUID, version: int) -> bytes:
    return b"snapshot" + stream.bytes + version.to_bytes(8)
