"""What folding is given, and what it needs of the database."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from psycopg import AsyncConnection

from services.projections.domain.events import Event
from services.projections.handlers.models import Models, Wanted
from shared.plumbing.kafka.messages import Record

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


@dataclass(frozen=True, slots=True)
class Mark:
    """How far one delivery brings its partition, whether it was folded or parked."""

    partition: int
    epoch: int
    log_id: int
    offset: int | None  # in Kafka; None from the feed


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came from Kafka or the feed; without an event when its headers do not read."""

    key: bytes
    mark: Mark
    event: Event | None
    record: Callable[[], Record]  # as it is parked

    @property
    def readable(self) -> bool:
        """Whether it can be folded at all."""
        return self.event is not None and self.event.fault is None


class Holding(Protocol):
    """Where deliveries wait that cannot be folded, and which keys they hold (D13)."""

    async def held(self, keys: Sequence[bytes], /) -> set[bytes]:
        """Which of the keys are held."""
        ...

    async def park(self, delivery: Delivery, reason: str, /) -> None:
        """Keep the delivery, once; its key is held from now on."""
        ...


class Store(Protocol):
    """The tables of the read models."""

    async def lock_places(self, conn: Connection, partitions: Sequence[int], /) -> dict[int, Place]:
        """The places, locked: a zombie after a rebalance waits here and finds that it is late."""
        ...

    async def accounts(self, conn: Connection, /) -> list[UUID]:
        """Whose tickets the read models hold."""
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
