"""Positions in the log, and how far the relay has come."""

from dataclasses import dataclass
from time import monotonic
from typing import Final
from uuid import UUID

from services.tickets.storage.store import EventStore
from shared.contracts.topics import TICKETS_EVENTS
from shared.plumbing.partitions import partition_of
from shared.plumbing.postgres import Pool

_EPOCH_SECONDS: Final = 5.0
_READ: Final = "SELECT epoch, log_id FROM relay_position"
_MOVE: Final = """
UPDATE relay_position SET epoch = %(epoch)s, log_id = %(log_id)s
WHERE (epoch, log_id) = (%(old_epoch)s, %(old_log_id)s)
"""


def kafka_key(key: UUID) -> bytes:
    """The Kafka key of a stream: the contact's id that it was born with (D4)."""
    return str(key).encode()


def answer_position(epoch: int, key: UUID, log_id: int) -> str:
    """`<epoch>.<partition>-<log id>`, as an answer's X-Position says it (D6)."""
    return f"{epoch}.{partition_of(kafka_key(key), TICKETS_EVENTS.partitions)}-{log_id}"


class Epoch:
    """The store's epoch, read again every few seconds: it is raised when a database is restored."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._epoch = 0
        self._until = 0.0

    async def now(self) -> int:
        """The epoch as of a few seconds ago at the most."""
        if monotonic() > self._until:
            self._epoch = await self._store.epoch()
            self._until = monotonic() + _EPOCH_SECONDS
        return self._epoch


class PositionMovedError(Exception):
    """Somebody else stored a position: this relay is not the one any more."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far the log is published."""

    epoch: int
    log_id: int


class RelayPosition:
    """The one row of table `relay_position`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def read(self) -> Position:
        """The position as it is stored now."""
        async with self._pool.connection() as conn:
            row = await (await conn.execute(_READ)).fetchone()
        return Position(*row) if row else Position(0, 0)

    async def move(self, old: Position, new: Position) -> None:
        """Store `new` where `old` still stands; raises PositionMovedError."""
        values = {
            "epoch": new.epoch,
            "log_id": new.log_id,
            "old_epoch": old.epoch,
            "old_log_id": old.log_id,
        }
        async with self._pool.connection() as conn:
            if (await conn.execute(_MOVE, values)).rowcount != 1:
                raise PositionMovedError
