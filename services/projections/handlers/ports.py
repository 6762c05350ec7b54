"""What folding needs of the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from psycopg import AsyncConnection

from services.projections.handlers.models import Models, Wanted

Connection = AsyncConnection[tuple[Any, ...]]
CounterKey = tuple[int, UUID, str, UUID | None, UUID | None]


@dataclass(frozen=True, slots=True)
class Place:
    """How far a partition is folded, and where to read on in Kafka."""

    partition: int
    epoch: int
    log_id: int
    kafka_offset: int | None = None
    follow_from: datetime | None = None  # after a feed: read Kafka from this instant on


class Store(Protocol):
    """The tables of the read models."""

    async def lock_places(self, conn: Connection, partitions: Sequence[int], /) -> dict[int, Place]:
        """The places, locked: a zombie after a rebalance waits here and finds that it is late."""
        ...

    async def load(self, conn: Connection, ids: Wanted, /) -> Models:
        """Everything that stands under these ids."""
        ...

    async def save(self, conn: Connection, before: Models, after: Models, /) -> None:
        """Store what changed."""
        ...

    async def count(self, conn: Connection, deltas: Mapping[CounterKey, int], /) -> None:
        """Add to the counters."""
        ...

    async def move(self, conn: Connection, places: Sequence[Place], /) -> None:
        """Store the places."""
        ...
